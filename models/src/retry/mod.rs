//! Retries: another attempt where the first one failed by chance.
//!
//! They prevent that a lost packet or a restarting endpoint becomes the caller's error. They can cause
//! the worst outages there are: repeated by every layer and without bounds they multiply an overload and
//! keep it alive. Hence budgets, jitter, deadlines, and only what may be repeated.

mod backoff;
mod budget;
mod error;
mod hint;
mod policy;
mod service;

pub use backoff::{Backoff, Jitter, Pauses};
pub use budget::{ConcurrencyBudget, Counted, TokenBudget};
pub use error::{GiveUp, InvalidPolicy};
pub use hint::retry_after;
pub use policy::{Course, Policy, may_repeat};
pub use service::{Judge, RetryService, Verdict};

#[cfg(test)]
mod tests;
