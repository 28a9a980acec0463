//! The checkout saga: reserve stock, charge the customer, confirm the order.

use super::{Change, Purchase, egress::Egress};
use crate::apps::Place;
use axum::http::StatusCode;
use serde_json::Value;
use std::{future::Future, sync::Arc, time::Duration};
use tracing::info;
use windtunnel_models::{
    journal::Journal,
    saga::{Context, Definition, Outcome, Step},
    trace,
};

/// The saga's name in the log.
pub const CHECKOUT: &str = "checkout";

/// The steps, with what they call.
pub fn definition(
    at: &Arc<Place>,
    egress: &Egress,
    orders: &Journal,
    per_try: Duration,
) -> Definition {
    let of = |service: &'static str, path: &'static str, subject: Subject| {
        call(at.clone(), egress.clone(), service, path, subject)
    };
    let reserve = Step::new("reserve", of("stock", "/reserve", Subject::Item))
        .undone_by(of("stock", "/release", Subject::Item))
        .timeout(per_try);
    let charge = Step::new("charge", of("payments", "/charge", Subject::Customer))
        .undone_by(of("payments", "/refund", Subject::Customer))
        .timeout(per_try);
    let confirm = Step::new("confirm", confirm(orders.clone())).timeout(per_try);
    Definition::new(CHECKOUT)
        .step(reserve)
        .step(charge)
        .pivot()
        .step(confirm)
}

/// What a change is about.
#[derive(Clone, Copy)]
enum Subject {
    Item,
    Customer,
}

/// An effect or undo at the replica that holds the subject.
fn call(
    at: Arc<Place>,
    egress: Egress,
    service: &'static str,
    path: &'static str,
    subject: Subject,
) -> impl Fn(Context) -> std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync + 'static
{
    move |context| {
        let (at, egress) = (at.clone(), egress.clone());
        Box::pin(async move {
            let purchase: Purchase = match serde_json::from_value(context.input.clone()) {
                Ok(purchase) => purchase,
                Err(error) => return Outcome::Refused(error.to_string()),
            };
            let (subject, amount) = match subject {
                Subject::Item => (purchase.item, purchase.quantity),
                Subject::Customer => (purchase.customer, purchase.price),
            };
            let Ok((_, replica)) = at.shard(service, &subject) else {
                return Outcome::Refused(format!("there is no {service}"));
            };
            // The undo names the effect by the effect's key.
            let key = match context.key.strip_suffix("/undo") {
                Some(effect) => format!("{effect}/do"),
                None => context.key.clone(),
            };
            let order = purchase.order;
            let change = Change {
                key,
                saga: context.saga,
                order,
                subject,
                amount,
            };
            let sent = egress
                .post(&replica, path, &context.key, &change, None)
                .await;
            match sent {
                Err(error) => Outcome::Unknown(error.to_string()),
                Ok(reply) if reply.status == StatusCode::OK => Outcome::Done(Value::Null),
                Ok(reply) if reply.status == StatusCode::CONFLICT => {
                    Outcome::Refused(format!("{replica} refused"))
                }
                Ok(reply) => Outcome::Unknown(format!("{replica} answered {}", reply.status)),
            }
        })
    }
}

/// Puts the order into the book of orders: durable, and harmless to repeat.
fn confirm(
    orders: Journal,
) -> impl Fn(Context) -> std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync + 'static
{
    move |context| {
        let orders = orders.clone();
        Box::pin(async move {
            let record = match serde_json::to_vec(&context.input) {
                Ok(record) => record,
                Err(error) => return Outcome::Refused(error.to_string()),
            };
            if let Err(error) = orders.append(&record).await {
                return Outcome::Unknown(error.to_string());
            }
            let field = |name: &str| {
                context
                    .input
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or("")
            };
            let amount = context
                .input
                .get("price")
                .and_then(Value::as_i64)
                .unwrap_or(0);
            let (saga, order) = (context.saga.as_str(), field("order"));
            let trace = trace::present_text();
            let trace = trace.as_deref();
            info!(target: "observe", what = "confirmed", once = saga, saga, order, amount, trace);
            Outcome::Done(Value::Null)
        })
    }
}
