//! What is wrong with the material of a handshake.

/// Settings of TLS that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// There is no certificate in a text that should have one.
    #[error(
        "read certificates: there is none (a PEM file begins with `-----BEGIN CERTIFICATE-----`)"
    )]
    NoCertificate,
    /// A text is no PEM.
    #[error("read PEM: {0}")]
    Pem(String),
    /// There is no private key in a text that should have one.
    #[error("read private key: there is none (PKCS#8, PKCS#1 and SEC1 are understood)")]
    NoKey,
    /// A private key does not belong to its certificate, or is of a kind that is not known.
    #[error("use private key: {0}")]
    Key(String),
    /// A name is no host name.
    #[error("use name: `{0}` is no host name, nor one with `*.` in front")]
    Name(String),
    /// Two certificates for one name.
    #[error("use name: `{0}` has two certificates")]
    TwoOfAName(String),
    /// There is nothing to present.
    #[error("set up TLS: there is no certificate to present")]
    NoIdentity,
    /// Anything else that the library refuses.
    #[error("set up TLS: {0}")]
    Setup(String),
}
