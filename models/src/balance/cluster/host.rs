//! An endpoint with its place, and what is known of its health.

use std::sync::Arc;

use super::super::Endpoint;

/// An endpoint of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Who it is, and its share among those of its place.
    pub endpoint: Endpoint,
    /// 0 is preferred; a higher number is called when those below it are not healthy enough. Numbers may
    /// be left out.
    pub priority: u32,
    /// Where it stands. Looked at in priority 0 only, and only by a zone-aware cluster.
    pub zone: Arc<str>,
}

impl Host {
    /// A host of priority 0, in the zone without a name.
    pub fn new(endpoint: impl Into<Endpoint>) -> Self {
        Self {
            endpoint: endpoint.into(),
            priority: 0,
            zone: "".into(),
        }
    }

    /// The same host with another priority.
    #[must_use]
    pub fn at_priority(self, priority: u32) -> Self {
        Self { priority, ..self }
    }

    /// The same host in another zone.
    #[must_use]
    pub fn in_zone(self, zone: impl Into<Arc<str>>) -> Self {
        Self {
            zone: zone.into(),
            ..self
        }
    }

    pub(super) const fn name(&self) -> &Arc<str> {
        &self.endpoint.name
    }
}

/// What is known of an endpoint's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It may be called.
    Healthy,
    /// It is called in a panic only.
    Unhealthy,
    /// It is about to leave: nothing new, whatever happens.
    Draining,
}
