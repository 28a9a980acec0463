//! Whether a request may pass: policies that refuse or allow.
//!
//! The order is the same for all (Istio's): somebody else's refusal (`custom`) comes first, then any
//! `deny` that matches refuses; without an `allow` policy the rest passes, and with any at least one has
//! to match. What matches is decided on the path in its normal form, the same that is routed and sent on.
//! A decision carries its reason and the version of the rules it was made by.

mod pattern;
mod policy;
mod request;
mod verdict;

pub use pattern::{Block, InvalidBlock, Pattern};
pub use policy::{Action, Condition, Operation, Policy, Rule, Source};
pub use request::Facts;
pub use verdict::{Custom, Reason, Rules, Verdict};

#[cfg(test)]
mod tests;
