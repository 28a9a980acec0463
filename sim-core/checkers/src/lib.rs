//! Pure functions from a recorded run to a verdict.
//!
//! A rule says what must hold ([`NamedRule`]); [`judge()`] asks every rule of the [`Evidence`] that
//! a run left behind and answers held, violated with a witness in words, or unknown with a reason.
//! Rules are closures over the [`World`], single events or the history, or text of a scenario file.
//!
//! *Never in this crate*: a running simulation, I/O, async, a clock, randomness.

pub mod rules;

mod event_ext;
mod evidence;
pub mod expression;
mod judge;
mod rule;
mod rule_spec;
mod world;

pub use event_ext::EventExt;
pub use evidence::Evidence;
pub use judge::judge;
pub use rule::{NamedRule, Rule};
pub use rule_spec::{RuleError, RuleSpec};
pub use world::{AMOUNT, BreakerState, World};

#[cfg(test)]
mod tests;
