//! An authority that certifies whoever asks.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::{CryptoProvider, ring};
use std::{fs, path::Path, sync::Arc};
use windtunnel_models::{
    http::{Client, ClientPolicy, Protocol},
    tls::{ClientSettings, Dialer, Identity, authorities},
};

pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub struct Certified {
    pub chain: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).expect("signed").pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    pub fn certify(&self, name: &str) -> Certified {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        Certified {
            chain: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Writes its own certificate as `FILE.pem`.
    pub fn write(&self, at: &Path, file: &str) {
        fs::write(at.join(format!("{file}.pem")), &self.pem).expect("written");
    }

    /// A client that believes it, means `name`, and shows a certificate.
    pub fn client(&self, name: &str, protocol: Protocol, own: Option<&Certified>) -> Client {
        let dialer = Dialer::new(self.settings(name, protocol, own), provider());
        let policy = ClientPolicy {
            protocol,
            ..ClientPolicy::default()
        };
        Client::secured(&policy, dialer.expect("it works")).expect("the default settings work")
    }

    fn settings(&self, name: &str, protocol: Protocol, own: Option<&Certified>) -> ClientSettings {
        ClientSettings {
            roots: authorities(self.pem.as_bytes()).expect("its own certificate"),
            identity: own.map(Certified::identity),
            server_name: Some(name.to_owned()),
            protocol,
        }
    }

    /// Its own certificate.
    pub fn pem(&self) -> &[u8] {
        self.pem.as_bytes()
    }
}

impl Certified {
    /// Writes `FILE.pem` and `FILE.key`.
    pub fn write(&self, at: &Path, file: &str) {
        fs::write(at.join(format!("{file}.pem")), &self.chain).expect("written");
        fs::write(at.join(format!("{file}.key")), &self.key).expect("written");
    }

    pub fn identity(&self) -> Identity {
        Identity::from_pem(self.chain.as_bytes(), self.key.as_bytes()).expect("PEM")
    }
}

pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
