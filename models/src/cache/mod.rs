//! A shared HTTP cache (RFC 9111), and a small one for values.
//!
//! It prevents that an answer that is known already is asked for again, and that a crowd asks for the
//! same thing at once. It can cause that one client sees what was meant for another, that old data pass
//! for new, and, when it is emptied under load, that the servers behind it drown. Hence: the rules are
//! functions of heads and instants, apart from everything that waits; one fill per key; lifetimes
//! that are shortened by chance, so that what was stored together does not expire together.
//!
//! [`HttpCache::begin`] says what becomes of a request; who fetches hands the answer to its [`Fill`].

mod conditional;
mod date;
mod directives;
mod entry;
mod fill;
mod flight;
mod freshness;
mod http_cache;
mod key;
mod loading;
mod range;
mod reuse;
mod rules;
mod status;
mod storage;
mod store;
mod vary;

pub use date::Wall;
pub use fill::{Fill, Filled};
pub use http_cache::{HttpCache, Plan};
pub use key::Key;
pub use loading::{LoadError, Loaded, Loading, LoadingPolicy};
pub use rules::{InvalidRules, Rules};
pub use status::{Counts, Found};
pub use store::Size;

#[cfg(test)]
mod tests;
