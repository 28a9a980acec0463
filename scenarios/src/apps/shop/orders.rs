//! The orders service: owns the checkout sagas.
//!
//! Every order belongs to one replica. A replica that is asked for another's order forwards the
//! request, so that a client may ask any of them, also when it repeats itself.

use super::{Purchase, checkout, egress::Egress};
use crate::{
    apps::{Place, place},
    hooks::Hooks,
};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing,
};
use serde::Deserialize;
use std::{io, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};
use tracing::info;
use windtunnel_models::{
    gateway,
    http::deadline,
    journal::Journal,
    saga::{End, LogEvent, Observer, Orchestrator, Planted, Policy},
    trace,
};

/// Settings of the orders service.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// How long one try of a step may take, in milliseconds.
    pub step_ms: u64,
    /// Tries of a step before the saga turns back.
    pub effect_tries: u32,
    /// Tries of an undo before the saga is parked.
    pub undo_tries: u32,
    /// How long a caller without a deadline waits, in milliseconds.
    pub patience_ms: u64,
    /// Without compensation: nothing is undone.
    pub never_undoes: bool,
    /// Mistakes on purpose, for tests of the tests.
    pub planted: Mistakes,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            step_ms: 800,
            effect_tries: 4,
            undo_tries: 40,
            patience_ms: 3000,
            never_undoes: false,
            planted: Mistakes::default(),
        }
    }
}

/// One-line mistakes that people make with sagas and with calls; all off by default.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Mistakes {
    /// Each try has an idempotency key of its own.
    pub new_key_on_retry: bool,
    /// The saga log is written after the effect.
    pub log_after_effect: bool,
    /// The saga log is not fsynced.
    pub no_sync: bool,
    /// An unknown outcome counts as failed.
    pub unknown_is_failed: bool,
    /// An undo is tried once.
    pub undo_not_retried: bool,
    /// The caller's deadline is not passed on.
    pub deadline_not_propagated: bool,
    /// The breaker in front of a replica does not learn of a call that was given up.
    pub permit_lost_on_cancel: bool,
    /// A call that was given up stays in flight for ever.
    pub load_lost_on_cancel: bool,
}

struct Shop {
    at: Arc<Place>,
    sagas: Orchestrator,
    egress: Egress,
    patience: Duration,
}

/// Tells sagas as facts and as events of a component.
struct Facts(Hooks);

impl Facts {
    /// States what the rules want to know; each once, however often it is told.
    fn state(saga: &str, event: &LogEvent) {
        match event {
            LogEvent::Begun { trace, .. } => {
                let trace = trace.as_deref();
                info!(target: "observe", what = "saga-begun", once = saga, saga, trace);
            }
            LogEvent::Ended(end) => {
                let (outcome, trace) = (end.word(), trace::present_text());
                let trace = trace.as_deref();
                info!(target: "observe", what = "saga-ended", once = saga, saga, outcome, trace);
            }
            _ => {}
        }
    }
}

impl Observer for Facts {
    fn event(&self, saga: &str, definition: &str, step: Option<&str>, event: &LogEvent) {
        Self::state(saga, event);
        self.0.event(saga, definition, step, event);
    }

    fn found(&self, saga: &str, event: &LogEvent) {
        Self::state(saga, event);
    }
}

/// The service with its logs.
///
/// # Errors
/// If the settings are others than these, or a log cannot be opened.
pub async fn open(at: Place, table: toml::Table) -> io::Result<Router> {
    let config: Config = place::config(table)?;
    let at = Arc::new(at);
    let step = Duration::from_millis(config.step_ms);
    let planted = gateway::config::Planted {
        permit_lost_on_cancel: config.planted.permit_lost_on_cancel,
        load_lost_on_cancel: config.planted.load_lost_on_cancel,
        deadline_not_propagated: config.planted.deadline_not_propagated,
    };
    let egress = Egress::new(&at, &["stock", "payments", "orders"], step, planted)?;
    let (orders, _) = Journal::open(at.data.join("orders"))
        .await
        .map_err(io::Error::other)?;
    let definition = checkout::definition(&at, &egress, &orders, step);
    let facts = Arc::new(Facts(Hooks::new(&at.name, "saga")));
    let opened =
        Orchestrator::open(at.data.join("sagas"), [definition], policy(&config), facts).await;
    let patience = Duration::from_millis(config.patience_ms);
    let sagas = opened.map_err(io::Error::other)?;
    let shop = Arc::new(Shop {
        at,
        sagas,
        egress,
        patience,
    });
    Ok(Router::new()
        .route("/health", routing::get(|| async { "ok" }))
        .route("/checkout", routing::post(checkout))
        .route("/parked", routing::get(parked))
        .with_state(shop))
}

fn policy(config: &Config) -> Policy {
    let planted = Planted {
        new_key_on_retry: config.planted.new_key_on_retry,
        log_after_effect: config.planted.log_after_effect,
        no_sync: config.planted.no_sync,
        unknown_is_refused: config.planted.unknown_is_failed,
        undo_tried_once: config.planted.undo_not_retried,
        never_undo: config.never_undoes,
    };
    Policy {
        effect_tries: config.effect_tries,
        undo_tries: config.undo_tries,
        planted,
        ..Policy::default()
    }
}

/// 200 when the order is confirmed, 409 when it was undone, 500 when it is parked, 504 when the answer
/// is not known in time; the saga goes on.
async fn checkout(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    Json(purchase): Json<Purchase>,
) -> StatusCode {
    let now = Instant::now();
    let until = deadline::read(&headers, now).unwrap_or(now + shop.patience);
    let Ok((owner, name)) = shop.at.shard("orders", &purchase.order) else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    if owner != shop.at.replica {
        let key = purchase.order.clone();
        let sent = shop
            .egress
            .post(&name, "/checkout", &key, &purchase, Some(until))
            .await;
        return sent.map_or(StatusCode::BAD_GATEWAY, |reply| reply.status);
    }
    let Ok(input) = serde_json::to_value(&purchase) else {
        return StatusCode::BAD_REQUEST;
    };
    let saga = shop.sagas.run(&purchase.order, checkout::CHECKOUT, input);
    match timeout_at(until, saga).await {
        Ok(Ok(End::Done)) => StatusCode::OK,
        Ok(Ok(End::Undone { .. })) => StatusCode::CONFLICT,
        Ok(Ok(End::Parked { .. }) | Err(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        Err(_) => StatusCode::GATEWAY_TIMEOUT,
    }
}

async fn parked(State(shop): State<Arc<Shop>>) -> Json<Vec<String>> {
    Json(
        shop.sagas
            .parked()
            .into_iter()
            .map(|(saga, end)| format!("{saga}: {end:?}"))
            .collect(),
    )
}
