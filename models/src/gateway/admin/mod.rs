//! What an operator asks a gateway, on a listener of its own.
//!
//! It prevents that whoever runs a gateway is blind. It can cause harm if strangers reach it: it says what
//! the gateway is made of and can end it. So it has a listener of its own that should be reachable from
//! the same machine only, shows no secrets, and takes orders only by POST and from no web page.
//!
//! | Path | What |
//! |---|---|
//! | `GET /live` | 200 as long as the program runs |
//! | `GET /ready` | 200 if it should get requests, else 503 |
//! | `GET /config` | the configuration in force as JSON, secrets hidden |
//! | `GET /endpoints` | every endpoint: load, breaker, whether it is left out |
//! | `GET /stats` | all numbers as JSON |
//! | `GET /metrics` | all numbers for Prometheus, or OpenMetrics if that is accepted |
//! | `POST /reload` | reads the configuration anew: 200, or 422 and what is wrong |
//! | `POST /drain` | begins to stop: 202 |

mod secrets;
mod service;

use std::future::Future;
use std::pin::Pin;

pub use service::Admin;

/// What the program around a gateway does for an operator.
pub trait Control: Send + Sync + 'static {
    /// Whether the gateway should get requests.
    fn is_ready(&self) -> bool;

    /// Reads the configuration anew and puts it in force.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for people; the old one stays in force.
    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>>;

    /// Begins to stop: readiness ends, open requests are finished. Further calls do nothing.
    fn drain(&self);
}
