//! What a written service has around it: open requests are counted, and requests without a deadline are
//! told.

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use tracing::info;
use windtunnel::gauge;
use windtunnel_models::{http::deadline, trace};

/// The same service, telling how many requests are open (the gauge
/// `queue-depth`) and which came without a deadline (the fact `undated`).
pub fn watched(router: Router) -> Router {
    let open = Arc::new(AtomicI64::new(0));
    router.layer(from_fn_with_state(open, watch))
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
        let (path, trace) = (request.uri().path(), trace::present_text());
        info!(target: "observe", what = "undated", path, trace = trace.as_deref());
    }
    next.run(request).await
}
