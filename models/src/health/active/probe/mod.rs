//! Ways to ask an endpoint how it is.

mod http;
mod tcp;
mod ttl;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Instant;

pub use http::{HttpExpectation, HttpProbe};
pub use tcp::TcpProbe;
pub use ttl::Ttl;

use super::Probed;

/// A probe under way. Dropped when it takes too long or the endpoint leaves.
pub type Probing<'a> = Pin<Box<dyn Future<Output = Probed> + Send + 'a>>;

/// A way to ask an endpoint how it is. A probe that panics has failed.
pub trait Probe: Send + Sync + 'static {
    /// Asks the endpoint; at `deadline` it is dropped and has failed.
    fn probe<'a>(&'a self, endpoint: &'a Arc<str>, deadline: Instant) -> Probing<'a>;
}
