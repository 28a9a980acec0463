//! The server's side of a handshake.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::names::ByName;
use super::{HTTP1, HTTP2, Identity, Secured, TlsError};
use crate::http::Protocols;

/// The oldest version that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// TLS 1.2 and 1.3.
    #[default]
    Tls12,
    /// TLS 1.3 only.
    Tls13,
}

impl Version {
    fn and_newer(self) -> &'static [&'static SupportedProtocolVersion] {
        static KNOWN: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
        match self {
            Self::Tls12 => &KNOWN,
            Self::Tls13 => &KNOWN[..1],
        }
    }
}

/// Who may certify clients.
#[derive(Clone, Debug)]
pub struct ClientAuthority {
    /// The authorities that are believed.
    pub roots: Arc<RootCertStore>,
    /// Whether a client without a certificate is refused. One with a certificate that is not believed
    /// always is.
    pub required: bool,
}

/// What a server presents and asks for.
#[derive(Debug)]
pub struct ServerSettings {
    /// Its certificates.
    pub identities: Vec<Identity>,
    /// None: clients are not asked for certificates.
    pub clients: Option<ClientAuthority>,
    /// The oldest version that is spoken.
    pub oldest: Version,
    /// What is spoken inside.
    pub protocols: Protocols,
}

/// Secures the connections of a server; clones share what is presented, and it can be replaced.
#[derive(Clone, Debug)]
pub struct Acceptor {
    config: Arc<Mutex<Arc<ServerConfig>>>,
}

impl Acceptor {
    /// An acceptor with these settings.
    ///
    /// # Errors
    ///
    /// A setting that cannot work.
    pub fn new(settings: ServerSettings, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let config = settings.build(provider)?;
        Ok(Self {
            config: Arc::new(Mutex::new(config)),
        })
    }

    /// From now on presents and asks for what `other` does at this moment; handshakes and connections
    /// under way are left as they are.
    pub fn become_like(&self, other: &Self) {
        let config = other.config();
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    fn config(&self) -> Arc<ServerConfig> {
        let config = self.config.lock();
        config.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does the handshake on a stream. It takes as long as the client does: bound it.
    ///
    /// # Errors
    ///
    /// The client speaks no TLS, an older one, shares no protocol, shows no certificate that is believed,
    /// or goes away.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the stream.
    pub async fn accept<S>(&self, stream: S) -> io::Result<(TlsStream<S>, Secured)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = TlsAcceptor::from(self.config()).accept(stream).await?;
        let (_, connection) = stream.get_ref();
        let secured = Secured::of(connection, connection.server_name());
        Ok((stream, secured))
    }
}

impl ServerSettings {
    fn build(self, provider: Arc<CryptoProvider>) -> Result<Arc<ServerConfig>, TlsError> {
        let setup = |error: &dyn std::fmt::Display| TlsError::Setup(error.to_string());
        let certificates = ByName::of(self.identities, &provider)?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(self.oldest.and_newer())
            .map_err(|error| setup(&error))?;
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some(ClientAuthority { roots, required }) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = match required {
                    true => verifier,
                    false => verifier.allow_unauthenticated(),
                };
                let verifier = verifier.build().map_err(|error| setup(&error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(certificates));
        config.alpn_protocols = match self.protocols {
            Protocols::Both => vec![HTTP2.to_vec(), HTTP1.to_vec()],
            Protocols::Http1 => vec![HTTP1.to_vec()],
            Protocols::Http2 => vec![HTTP2.to_vec()],
        };
        Ok(Arc::new(config))
    }
}
