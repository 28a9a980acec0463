//! Keys, each bound to the algorithms that it may be used with.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use super::Algorithm;

/// Fewer bits are no RSA key (RFC 7518, section 3.3).
const LEAST_MODULUS: usize = 2048 / 8;
/// A longer modulus is work for whoever verifies, and nothing else.
const LARGEST_MODULUS: usize = 8192 / 8;
/// More keys are no set that somebody rotates.
const MOST_KEYS: usize = 100;
const LONGEST_ID: usize = 256;

/// A key that signatures are verified with. It is never shown.
#[derive(Clone)]
pub struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    material: DecodingKey,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

/// Why something is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not JSON of that form.
    #[error("no key set: {0}")]
    Form(String),
    /// The kind of key, or its curve, is not known here.
    #[error("a key of kind `{0}` is not known here")]
    Kind(String),
    /// What it consists of cannot be one.
    #[error("{0}")]
    Material(&'static str),
    /// It is bound to an algorithm that does not fit it.
    #[error("the algorithm `{0}` does not fit the key")]
    Algorithm(String),
    /// Two keys of a set have this id, so that it would not say which.
    #[error("two keys have the id `{0}`")]
    SameId(String),
    /// More than a hundred keys.
    #[error("more than {MOST_KEYS} keys")]
    TooMany,
}

/// A key as RFC 7517 writes it. What else stands there is not looked at.
#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    k: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Key {
    /// A secret that both sides know, for the HMACs whose hash is no longer than it.
    ///
    /// # Errors
    ///
    /// It is shorter than 32 bytes.
    pub fn secret(id: Option<&str>, secret: &[u8]) -> Result<Self, InvalidKey> {
        let hmacs = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512].into_iter();
        let fits = |hmac: &Algorithm| {
            hmac.least_secret()
                .is_some_and(|least| secret.len() >= least)
        };
        let algorithms: Vec<_> = hmacs.filter(fits).collect();
        if algorithms.is_empty() {
            return Err(InvalidKey::Material("a secret has at least 32 bytes"));
        }
        Ok(Self {
            id: id.map(str::to_owned),
            algorithms,
            material: DecodingKey::from_secret(secret),
        })
    }

    /// One key as RFC 7517 writes it.
    ///
    /// # Errors
    ///
    /// It is no key, one for something else than signatures, or too weak.
    pub fn from_jwk(json: &str) -> Result<Self, InvalidKey> {
        let written = serde_json::from_str(json);
        Self::of(written.map_err(|error| InvalidKey::Form(error.to_string()))?)
    }

    fn of(written: Written) -> Result<Self, InvalidKey> {
        let verifies = |ops: &Vec<String>| ops.iter().any(|op| op == "verify");
        let is_for_other = written
            .purpose
            .as_ref()
            .is_some_and(|purpose| purpose != "sig");
        if is_for_other || written.key_ops.as_ref().is_some_and(|ops| !verifies(ops)) {
            return Err(InvalidKey::Material("the key is not for signatures"));
        }
        if written.kid.as_ref().is_some_and(|id| id.len() > LONGEST_ID) {
            return Err(InvalidKey::Material("its id is longer than 256 bytes"));
        }
        let mut key = written.material()?;
        key.id = written.kid;
        if let Some(name) = written.alg {
            let only = Algorithm::named(&name).filter(|only| key.algorithms.contains(only));
            key.algorithms = vec![only.ok_or(InvalidKey::Algorithm(name))?];
        }
        Ok(key)
    }

    /// What a header calls it by.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What it may be used with.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Whether it signed `message` with this signature, in base64. Never by an algorithm that is not its.
    pub(super) fn signed(&self, message: &str, signature: &str, algorithm: Algorithm) -> bool {
        let theirs = algorithm.of_library();
        self.algorithms.contains(&algorithm)
            && jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.material, theirs)
                .unwrap_or(false)
    }
}

