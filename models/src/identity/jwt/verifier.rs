//! Which tokens are believed.

use std::time::Duration;

use super::claims::{Registered, is_after_begin, is_before_end};
use super::token::Token;
use super::{Algorithm, Claims, KeySet};

/// More leeway is no difference between clocks any more.
const LARGEST_LEEWAY: Duration = Duration::from_secs(600);

/// What a token must be to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who must have issued it, letter by letter; `None` asks nothing.
    pub issuer: Option<String>,
    /// For whom it must be; one of these names suffices. Empty asks nothing.
    pub audiences: Vec<String>,
    /// What it may be signed with; a key restricts it further.
    pub algorithms: Vec<Algorithm>,
    /// By how much clocks may differ.
    pub leeway: Duration,
    /// Whether one that never ends is refused.
    pub needs_end: bool,
    /// What its `typ` must be, without regard to case, with or without `application/` in front; `None`
    /// asks nothing.
    pub kind: Option<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            issuer: None,
            audiences: Vec::new(),
            algorithms: vec![Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA],
            leeway: Duration::from_secs(60),
            needs_end: true,
            kind: None,
        }
    }
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// It is no token.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// It declares an extension critical, and none is known here.
    #[error("the token has a critical extension")]
    Critical,
    /// It is signed in a way that is not accepted, or not by this key.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// No key, or more than one, is meant.
    #[error("no single key is meant")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the signature is wrong")]
    Signature,
    /// It is of another kind.
    #[error("the token is of another kind")]
    Kind,
    /// Somebody else issued it.
    #[error("the issuer is another one")]
    Issuer,
    /// It is for somebody else.
    #[error("the audience is another one")]
    Audience,
    /// It has ended, or has no end.
    #[error("the token has expired")]
    Expired,
    /// It has not begun.
    #[error("the token is not valid yet")]
    NotYet,
}

impl Rejection {
    /// Whether other keys could change it, so that fetching them again may help.
    pub const fn may_be_a_new_key(self) -> bool {
        matches!(self, Self::UnknownKey)
    }
}

/// Believes tokens, or says why not. Pure: the time is told to it.
#[derive(Clone, Debug)]
pub struct Verifier {
    policy: Policy,
}

impl Verifier {
    /// A verifier by `policy`.
    ///
    /// # Errors
    ///
    /// No algorithm is accepted, or the leeway is above ten minutes; said in words.
    pub fn new(policy: Policy) -> Result<Self, &'static str> {
        if policy.algorithms.is_empty() {
            return Err("at least one algorithm has to be accepted");
        }
        if policy.leeway > LARGEST_LEEWAY {
            return Err("a leeway is at most ten minutes");
        }
        Ok(Self { policy })
    }

    /// The payload of a token that one of the keys signed, whatever it claims.
    ///
    /// # Errors
    ///
    /// See [`Rejection`].
    pub fn signed(&self, text: &str, keys: &KeySet) -> Result<Vec<u8>, Rejection> {
        let token = Token::read(text)?;
        if token.header.crit.is_some() {
            return Err(Rejection::Critical);
        }
        let algorithm = Algorithm::named(&token.header.alg).ok_or(Rejection::Algorithm)?;
        if !self.policy.algorithms.contains(&algorithm) {
            return Err(Rejection::Algorithm);
        }
        let key = keys.meant(token.header.kid.as_deref(), algorithm);
        let key = key.ok_or(Rejection::UnknownKey)?;
        if !key.algorithms().contains(&algorithm) {
            return Err(Rejection::Algorithm);
        }
        if !key.signed(token.signed, token.signature, algorithm) {
            return Err(Rejection::Signature);
        }
        if let Some(kind) = &self.policy.kind {
            let said = token.header.typ.as_deref().unwrap_or_default();
            if !bare(said).eq_ignore_ascii_case(bare(kind)) {
                return Err(Rejection::Kind);
            }
        }
        token.payload()
    }

    /// What a token claims, if all of it holds at `now`, the time since 1970.
    ///
    /// # Errors
    ///
    /// See [`Rejection`].
    pub fn verify(&self, text: &str, keys: &KeySet, now: Duration) -> Result<Claims, Rejection> {
        let payload = self.signed(text, keys)?;
        let no_claims = |_| Rejection::Malformed("its claims are none");
        let registered: Registered = serde_json::from_slice(&payload).map_err(no_claims)?;
        let policy = &self.policy;
        if policy.issuer.is_some() && registered.iss != policy.issuer {
            return Err(Rejection::Issuer);
        }
        let mut ours = policy.audiences.iter();
        if !policy.audiences.is_empty() && !ours.any(|name| registered.aud.has(name)) {
            return Err(Rejection::Audience);
        }
        let lasts = match registered.exp {
            Some(exp) => is_before_end(now, exp, policy.leeway),
            None => !policy.needs_end,
        };
        if !lasts {
            return Err(Rejection::Expired);
        }
        let begun = |nbf| is_after_begin(now, nbf, policy.leeway);
        if !registered.nbf.is_none_or(begun) {
            return Err(Rejection::NotYet);
        }
        Ok(Claims {
            subject: registered.sub,
            issuer: registered.iss,
            all: serde_json::from_slice(&payload).map_err(no_claims)?,
        })
    }
}

fn bare(kind: &str) -> &str {
    match kind.split_at_checked("application/".len()) {
        Some((front, rest)) if front.eq_ignore_ascii_case("application/") => rest,
        _ => kind,
    }
}
