//! The bulkhead: what one dependency may hold of a service, by priority, in numbers.
//!
//! It prevents that one slow dependency takes all tasks and connections, and with them the calls that
//! never needed it. It can cause waiting for nothing: with a queue longer than its callers' patience all
//! work is done for callers that have gone. Hence a bounded queue, a longest wait, deadlines looked at
//! before work begins, and an order that turns round under overload.
//!
//! Within a class the oldest waits least, and nobody who comes later gets a slot before it; under
//! [`Order::Adaptive`] and overload the newest comes first. Classes share nothing.

mod error;
mod gate;
mod machine;
mod policy;
mod service;
mod waiting;

pub use error::Refused;
pub use gate::{Bulkhead, Observer, Permit};
pub use machine::{Answer, Decision, Machine, Refusals, Ticket};
pub use policy::{Compartment, Order, Policy};
pub use service::{BulkheadLayer, BulkheadService};
pub use waiting::Acquire;

#[cfg(test)]
mod edges;
#[cfg(test)]
mod tests;
