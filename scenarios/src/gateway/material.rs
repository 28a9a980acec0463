//! Certificates, keys and authorities, as files have them.

use crate::{
    format::{self, Oldest},
    world,
};
use rustls::{RootCertStore, crypto::CryptoProvider};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use windtunnel_models::{
    gateway::{Vault, config::UpstreamTls},
    http::{Protocol, Protocols},
    tls::{
        ClientAuthority, ClientSettings, Dialer, Identity, ServerSettings, Version, authorities,
    },
};

/// Where the authorities are that an operating system believes.
const SYSTEM: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// Reads files relative to the directory of the gateway's own file.
#[derive(Clone, Debug)]
pub struct Material {
    base: PathBuf,
}

impl Material {
    /// Files that are named in `config`.
    pub fn of(config: &Path) -> Self {
        let base = config.parent().unwrap_or(Path::new("")).to_owned();
        Self { base }
    }

    /// Where a path of the file leads.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.base.join(path)
    }

    /// What a server presents and asks for.
    ///
    /// # Errors
    /// What is missing or wrong, with its file.
    pub fn server(&self, tls: &format::ServerTls) -> Result<ServerSettings, String> {
        let identity = |one: &format::Certificate| {
            let identity = self.identity(&one.chain, &one.key)?;
            Ok(identity.named(one.names.iter().cloned()))
        };
        let identities: Result<_, String> = tls.certificates.iter().map(identity).collect();
        let clients = tls.clients.as_ref().map(|clients| {
            let roots = self.roots(&clients.ca)?;
            let required = clients.required;
            Ok::<_, String>(ClientAuthority { roots, required })
        });
        Ok(ServerSettings {
            identities: identities?,
            clients: clients.transpose()?,
            oldest: match tls.oldest {
                Oldest::Tls12 => Version::Tls12,
                Oldest::Tls13 => Version::Tls13,
            },
            protocols: Protocols::Both,
        })
    }

    fn identity(&self, chain: &Path, key: &Path) -> Result<Identity, String> {
        let (chain_text, key_text) = (self.read(chain)?, self.read(key)?);
        Identity::from_pem(&chain_text, &key_text).map_err(|error| {
            let (chain, key) = (chain.display(), key.display());
            format!("{chain} and {key}: {error}")
        })
    }

    fn roots(&self, path: &Path) -> Result<Arc<RootCertStore>, String> {
        authorities(&self.read(path)?).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        let at = self.path(path);
        fs::read(&at).map_err(|error| format!("failed to read {}: {error}", at.display()))
    }
}

impl Vault for Material {
    fn dialer(&self, tls: &UpstreamTls, protocol: Protocol) -> Result<Dialer, String> {
        let roots = match &tls.ca {
            Some(ca) => self.roots(Path::new(ca))?,
            None => {
                let system = SYSTEM.iter().find(|path| Path::new(path).is_file());
                let system = system.ok_or("needs `ca`: this system has no list of authorities")?;
                self.roots(Path::new(system))?
            }
        };
        let identity = match (&tls.client_certificate, &tls.client_key) {
            (Some(chain), Some(key)) => Some(self.identity(Path::new(chain), Path::new(key))?),
            _ => None,
        };
        let settings = ClientSettings {
            roots,
            identity,
            server_name: tls.server_name.clone(),
            protocol,
        };
        Dialer::new(settings, provider()?).map_err(|error| error.to_string())
    }

    fn descriptors(&self, file: &str) -> Result<Vec<u8>, String> {
        self.read(Path::new(file))
    }
}

/// The cryptography of this program.
///
/// # Errors
/// If it was built without.
pub fn provider() -> Result<Arc<CryptoProvider>, String> {
    let missing = "this program was built for the simulated world and has no TLS";
    world::provider().ok_or_else(|| missing.to_owned())
}
