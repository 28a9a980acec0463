//! TLS around connections: certificates by name, clients with certificates, replacement without a pause.
//!
//! It prevents that what travels is read or changed on the way, and that a service talks to somebody else
//! than it means. It can cause an outage at the moment a certificate ends, or when one is exchanged
//! carelessly: so what is presented can be replaced while connections live, those under way keep what
//! they were agreed on, and a set that cannot work is refused before it takes effect.
//!
//! The cryptography is a parameter ([`CryptoProvider`](rustls::crypto::CryptoProvider)): a program of the
//! real world brings one with the system's randomness, a run in the simulated world one that follows its
//! seed. TLS 1.2 and 1.3 are spoken, nothing older.

mod acceptor;
mod dialer;
mod error;
mod identity;
mod names;
mod secured;

pub use acceptor::{Acceptor, ClientAuthority, ServerSettings, Version};
pub use dialer::{ClientSettings, Dialer};
pub use error::TlsError;
pub use identity::{Identity, authorities};
pub use secured::Secured;

/// HTTP/2 as it is named in a handshake (RFC 7301).
pub const HTTP2: &[u8] = b"h2";

/// HTTP/1.1 as it is named in a handshake.
pub const HTTP1: &[u8] = b"http/1.1";
