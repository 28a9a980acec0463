//! What a route may decide where the RFC leaves it open.

use std::time::Duration;

/// The rules of one route.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Whether answers with `Set-Cookie` may be stored.
    pub allow_set_cookie: bool,
    /// Whether a client's `no-cache`, `max-age` and `min-fresh` count for nothing (a client that reloads
    /// does not get past the cache).
    pub ignore_client_no_cache: bool,
    /// How long answers 404, 405, 410, 414 and 501 are fresh at most, and if they do not say.
    pub negative_ttl: Duration,
    /// How long past their lifetime answers may stand in for an error, where they do not say.
    pub stale_if_error: Option<Duration>,
    /// The largest share of a lifetime that chance takes away, 0 to 1.
    pub jitter: f64,
    /// The largest body that is stored, in bytes.
    pub max_body: usize,
    /// Whether one fill serves all who wait; off only to show what happens without.
    pub single_flight: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            allow_set_cookie: false,
            ignore_client_no_cache: false,
            negative_ttl: Duration::from_secs(10),
            stale_if_error: None,
            jitter: 0.1,
            max_body: 1024 * 1024,
            single_flight: true,
        }
    }
}

/// Rules that nobody can have meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidRules {
    /// The field.
    pub field: &'static str,
    /// What would be right.
    pub reason: &'static str,
}

impl Rules {
    /// Checks them.
    ///
    /// # Errors
    ///
    /// The first field that is wrong.
    pub fn validate(&self) -> Result<(), InvalidRules> {
        let wrong = |field, reason| Err(InvalidRules { field, reason });
        if !(0.0..=1.0).contains(&self.jitter) {
            return wrong("jitter", "must be from 0 to 1");
        }
        if self.max_body == 0 {
            return wrong("max-body", "must be at least one byte");
        }
        Ok(())
    }
}
