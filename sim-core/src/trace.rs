//! The trace of an operation: an id that its requests carry, and all that they cause.
//!
//! It is in force while the future that a client hands to [`crate::Client::operation`] is polled.
//! [`crate::http`] sends it along; a client of another kind extends the headers of its requests by
//! [`traceparent`]. A task that is spawned inside knows nothing of it.

use http::{HeaderName, HeaderValue};
use std::{cell::RefCell, future::Future};
use windtunnel_record::{Seed, Stream, TraceId};

tokio::task_local! {
    static PRESENT: Trace;
}

/// What the requests of one operation carry.
struct Trace {
    id: TraceId,
    /// Draws an id for each request, the parent of what its server does.
    parents: RefCell<Stream>,
}

/// Draws a trace from the stream called `name`; gives its id and the future with the trace in force.
pub(crate) fn within<F: Future>(
    seed: Seed,
    name: &str,
    future: F,
) -> (TraceId, impl Future<Output = F::Output> + use<F>) {
    let mut stream = seed.stream(name);
    let id = TraceId::drawn(&mut stream);
    let parents = RefCell::new(stream);
    (id, PRESENT.scope(Trace { id, parents }, future))
}

/// The trace id of the operation that the present task carries out.
pub fn trace_id() -> Option<TraceId> {
    PRESENT.try_with(|trace| trace.id).ok()
}

/// The header `traceparent` (W3C Trace Context) of one request of the operation that the present task
/// carries out, as a map of headers is extended by it; another one each time, in the same trace.
pub fn traceparent() -> Option<(HeaderName, HeaderValue)> {
    let header = |trace: &Trace| {
        let parent = trace.parents.borrow_mut().next_u64().max(1);
        HeaderValue::try_from(format!("00-{}-{parent:016x}-01", trace.id))
    };
    let value = PRESENT.try_with(header).ok()?.ok()?;
    Some((HeaderName::from_static("traceparent"), value))
}
