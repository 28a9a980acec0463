//! How the connections to an upstream are secured, as a file says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Connections to an upstream are secured. What its endpoints present is always verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct UpstreamTls {
    /// The name that endpoints have to prove; absent: the host of the endpoint.
    pub server_name: Option<String>,
    /// A PEM file with the authorities that are believed; absent: those of the operating system.
    pub ca: Option<String>,
    /// A PEM file with the certificate that this gateway presents if it is asked; needs `client-key`.
    pub client_certificate: Option<String>,
    /// A PEM file with the key of that certificate.
    pub client_key: Option<String>,
}
