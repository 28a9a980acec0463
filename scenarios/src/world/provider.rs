//! The cryptography of this world.

use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// What secures connections in the real world. In the simulated one there is none: its randomness would
/// come from the system, which no seed reaches.
#[cfg(not(madsim))]
pub fn provider() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::ring::default_provider()))
}

/// What secures connections in the real world. In the simulated one there is none: its randomness would
/// come from the system, which no seed reaches.
#[cfg(madsim)]
pub fn provider() -> Option<Arc<CryptoProvider>> {
    None
}
