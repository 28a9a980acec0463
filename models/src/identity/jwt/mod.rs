//! JSON Web Tokens, verified as RFC 8725 advises.
//!
//! What is signed is the text as it came, never something written anew. The algorithms that are accepted
//! come from the configuration and are bound to a key; what the token says only chooses among them. Keys
//! and addresses of keys in the token (`jwk`, `jku`, `x5c`, `x5u`) are not looked at, an extension that it
//! declares critical (`crit`) is one that is not known here, and `none` is no algorithm.
//!
//! Sources: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 (JWA), RFC 7519 (JWT), RFC 8037 (EdDSA), RFC 8725.

mod algorithm;
mod claims;
mod key;
mod token;
mod verifier;

pub use algorithm::Algorithm;
pub use claims::Claims;
pub use key::{InvalidKey, Key, KeySet};
pub use verifier::{Policy, Rejection, Verifier};

#[cfg(test)]
mod tests;
