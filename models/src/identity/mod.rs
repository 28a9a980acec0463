//! Who asks, and whether they may.
//!
//! [`jwt`] says who: it believes a token only if a key that the operator chose signed these very bytes, by
//! an algorithm that the operator bound to that key. [`rules`] say whether: lists of policies that refuse
//! or allow by identity, place and request, in one order for all of them.
//!
//! They prevent that a token of one's own making opens the door (the algorithm "none", a public key taken
//! for a secret, a key by its number in a header that the sender wrote). They can cause that nobody gets
//! in: when keys rotate faster than they are fetched, or clocks differ by more than the leeway.

pub mod jwt;
pub mod rules;
