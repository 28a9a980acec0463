//! The stock service: reserves items for orders and gives them back.

use super::{
    Change,
    store::{Step, Store},
};
use crate::apps::{Place, place, watch};
use axum::{Json, Router, extract::State, http::StatusCode, routing};
use serde::Deserialize;
use std::io;
use tokio::net::TcpListener;
use tracing::info;
use windtunnel_models::http;

/// Settings of the stock service.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// How many of each item there are at the beginning.
    pub items: i64,
    /// Without idempotency: a repeated request is a new one.
    pub forgets_keys: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            items: 60,
            forgets_keys: false,
        }
    }
}

/// Serves until the process is asked to stop.
///
/// # Errors
/// If the store cannot be opened or the port not be had.
pub async fn run(at: Place, table: toml::Table) -> io::Result<()> {
    let config: Config = place::config(table)?;
    let store = Store::open(&at.data, config.items, config.forgets_keys, tell).await?;
    let app = Router::new()
        .route("/health", routing::get(|| async { "ok" }))
        .route("/reserve", routing::post(reserve))
        .route("/release", routing::post(release))
        .with_state(store);
    let listener = TcpListener::bind(&at.listen).await?;
    http::serve(listener, watch::watched(app), place::asked_to_stop()).await;
    Ok(())
}

async fn reserve(State(store): State<Store>, Json(change): Json<Change>) -> StatusCode {
    super::status(store.make(change).await)
}

async fn release(State(store): State<Store>, Json(change): Json<Change>) -> StatusCode {
    super::status(store.undo(&change.key).await)
}

fn tell(step: Step, change: &Change) {
    let what = if step == Step::Made {
        "reserved"
    } else {
        "released"
    };
    info!(
        target: "observe",
        what,
        once = change.key,
        saga = change.saga,
        order = change.order,
        item = change.subject,
        amount = change.amount
    );
}
