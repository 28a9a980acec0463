//! A certificate with its key, and authorities that are believed, as PEM files have them.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::TlsError;

/// A certificate chain, its private key, and for which names it is presented.
pub struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) names: Vec<String>,
}

impl Identity {
    /// Reads a chain (the own certificate first) and its key from PEM texts.
    ///
    /// # Errors
    ///
    /// What is missing or no PEM.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound => TlsError::NoKey,
            error => TlsError::Pem(error.to_string()),
        })?;
        let chain = certificates(chain)?;
        let names = Vec::new();
        Ok(Self { chain, key, names })
    }

    /// The same, presented to clients that ask for one of these names, exact or with `*.` in front for
    /// one further label. Without names it is presented to everybody else.
    #[must_use]
    pub fn named<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Checks that key and certificate belong together.
    pub(super) fn certify(self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        CertifiedKey::from_der(self.chain, self.key, provider)
            .map_err(|error| TlsError::Key(error.to_string()))
    }
}

impl std::fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("names", &self.names)
            .field("chain", &self.chain.len())
            .finish_non_exhaustive()
    }
}

/// Reads the certificates of authorities from a PEM text. One that cannot be used is passed over, as long
/// as there is another: bundles of operating systems have odd ones.
///
/// # Errors
///
/// None can be used, or the text is no PEM.
pub fn authorities(text: &[u8]) -> Result<Arc<RootCertStore>, TlsError> {
    let mut store = RootCertStore::empty();
    let (usable, _) = store.add_parsable_certificates(certificates(text)?);
    match usable {
        0 => Err(TlsError::NoCertificate),
        _ => Ok(Arc::new(store)),
    }
}

fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| TlsError::Pem(error.to_string()))?;
    if found.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_no_pem_is_said() {
        assert_eq!(Identity::from_pem(b"", b"").unwrap_err(), TlsError::NoKey);
        assert_eq!(authorities(b"hello").unwrap_err(), TlsError::NoCertificate);
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(matches!(authorities(broken), Err(TlsError::Pem(_))));
        let odd = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(authorities(odd).unwrap_err(), TlsError::NoCertificate);
    }
}
