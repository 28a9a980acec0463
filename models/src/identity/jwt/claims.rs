//! What a token claims.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The claims of a token that was believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// Whom it is about.
    pub subject: Option<String>,
    /// Who says so.
    pub issuer: Option<String>,
    /// Every claim as it stands there, those above as well.
    pub all: Map<String, Value>,
}

/// The registered claims that are judged. One of them twice is an error.
#[derive(Deserialize)]
pub(super) struct Registered {
    pub(super) iss: Option<String>,
    pub(super) sub: Option<String>,
    #[serde(default)]
    pub(super) aud: Audience,
    pub(super) exp: Option<f64>,
    pub(super) nbf: Option<f64>,
}

/// For whom a token is: one name, or several.
#[derive(Default, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    #[default]
    Nobody,
    One(String),
    Several(Vec<String>),
}

impl Audience {
    /// Whether this very name is among them.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Nobody => false,
            Self::One(one) => one == name,
            Self::Several(all) => all.iter().any(|one| one == name),
        }
    }
}

/// Strictly before the end: `now < exp + leeway`.
pub(super) fn is_before_end(now: Duration, exp: f64, leeway: Duration) -> bool {
    now.as_secs_f64() < exp + leeway.as_secs_f64()
}

/// Not before the beginning: `now ≥ nbf − leeway`.
pub(super) fn is_after_begin(now: Duration, nbf: f64, leeway: Duration) -> bool {
    now.as_secs_f64() >= nbf - leeway.as_secs_f64()
}
