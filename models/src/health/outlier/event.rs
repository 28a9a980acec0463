//! What happens to endpoints, and why.

use std::sync::Arc;

use tokio::time::Instant;

use super::Peers;

/// Why an endpoint is an outlier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// Too many answers of 5xx in a row.
    ServerErrors,
    /// Too many answers of 502, 503 or 504 in a row.
    GatewayFailures,
    /// Too many failures of our side in a row.
    LocalFailures,
    /// Clearly worse than its peers.
    SuccessRate {
        /// Its successes in percent.
        rate: f64,
        /// What it was measured against.
        peers: Peers,
    },
    /// More failures than anybody may have.
    FailurePercentage {
        /// Its failures in percent.
        failures: f64,
    },
}

/// Why an outlier stays in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mercy {
    /// As many are out as may be.
    Cap,
    /// The policy enforces this reason never, or not always.
    NotEnforced,
}

/// What brought an endpoint back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Its time was over.
    Served,
    /// It passed an active check, and the policy says that this is enough.
    ActiveCheck,
}

/// What happened to an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It is out of the set.
    Ejected {
        /// Which one.
        endpoint: Arc<str>,
        /// Why.
        reason: Reason,
        /// Since when.
        at: Instant,
        /// It returns at the first sweep at or after this instant.
        until: Instant,
    },
    /// It is in the set again.
    Returned {
        /// Which one.
        endpoint: Arc<str>,
        /// What brought it back.
        release: Release,
        /// Since when.
        at: Instant,
    },
    /// It is an outlier, and stays nevertheless.
    Spared {
        /// Which one.
        endpoint: Arc<str>,
        /// Why it is an outlier.
        reason: Reason,
        /// Why it stays.
        mercy: Mercy,
        /// When.
        at: Instant,
    },
}
