//! What a service of a scenario has around it: open requests are counted, requests without a deadline
//! are told, and an `errors` fault answers in the service's place.

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use tracing::info;
use windtunnel::gauge;
use windtunnel_models::http::deadline;

/// The same service, answering with an error status where an `errors` fault says so.
pub fn with_injected_errors(router: Router) -> Router {
    router.layer(from_fn(injected))
}

async fn injected(request: Request, next: Next) -> Response {
    let status = windtunnel::injected_error();
    match status.and_then(|status| StatusCode::from_u16(status).ok()) {
        Some(status) => status.into_response(),
        None => next.run(request).await,
    }
}

/// The same service with injected errors, telling how many requests are open (the gauge
/// `queue-depth`) and which came without a deadline (the fact `undated`).
pub fn watched(router: Router) -> Router {
    let open = Arc::new(AtomicI64::new(0));
    with_injected_errors(router).layer(from_fn_with_state(open, watch))
}

/// A request that is open; dropped when it was answered or given up.
struct Open(Arc<AtomicI64>);

impl Open {
    fn begin(count: Arc<AtomicI64>) -> Self {
        gauge("queue-depth", count.fetch_add(1, Ordering::Relaxed) + 1);
        Self(count)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        gauge("queue-depth", self.0.fetch_sub(1, Ordering::Relaxed) - 1);
    }
}

async fn watch(State(count): State<Arc<AtomicI64>>, request: Request, next: Next) -> Response {
    let _open = Open::begin(count);
    if !request.headers().contains_key(deadline::HEADER) {
        let path = request.uri().path();
        info!(target: "observe", what = "undated", path);
    }
    next.run(request).await
}
