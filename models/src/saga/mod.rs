//! Saga: a transaction over several services that each commit on their own.
//!
//! It prevents half-done work: money taken and nothing delivered, after a crash, a refusal or a
//! time-out in the middle. It can cause what its steps allow: between a step and its undoing others
//! see the step (there is no isolation), and an undo that is not idempotent undoes twice.
//!
//! Terms (after Garcia-Molina and Salem, *Sagas*, 1987, and the practice of Oxide's steno): a *step*
//! has an *effect* and an *undo*; the *pivot* is the last step that may be undone, the steps after it
//! are retried until they succeed. A step whose outcome is unknown is *perhaps done*: it is tried
//! again under the same idempotency key and, if that does not settle it, undone too. An undo that
//! keeps failing *parks* the saga with an alarm; it is never only logged.
//!
//! Each of six events per step is in a durable log before what it announces happens. After a crash
//! [`Orchestrator::open`] goes on with every saga that has not ended. Steps are a list here, and the
//! log's records number them by their places in it; the nodes of a graph could be numbered the same
//! way. So steps must not change places in a definition while sagas of it are unfinished.
//!
//! An undo begins when its effect has been given up, which is not yet the end of a request that is
//! under way: whoever carries out the undo must refuse an effect that arrives after it, by its key.

mod error;
mod log;
mod observer;
mod orchestrator;
mod policy;
mod progress;
mod replay;
mod run;
mod step;

#[cfg(test)]
mod tests;

pub use error::{IllegalTransition, SagaError};
pub use log::{End, LogEvent};
pub use observer::Observer;
pub use orchestrator::Orchestrator;
pub use policy::{Planted, Policy};
pub use step::{Context, Definition, Direction, Effect, Outcome, Step};
