//! What a handshake established.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{CommonState, ProtocolVersion};

/// What is known of a secured connection; every request that came on one carries it as an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secured {
    /// The name that the client asked for.
    pub server_name: Option<Arc<str>>,
    /// What was agreed to be spoken inside; none if the client did not say.
    pub protocol: Option<Arc<[u8]>>,
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The client's certificate and those between it and its authority, if it presented one. It was
    /// verified: signed by an authority that is believed, in its time, and the client has its key.
    pub certificates: Arc<[CertificateDer<'static>]>,
}

impl Secured {
    pub(super) fn of(connection: &CommonState, server_name: Option<&str>) -> Self {
        let certificates = connection.peer_certificates().unwrap_or_default();
        Self {
            server_name: server_name.map(Into::into),
            protocol: connection.alpn_protocol().map(Into::into),
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "TLSv1.3",
            },
            certificates: certificates.iter().cloned().collect(),
        }
    }
}
