//! A token's text, taken apart and never put together again.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Rejection;

/// A longer one is not looked at.
const LONGEST: usize = 16 * 1024;

/// The parts of a token in compact form.
pub(super) struct Token<'a> {
    pub(super) header: Header,
    /// Header and payload with the dot between them: what was signed.
    pub(super) signed: &'a str,
    payload: &'a str,
    pub(super) signature: &'a str,
}

/// What the sender says about the signature. A member that stands there twice is an error.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) typ: Option<String>,
    pub(super) kid: Option<String>,
    /// Whatever is in it, we do not know it.
    pub(super) crit: Option<serde::de::IgnoredAny>,
}

impl<'a> Token<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Rejection> {
        if text.len() > LONGEST {
            return Err(Rejection::Malformed("it is longer than 16 KiB"));
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Rejection::Malformed("it has not three parts"));
        };
        let signed = &text[..header.len() + 1 + payload.len()];
        let header = bytes(header)?;
        let header = serde_json::from_slice(&header);
        let header = header.map_err(|_| Rejection::Malformed("its header is none"))?;
        Ok(Self {
            header,
            signed,
            payload,
            signature,
        })
    }

    /// What was signed, as bytes.
    pub(super) fn payload(&self) -> Result<Vec<u8>, Rejection> {
        bytes(self.payload)
    }
}

fn bytes(part: &str) -> Result<Vec<u8>, Rejection> {
    let bytes = URL_SAFE_NO_PAD.decode(part);
    bytes.map_err(|_| Rejection::Malformed("a part is no base64url without padding"))
}
