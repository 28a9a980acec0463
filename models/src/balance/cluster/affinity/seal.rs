//! The value that names an endpoint to nobody but who knows the secret.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::super::InvalidPolicy;

/// Bytes of a secret that nobody guesses.
const SHORTEST_SECRET: usize = 16;

/// Hexadecimal digits of a value.
const DIGITS: usize = 32;

/// Makes values out of names with one secret. All callers of a cluster need the same one, or a session
/// moves whenever another caller answers.
#[derive(Clone)]
pub struct Seal {
    keyed: Hmac<Sha256>,
}

impl Seal {
    /// With this secret.
    ///
    /// # Errors
    ///
    /// It has less than 16 bytes.
    pub fn new(secret: &[u8]) -> Result<Self, InvalidPolicy> {
        let short = InvalidPolicy::ShortSecret {
            bytes: secret.len(),
        };
        if secret.len() < SHORTEST_SECRET {
            return Err(short);
        }
        let keyed = Hmac::new_from_slice(secret).map_err(|_| short)?;
        Ok(Self { keyed })
    }

    /// The value of an endpoint: 32 hexadecimal digits, the same as long as the secret is.
    pub fn value(&self, name: &str) -> String {
        format!("{:032x}", self.tag(name))
    }

    /// The first half of the HMAC (RFC 2104, truncated as its section 5 allows).
    pub(super) fn tag(&self, name: &str) -> u128 {
        let mut mac = self.keyed.clone();
        mac.update(name.as_bytes());
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        whole[..16]
            .iter()
            .fold(0, |tag, byte| tag << 8 | u128::from(*byte))
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

/// The values of the endpoints that there are.
#[derive(Clone, Debug)]
pub(super) struct Register {
    tags: Arc<[u128]>,
    names: Arc<[Arc<str>]>,
}

impl Register {
    pub(super) fn new(seal: &Seal, names: Arc<[Arc<str>]>) -> Self {
        let tags = names.iter().map(|name| seal.tag(name)).collect();
        Self { tags, names }
    }

    pub(super) fn is_of(&self, names: &Arc<[Arc<str>]>) -> bool {
        Arc::ptr_eq(&self.names, names)
    }

    /// Whom a value names. Looks at every endpoint, so that the time taken says nothing of how near a
    /// guess came.
    pub(super) fn find(&self, value: &str) -> Option<&Arc<str>> {
        let is_value = value.len() == DIGITS && value.bytes().all(|b| b.is_ascii_hexdigit());
        let tag = u128::from_str_radix(value, 16).ok().filter(|_| is_value)?;
        let mut found = None;
        for (known, name) in self.tags.iter().zip(&*self.names) {
            if *known == tag {
                found = Some(name);
            }
        }
        found
    }
}
