//! Shedding: refusing at the door what could not be answered in time anyway.
//!
//! It prevents that an overloaded service spends its time on work that nobody waits for any more. It can
//! cause an outage of its own: by shedding what keeps the instance in service (health checks), by costing
//! as much as serving, by refusals that look like quick successes to whoever measures.
//!
//! So a decision needs the head of a request only, health checks are never asked about, and a refusal is
//! an error of its own type. The laws behind one trait, [`Admission`]: [`SuccessRate`] (Envoy's admission
//! control) looks at how calls end, [`Bbr`] at how many are under way on a busy machine, [`Dagor`] at how
//! long they queue, by priority. [`Codel`] is the law of a queue and lives in a
//! [`bulkhead`](super::bulkhead); [`credit`] hands out what may be sent before it is sent.

mod admission;
mod bbr;
mod codel;
pub mod credit;
mod dagor;
mod error;
mod gate;
mod service;
mod success_rate;

pub use admission::{Admission, End};
pub use bbr::{Bbr, BbrPolicy, Gauge};
pub use codel::{Codel, CodelPolicy};
pub use dagor::{Dagor, DagorPolicy, Level};
pub use error::{Reason, Shed};
pub use gate::{Observer, Permit, Shedder};
pub use service::{ShedLayer, ShedService};
pub use success_rate::{SuccessRate, SuccessRatePolicy};

#[cfg(test)]
mod edges;
#[cfg(test)]
mod tests;
