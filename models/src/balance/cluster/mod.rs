//! Clusters: endpoints of several priorities and zones behind one [`Balancer`](super::Balancer).
//!
//! It prevents that a balancer keeps to a site that is down while another one idles, and that calls cross
//! zones without need. It can cause what it guards against: a site that fails pushes its load on the next
//! one and may take that down too; in a panic calls go to endpoints that are known to be unhealthy; a zone
//! with few endpoints drowns if it is forced to keep all calls of its own.
//!
//! Three laws say where a call goes: [`priority`], how much of the load each priority gets; [`mod@panic`],
//! when one ignores health; [`zone`], to which zone of priority 0. They are Envoy's, all in integers. A
//! balancer picks among the endpoints they leave. Whatever was drawn, a call falls to the other zones and
//! then to the other priorities if nobody there is eligible or admits.
//!
//! [`subset`] limits how many endpoints one caller talks to, [`affinity`] keeps the calls of one session
//! at one endpoint.
//!
//! An endpoint that drains counts as one that left already: it is in no tally, and gets nothing new, also
//! in a panic.

pub mod affinity;
mod asking;
mod balancer;
mod counters;
mod error;
mod host;
mod lots;
mod membership;
mod observer;
pub mod panic;
mod policy;
pub mod priority;
pub mod subset;
mod survey;
pub mod zone;

pub use affinity::Sticky;
pub use balancer::Cluster;
pub use counters::Counters;
pub use error::{EmptySet, InvalidPolicy};
pub use host::{Health, Host};
pub use observer::Observer;
pub use policy::Policy;
pub use subset::Subset;

#[cfg(test)]
mod edges;
#[cfg(test)]
mod tests;
