//! An endpoint, as a balancer is told of it.

use std::sync::Arc;

/// A name to call, and its share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it listens, as `name:port`; also who it is: two of one name are one endpoint.
    pub name: Arc<str>,
    /// Its share of the calls, relative to the others', where the algorithm knows weights. An endpoint of
    /// weight zero gets none; to [`EarliestDeadline`](super::EarliestDeadline) it is one whose weight is
    /// not known.
    pub weight: u32,
}

impl Endpoint {
    /// An endpoint of weight 1.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            weight: 1,
        }
    }

    /// The same endpoint with another share.
    #[must_use]
    pub fn weighing(self, weight: u32) -> Self {
        Self { weight, ..self }
    }
}

impl From<&str> for Endpoint {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}
