//! Shoppers: what a client of the shop does.

use super::Purchase;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use windtunnel::Client;
use windtunnel_models::http::{self as http_model, deadline};
use windtunnel_record::{Fields, Outcome};

/// How long a shopper waits for one answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a shopper asks for the same order.
const TRIES: u64 = 3;
/// How many customers there are.
const CUSTOMERS: u64 = 400;

/// Buys item number `item` through the gateways; asks again, at another gateway and for the same
/// order, when no answer came.
pub async fn shop(pool: http_model::Client, client: Client, gateways: Vec<String>, item: u64) {
    let mut chance = client.stream();
    let number = client.number();
    let quantity = 1 + chance.below(3) as i64;
    let purchase = Purchase {
        order: format!("order-{number}"),
        customer: format!("customer-{}", chance.below(CUSTOMERS)),
        item: format!("item-{item}"),
        quantity,
        price: quantity * (500 + chance.below(4_500) as i64),
    };
    let order = purchase.order.clone();
    client
        .operation("checkout", order, async {
            let mut last = (Outcome::Unknown, "not sent".to_owned());
            for attempt in 0..TRIES {
                let gateway = &gateways[((number + attempt) % gateways.len() as u64) as usize];
                let asked = Instant::now();
                last = ask(&pool, gateway, &purchase).await;
                if last.0 != Outcome::Unknown {
                    break;
                }
                tell(gateway, attempt, &last.1, asked.elapsed());
                sleep(Duration::from_millis(200 << attempt)).await;
            }
            last
        })
        .await;
}

/// Tells why a request has to be repeated.
fn tell(gateway: &str, attempt: u64, outcome: &str, latency: Duration) {
    let Some(trace) = windtunnel::trace_id() else {
        return;
    };
    let fields = Fields::default()
        .with("endpoint", gateway)
        .with("number", attempt as i64 + 1)
        .with("outcome", outcome)
        .with("latency-ms", latency.as_secs_f64() * 1e3)
        .with("trace", trace.to_string());
    windtunnel::component("client", "shopper", "unanswered", fields);
}

/// One request. That the shop declines is an answer like another.
async fn ask(pool: &http_model::Client, gateway: &str, purchase: &Purchase) -> (Outcome, String) {
    let Ok(body) = serde_json::to_vec(purchase) else {
        return (Outcome::Fail, "no body".into());
    };
    let now = Instant::now();
    let until = now + PATIENCE;
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{gateway}/checkout"))
        .header("content-type", "application/json")
        .header("idempotency-key", &purchase.order)
        .body(Full::new(Bytes::from(body)));
    let Ok(mut request) = request else {
        return (Outcome::Fail, "no request".into());
    };
    deadline::write(request.headers_mut(), until, now);
    request.headers_mut().extend(windtunnel::traceparent());
    match pool.call(request, Some(until), 4096).await {
        Ok(answer) => match answer.status().as_u16() {
            200 => (Outcome::Ok, "200".into()),
            409 => (Outcome::Ok, "declined".into()),
            status => (Outcome::Unknown, status.to_string()),
        },
        Err(error) => (Outcome::Unknown, error.to_string()),
    }
}
