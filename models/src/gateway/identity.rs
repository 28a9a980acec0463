//! Who a client is: by address, by what a trusted proxy says, or by its API key.

use std::collections::BTreeMap;
use std::fmt;
use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

use super::config::{Config, Identity};
use super::hops::client_address;

/// A client, as limiters and access events know it. Never an address with its port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Client {
    /// By address.
    Address(IpAddr),
    /// By what a trusted proxy said.
    Header(String),
    /// By the name its API key belongs to.
    Key(String),
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Header(name) | Self::Key(name) => f.write_str(name),
        }
    }
}

/// A name longer than this is not kept as a key of a table.
const LONGEST_NAME: usize = 256;

/// The rules by which clients are told apart.
#[derive(Debug)]
pub(super) struct Identification {
    trusted_hops: usize,
    header: Option<HeaderName>,
    by_key: bool,
}

impl Identification {
    /// From a validated configuration.
    pub(super) fn new(config: &Config) -> Self {
        let header = match &config.identity {
            Identity::Header(name) => HeaderName::try_from(name).ok(),
            Identity::Address | Identity::ApiKey => None,
        };
        let by_key = config.identity == Identity::ApiKey;
        Self {
            trusted_hops: config.trusted_hops,
            header,
            by_key,
        }
    }

    /// The client before it is authenticated.
    pub(super) fn arrive(&self, headers: &HeaderMap, peer: SocketAddr) -> Client {
        let said = self.header.as_ref().and_then(|name| headers.get(name));
        let said = said.and_then(|value| value.to_str().ok());
        match said {
            Some(name) if (1..=LONGEST_NAME).contains(&name.len()) => {
                Client::Header(name.to_owned())
            }
            _ => Client::Address(client_address(headers, peer, self.trusted_hops)),
        }
    }

    /// The client once its key is known.
    pub(super) fn authenticate(&self, client: Client, owner: &str) -> Client {
        if self.by_key {
            Client::Key(owner.to_owned())
        } else {
            client
        }
    }
}

/// One set of API keys.
#[derive(Debug)]
pub(super) struct KeySet(Vec<(String, Vec<u8>)>);

impl KeySet {
    pub(super) fn new(clients: &BTreeMap<String, String>) -> Self {
        let keys = clients.iter();
        Self(
            keys.map(|(client, key)| (client.clone(), key.clone().into_bytes()))
                .collect(),
        )
    }

    /// The client a presented key belongs to. Compares with every key, each in constant time for its
    /// length, so that the time taken tells nothing about where a guess went wrong.
    pub(super) fn owner(&self, presented: &[u8]) -> Option<&str> {
        let mut owner = None;
        for (client, key) in &self.0 {
            if equal(key, presented) {
                owner = Some(client.as_str());
            }
        }
        owner
    }
}

fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let difference = a
        .iter()
        .zip(b)
        .fold(0, |difference, (a, b)| black_box(difference | (a ^ b)));
    difference == 0
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn peer() -> SocketAddr {
        "10.0.0.9:4000".parse().unwrap()
    }

    #[test]
    fn two_connections_of_one_address_are_one_client() {
        let rules = Identification::new(&Config::default());
        let headers = HeaderMap::new();
        let other = "10.0.0.9:4001".parse().unwrap();
        assert_eq!(
            rules.arrive(&headers, peer()),
            rules.arrive(&headers, other)
        );
    }

    #[test]
    fn a_header_identifies_and_its_absence_falls_back_to_the_address() {
        let identity = Identity::Header("x-client".to_owned());
        let config = Config {
            identity,
            trusted_hops: 1,
            ..Config::default()
        };
        let rules = Identification::new(&config);
        let mut headers = HeaderMap::new();
        assert_eq!(rules.arrive(&headers, peer()), Client::Address(peer().ip()));
        headers.insert("x-client", HeaderValue::from_static("acme"));
        assert_eq!(
            rules.arrive(&headers, peer()),
            Client::Header("acme".to_owned())
        );
    }

    #[test]
    fn a_key_belongs_to_one_client_or_to_nobody() {
        let set = [("acme", "secret-1"), ("zeta", "secret-2")];
        let set = set.map(|(client, key)| (client.to_owned(), key.to_owned()));
        let keys = KeySet::new(&BTreeMap::from(set));
        assert_eq!(keys.owner(b"secret-2"), Some("zeta"));
        for wrong in ["", "secret", "secret-3", "secret-11", "SECRET-1"] {
            assert_eq!(keys.owner(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
