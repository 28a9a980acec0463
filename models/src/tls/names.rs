//! Which certificate a client is shown: by the name it asks for (SNI, RFC 6066).

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{Identity, TlsError};

/// Certificates by name.
#[derive(Debug)]
pub(super) struct ByName<C> {
    exact: BTreeMap<String, C>,
    /// By what follows the first label.
    below: BTreeMap<String, C>,
    anybody: Option<C>,
}

impl<C: Clone> ByName<C> {
    fn new() -> Self {
        Self {
            exact: BTreeMap::new(),
            below: BTreeMap::new(),
            anybody: None,
        }
    }

    fn insert(&mut self, name: &str, certificate: C) -> Result<(), TlsError> {
        let lower = name.to_ascii_lowercase();
        let (names, key) = match lower.strip_prefix("*.") {
            Some(below) => (&mut self.below, below),
            None => (&mut self.exact, &*lower),
        };
        if !is_host(key) {
            return Err(TlsError::Name(name.to_owned()));
        }
        match names.insert(key.to_owned(), certificate) {
            Some(_) => Err(TlsError::TwoOfAName(name.to_owned())),
            None => Ok(()),
        }
    }

    /// The one for exactly this name, else for all below its parent, else the one for anybody.
    fn find(&self, name: Option<&str>) -> Option<C> {
        let found = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            let below = || self.below.get(name.split_once('.')?.1);
            self.exact.get(&name).or_else(below)
        });
        found.or(self.anybody.as_ref()).cloned()
    }
}

impl ByName<Arc<CertifiedKey>> {
    pub(super) fn of(
        identities: Vec<Identity>,
        provider: &CryptoProvider,
    ) -> Result<Self, TlsError> {
        if identities.is_empty() {
            return Err(TlsError::NoIdentity);
        }
        let mut all = Self::new();
        for mut identity in identities {
            let names = std::mem::take(&mut identity.names);
            let certificate = Arc::new(identity.certify(provider)?);
            for name in &names {
                all.insert(name, certificate.clone())?;
            }
            if names.is_empty() && all.anybody.replace(certificate).is_some() {
                return Err(TlsError::TwoOfAName("(everybody else)".to_owned()));
            }
        }
        Ok(all)
    }
}

impl ResolvesServerCert for ByName<Arc<CertifiedKey>> {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}

fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        let chars = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !label.is_empty() && label.len() < 64 && label.chars().all(chars)
    };
    name.len() < 254 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> ByName<u8> {
        let mut names = ByName::new();
        names.insert("Shop.example", 1).unwrap();
        names.insert("*.example", 2).unwrap();
        names
    }

    #[test]
    fn the_exact_name_outranks_its_parent_and_that_everybody() {
        let mut names = names();
        assert_eq!(names.find(Some("shop.EXAMPLE")), Some(1));
        assert_eq!(names.find(Some("api.example")), Some(2));
        assert_eq!(names.find(Some("a.b.example")), None, "one label only");
        assert_eq!(names.find(Some("example")), None);
        assert_eq!(names.find(None), None);
        names.anybody = Some(3);
        assert_eq!(names.find(Some("elsewhere.test")), Some(3));
        assert_eq!(names.find(None), Some(3));
    }

    #[test]
    fn no_name_has_two_certificates_and_no_nonsense_has_one() {
        let mut names = names();
        let twice = names.insert("shop.example", 4);
        assert_eq!(twice, Err(TlsError::TwoOfAName("shop.example".into())));
        for wrong in ["", "*", "*.", "a b", "a..b", "*.*.example", "a/b"] {
            let found = names.insert(wrong, 4);
            assert_eq!(found, Err(TlsError::Name(wrong.into())), "{wrong}");
        }
    }
}
