//! Retries: another attempt where the first one failed by chance.
//!
//! They prevent that a lost packet or a restarting endpoint becomes the caller's error. They can cause
//! the worst outages there are: repeated by every layer and without bounds they multiply an overload and
//! keep it alive. Hence budgets, jitter, deadlines, only what may be repeated, and only one layer that
//! repeats it.
//!
//! A [`Policy`] says when and how often, by a [`Law`] of pauses; a [`Budget`] bounds what all calls to one
//! destination may cost; a [`Protocol`] knows the calls ([`Http`] those of HTTP); [`RetryService`] puts
//! them together. [`presets`] has the figures of peers.

mod adaptive;
mod backoff;
mod budget;
mod condition;
mod delay;
mod error;
mod hint;
mod http;
mod ledger;
pub mod marker;
mod policy;
pub mod presets;
mod protocol;
mod service;

pub use self::http::Http;
pub use adaptive::AdaptiveRate;
pub use backoff::{Backoff, Jitter, Law, Pauses};
pub use budget::{
    Budget, Capacity, ConcurrencyBudget, Costs, Counted, Grant, GrpcTokens, TokenBudget, Unlimited,
};
pub use condition::{
    Ending, Failures, Payload, Situation, Unrepeatable, is_idempotent, may_repeat,
};
pub use delay::{Kind, ServerDelay, Wish};
pub use error::{GiveUp, InvalidPolicy};
pub use hint::{push_back, rate_limit_reset, retry_after, wish};
pub use ledger::Counts;
pub(crate) use ledger::Ledger;
pub use policy::{Course, Policy};
pub use presets::Preset;
pub use protocol::{Attempt, Idempotent, Protocol, Reason, Tried, Verdict};
pub use service::RetryService;

#[cfg(test)]
pub(crate) mod script;
#[cfg(test)]
mod tests;
