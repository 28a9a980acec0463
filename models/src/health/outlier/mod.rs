//! Outlier detection: takes endpoints out of the set by what real calls came to, and brings them back.
//!
//! It prevents that one sick endpoint among healthy ones keeps failing its share of the traffic, also
//! when its health page is green. It can cause an outage of its own: with most of a set ejected the rest
//! drowns. Hence the cap, and hence a statistical test among peers instead of an absolute one: if all are
//! equally bad, none is an outlier.
//!
//! The law is Envoy's. By default its cap ejects nobody in a set of fewer than ten: see
//! [`Policy::always_eject_one`]. What the cap or the chance of enforcement spared is told as an event and
//! counted, so that a detector that never ejects can be seen.

mod counters;
mod event;
mod gate;
mod host;
mod machine;
mod outcome;
mod peers;
mod policy;

pub use counters::Counters;
pub use event::{Event, Mercy, Reason, Release};
pub use gate::{Observer, OutlierDetector};
pub use host::Suspicion;
pub use machine::Outliers;
pub use outcome::{Local, Outcome};
pub use peers::Peers;
pub use policy::{Consecutive, FailurePercentage, Policy, SuccessRate};

#[cfg(test)]
mod tests;
