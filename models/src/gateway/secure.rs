//! Clients of upstreams whose connections are secured: one for each, because each has its own trust.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Observer;
use super::config::{Config, InvalidConfig, Protocol, UpstreamTls};
use crate::http::{self as wire, Client, Sending};
use crate::tls::Dialer;

/// Gets what a configuration only names: certificates and keys. Asked anew at every reload, so that what
/// was exchanged is used from then on.
pub trait Vault: Send + Sync + 'static {
    /// What secures the connections to an upstream.
    ///
    /// # Errors
    ///
    /// What is missing or wrong, as the problem of the field `tls`.
    fn dialer(&self, tls: &UpstreamTls, protocol: wire::Protocol) -> Result<Dialer, String>;

    /// The descriptors of gRPC services that a route transcodes for, as `protoc` writes them.
    ///
    /// # Errors
    ///
    /// What is missing, as the problem of the field `descriptors`.
    fn descriptors(&self, _file: &str) -> Result<Vec<u8>, String> {
        Err("cannot be had: this gateway was built without files".to_owned())
    }
}

/// Has nothing.
impl Vault for () {
    fn dialer(&self, _: &UpstreamTls, _: wire::Protocol) -> Result<Dialer, String> {
        Err("cannot be had: this gateway was built without certificates".to_owned())
    }
}

/// The clients by upstream.
pub(super) struct SecureClients(BTreeMap<String, Client>);

impl SecureClients {
    pub(super) fn new(
        config: &Config,
        vault: &dyn Vault,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, InvalidConfig> {
        let mut clients = BTreeMap::new();
        for (name, upstream) in &config.upstreams {
            let Some(tls) = &upstream.tls else { continue };
            let field = format!("upstreams.{name}.tls");
            let policy = config.pool.policy(upstream.protocol);
            let dialer = vault.dialer(tls, policy.protocol);
            let dialer = dialer.map_err(|problem| InvalidConfig::of(&*field, problem))?;
            let client = Client::secured(&policy, dialer);
            let client = client.map_err(|error| InvalidConfig::of(&*field, error))?;
            clients.insert(name.clone(), told(client, observer));
        }
        Ok(Self(clients))
    }

    pub(super) fn of(&self, upstream: &str) -> Option<&Client> {
        self.0.get(upstream)
    }
}

/// The clients of upstreams whose connections are plain: one that speaks HTTP/1.1, and one HTTP/2.
pub(super) fn plain(
    config: &Config,
    observer: &Arc<dyn Observer>,
) -> Result<[Client; 2], InvalidConfig> {
    let client = |protocol| {
        let client = Client::new(&config.pool.policy(protocol)).map_err(|invalid| {
            InvalidConfig::of(format!("pool.{}", invalid.field), invalid.problem)
        })?;
        Ok::<_, InvalidConfig>(told(client, observer))
    };
    Ok([client(Protocol::Http1)?, client(Protocol::Http2)?])
}

/// The client, which tells an observer that wants to know of each sending.
fn told(client: Client, observer: &Arc<dyn Observer>) -> Client {
    if !observer.sees_sendings() {
        return client;
    }
    let observer = observer.clone();
    client.observed(move |sending: &Sending| observer.sending(sending))
}
