//! Overload control: a service that is asked for more than it can do still does what it can.
//!
//! It prevents that work piles up until everything is answered too late, and that the pile outlives its
//! cause: queues that are longer than the callers' patience, retries that feed on refusals. It can cause
//! an outage of its own: a limit that fell and never rises again, health checks refused like anything
//! else, refusals taken for quick answers.
//!
//! A [`bulkhead`] gives each dependency and priority a fixed number of calls at once and a bounded queue.
//! [`concurrency`] finds that number from what calls take. [`shed`] refuses at the door by how calls end,
//! how long they wait or how busy the machine is.

pub mod bulkhead;
mod call;
pub mod concurrency;
mod error;
mod priority;
pub mod shed;
mod tally;

pub use call::{Call, Classify, by_result};
pub use error::{Error, InvalidPolicy};
pub use priority::Priority;
pub use tally::{Outcome, Tally};
