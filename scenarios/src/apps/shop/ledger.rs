//! A service that keeps accounts: it makes changes and takes them back, each once for its key.

use super::{
    Change,
    store::{Step, Store},
};
use crate::apps::Place;
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use std::io;

/// What makes payments of it, or stock.
pub struct Ledger {
    /// Where a change is made, and where it is taken back.
    pub paths: [&'static str; 2],
    /// What every account has at the beginning.
    pub opening: i64,
    /// Without idempotency: a repeated request is a new one.
    pub forgets_keys: bool,
    /// States the fact of a change.
    pub tell: fn(Step, &Change),
}

impl Ledger {
    /// The service at its place, with what it kept.
    ///
    /// # Errors
    /// If the store cannot be opened.
    pub async fn open(self, at: &Place) -> io::Result<Router> {
        let store = Store::open(&at.data, self.opening, self.forgets_keys, self.tell).await?;
        let [make, undo] = self.paths;
        Ok(Router::new()
            .route("/health", get(|| async { "ok" }))
            .route(make, post(made))
            .route(undo, post(undone))
            .with_state(store))
    }
}

async fn made(State(store): State<Store>, Json(change): Json<Change>) -> StatusCode {
    super::status(store.make(change).await)
}

async fn undone(State(store): State<Store>, Json(change): Json<Change>) -> StatusCode {
    super::status(store.undo(&change.key).await)
}
