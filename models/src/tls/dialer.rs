//! The client's side of a handshake.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{HTTP1, HTTP2, Identity, TlsError};
use crate::http::Protocol;

/// Whom a client believes and what it presents.
#[derive(Debug)]
pub struct ClientSettings {
    /// The authorities that are believed.
    pub roots: Arc<RootCertStore>,
    /// What it presents if it is asked.
    pub identity: Option<Identity>,
    /// The name that the server must prove; none: the host that is connected to.
    pub server_name: Option<String>,
    /// What is spoken inside.
    pub protocol: Protocol,
}

/// Secures the connections of a client. The server's certificate is always verified: its authority, its
/// time and its name.
#[derive(Clone)]
pub struct Dialer {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
    protocol: Protocol,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("server_name", &self.server_name)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

impl Dialer {
    /// A dialer with these settings.
    ///
    /// # Errors
    ///
    /// A setting that cannot work.
    pub fn new(settings: ClientSettings, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let setup = |error: rustls::Error| TlsError::Setup(error.to_string());
        let server_name = settings
            .server_name
            .as_deref()
            .map(server_name)
            .transpose()?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(setup)?
            .with_root_certificates(settings.roots);
        let mut config = match settings.identity {
            None => builder.with_no_client_auth(),
            Some(Identity { chain, key, .. }) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| TlsError::Key(error.to_string()))?,
        };
        config.alpn_protocols = match settings.protocol {
            Protocol::Http1 => vec![HTTP1.to_vec()],
            Protocol::Http2 => vec![HTTP2.to_vec()],
        };
        Ok(Self {
            config: Arc::new(config),
            server_name,
            protocol: settings.protocol,
        })
    }

    /// Does the handshake on a stream to `host`. It takes as long as the server does: bound it.
    ///
    /// # Errors
    ///
    /// The server cannot prove its name, refuses this client, or speaks something else than is meant to be
    /// spoken; or the connection ends.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the stream.
    pub async fn connect<S>(&self, host: &str, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => server_name(host).map_err(io::Error::other)?,
        };
        let connector = TlsConnector::from(self.config.clone());
        let stream = connector.connect(name, stream).await?;
        // A server without ALPN speaks HTTP/1.1; HTTP/2 has to be agreed on (RFC 9113, section 3.2).
        let agreed = stream.get_ref().1.alpn_protocol();
        if self.protocol == Protocol::Http2 && agreed != Some(HTTP2) {
            return Err(io::Error::other("the server did not agree to speak HTTP/2"));
        }
        Ok(stream)
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))
}