impl Written {
    fn material(&self) -> Result<Key, InvalidKey> {
        use Algorithm as A;
        let curve = self.crv.as_deref().unwrap_or_default();
        let (material, algorithms) = match (&*self.kty, curve) {
            ("oct", _) => {
                let secret = bytes(self.k.as_ref())?;
                return Key::secret(None, &secret);
            }
            ("RSA", _) => {
                let (n, e) = (bytes(self.n.as_ref())?, bytes(self.e.as_ref())?);
                let n: Vec<_> = n.into_iter().skip_while(|byte| *byte == 0).collect();
                if !(LEAST_MODULUS..=LARGEST_MODULUS).contains(&n.len()) {
                    return Err(InvalidKey::Material("an RSA key has 2048 to 8192 bits"));
                }
                let all = vec![A::RS256, A::RS384, A::RS512, A::PS256, A::PS384, A::PS512];
                (DecodingKey::from_rsa_raw_components(&n, &e), all)
            }
            ("EC", "P-256" | "P-384") => {
                let size = if curve == "P-256" { 32 } else { 48 };
                let (x, y) = (bytes(self.x.as_ref())?, bytes(self.y.as_ref())?);
                if x.len() != size || y.len() != size {
                    return Err(InvalidKey::Material("the point is not of its curve's size"));
                }
                let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
                let key = DecodingKey::from_ec_components(&x, &y);
                let key = key.map_err(|_| InvalidKey::Material("the point is none"))?;
                (key, vec![if size == 32 { A::ES256 } else { A::ES384 }])
            }
            ("OKP", "Ed25519") => {
                let x = bytes(self.x.as_ref())?;
                if x.len() != 32 {
                    return Err(InvalidKey::Material("an Ed25519 key has 32 bytes"));
                }
                (DecodingKey::from_ed_der(&x), vec![A::EdDSA])
            }
            (kind, "") => return Err(InvalidKey::Kind(kind.to_owned())),
            (kind, curve) => return Err(InvalidKey::Kind(format!("{kind} {curve}"))),
        };
        Ok(Key {
            id: None,
            algorithms,
            material,
        })
    }
}

fn bytes(text: Option<&String>) -> Result<Vec<u8>, InvalidKey> {
    let text = text.ok_or(InvalidKey::Material("a part of the key is missing"))?;
    let bytes = URL_SAFE_NO_PAD.decode(text);
    bytes.map_err(|_| InvalidKey::Material("a part of the key is no base64url without padding"))
}

/// The keys of one issuer, no two of one id.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// The set of these keys.
    ///
    /// # Errors
    ///
    /// Two have one id, or there are more than a hundred.
    pub fn new(keys: Vec<Key>) -> Result<Self, InvalidKey> {
        if keys.len() > MOST_KEYS {
            return Err(InvalidKey::TooMany);
        }
        for (at, key) in keys.iter().enumerate() {
            let twin = keys[..at].iter().find(|other| other.id == key.id);
            if let Some(id) = twin.and_then(|twin| twin.id.clone()) {
                return Err(InvalidKey::SameId(id));
            }
        }
        Ok(Self(keys))
    }

    /// A set as RFC 7517 writes it (`{"keys": [...]}`). Keys of kinds that are not known here, and those
    /// for other purposes, are passed over (section 5): they are for others.
    ///
    /// # Errors
    ///
    /// It is no such set, or a key that it means for us is broken or too weak: then nothing of it is
    /// believed.
    pub fn from_json(json: &str) -> Result<Self, InvalidKey> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Written>,
        }
        let set: Result<Set, _> = serde_json::from_str(json);
        let set = set.map_err(|error| InvalidKey::Form(error.to_string()))?;
        let is_ours = |key: &Written| key.purpose.as_ref().is_none_or(|purpose| purpose == "sig");
        let mut keys = Vec::new();
        for written in set.keys.into_iter().filter(is_ours) {
            match Key::of(written) {
                Ok(key) => keys.push(key),
                Err(InvalidKey::Kind(_) | InvalidKey::Algorithm(_)) => {}
                Err(broken) => return Err(broken),
            }
        }
        Self::new(keys)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The only key that a header with this id, or without one, can mean. Without an id it is the only
    /// one that may be used with the algorithm.
    pub(super) fn meant(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let fits = |key: &&Key| match id {
            Some(id) => key.id.as_deref() == Some(id),
            None => key.algorithms.contains(&algorithm),
        };
        let mut fitting = self.0.iter().filter(fits);
        let only = fitting.next()?;
        fitting.next().is_none().then_some(only)
    }
}
