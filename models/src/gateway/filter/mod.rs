//! Filters: what programs add to a gateway's way without touching it.
//!
//! They prevent that every wish becomes a branch in the middle of the gateway. They can cause what
//! foreign code can: a panic, a wait without end, a body held in memory. Hence a panic is caught and
//! counts as the filter's failure, every call has a time limit, heads are put back as they were when a
//! filter fails, and bodies are changed as streams that nobody collects.
//!
//! A filter sees a request after it was routed, authenticated and limited, in the order of the lists: first
//! those of all routes, then those of its own. Answers come back in the reverse order, past those filters
//! only that saw the request. A filter may answer by itself; then nothing behind it sees the request. What
//! a browser asks in advance, without credentials, is answered before authentication
//! ([`Filter::preflight`]).

mod builtin;
mod chain;
mod guarded;
mod installation;
mod registry;

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use http::{Extensions, Method, Response, request, response};
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use super::Client;
use crate::http::{Body, BoxError};

pub(super) use chain::{Chain, Installed, Passage};
pub(super) use installation::Installation;
pub use registry::{Factory, Registry};

/// What a filter does, in its own time. It ends by an error, a panic or the time limit: then the filter
/// failed.
pub type Step<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// Makes another body out of one, without waiting for it: back-pressure goes through it.
pub type BodyChange = Box<dyn FnOnce(Body) -> Body + Send>;

/// What becomes of a request after a filter saw it.
pub enum Next {
    /// It goes on.
    Continue,
    /// It goes on with another body. Its length is then what the new body says of itself.
    ChangeBody(BodyChange),
    /// This is the answer; nothing behind the filter is asked.
    Answer(Response<Body>),
}

/// One filter, shared by all requests; what it keeps it has to guard itself.
pub trait Filter: Send + Sync + 'static {
    /// Answers a request that carries no credentials on purpose (CORS), before anybody is authenticated.
    /// Must not wait and must not tell secrets.
    fn preflight(&self, _head: &request::Parts) -> Option<Response<Body>> {
        None
    }

    /// A request is on its way on. The head's headers may be changed, its target is decided already.
    ///
    /// # Cancellation
    ///
    /// The future is dropped when the caller leaves or the time limit passes.
    fn request<'a>(
        &'a self,
        _head: &'a mut request::Parts,
        _visit: &'a mut Visit,
    ) -> Step<'a, Next> {
        Box::pin(ready(Ok(Next::Continue)))
    }

    /// An answer is on its way back: an endpoint's, the gateway's own, or that of a later filter. A
    /// change of its body may be returned.
    ///
    /// # Cancellation
    ///
    /// As with [`request`](Self::request).
    fn response<'a>(
        &'a self,
        _head: &'a mut response::Parts,
        _visit: &'a mut Visit,
    ) -> Step<'a, Option<BodyChange>> {
        Box::pin(ready(Ok(None)))
    }
}

/// One request, as one filter knows it, from its request to its answer.
#[derive(Debug)]
pub struct Visit {
    /// The route's name.
    pub route: Arc<str>,
    /// Who asks.
    pub client: Option<Client>,
    /// The method that was asked for.
    pub method: Method,
    /// When the answer is of no use any more.
    pub deadline: Instant,
    /// A stream of chance of this visit's own.
    pub rng: ChaCha8Rng,
    /// What the filter wants to remember until the answer.
    pub notes: Extensions,
}
