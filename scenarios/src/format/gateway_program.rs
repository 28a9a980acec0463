//! What the program around a gateway is told: TLS, an operator's door, the access log, how it stops.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};
use windtunnel_record::Span;

/// Settings beside those of the gateway itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct GatewayProgram {
    /// Clients are spoken to by TLS; absent: in plain. The certificates are read anew at every reload.
    pub tls: Option<ServerTls>,
    /// A listener for the operator; absent: there is none.
    pub admin: Option<AdminSettings>,
    /// A line for every request.
    pub access_log: AccessLogSettings,
    /// How it stops.
    pub shutdown: Shutdown,
}

/// TLS with clients. HTTP/2 and HTTP/1.1 are offered by ALPN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ServerTls {
    /// What is presented, by the name that a client asks for.
    pub certificates: Vec<Certificate>,
    /// Who certifies clients; absent: clients are not asked for certificates.
    #[serde(default)]
    pub clients: Option<Clients>,
    /// The oldest version that is spoken.
    #[serde(default)]
    pub oldest: Oldest,
}

/// A certificate with its key. Paths are relative to the directory of this file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Certificate {
    /// A PEM file: the certificate, then those between it and its authority.
    pub chain: PathBuf,
    /// A PEM file with its private key.
    pub key: PathBuf,
    /// Names of hosts, exact or with `*.` in front. The one certificate without names is presented to
    /// everybody else.
    #[serde(default)]
    pub names: Vec<String>,
}

/// Certificates of clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Clients {
    /// A PEM file with the authorities that are believed.
    pub ca: PathBuf,
    /// Whether a client without a certificate is refused.
    #[serde(default = "yes")]
    pub required: bool,
}

const fn yes() -> bool {
    true
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Oldest {
    /// TLS 1.2 and newer.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3 and newer.
    #[serde(rename = "1.3")]
    Tls13,
}

/// The operator's listener. Whoever reaches it can end the gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AdminSettings {
    /// Where it listens, as `address:port`.
    pub listen: SocketAddr,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9901)),
        }
    }
}

/// The access log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AccessLogSettings {
    /// Where it is written.
    pub to: LogTarget,
    /// How a line looks.
    pub format: LineFormat,
    /// Lines that may wait to be written; further ones are dropped and counted.
    pub queue: usize,
}

impl Default for AccessLogSettings {
    fn default() -> Self {
        Self {
            to: LogTarget::Stdout,
            format: LineFormat::Json,
            queue: 10_000,
        }
    }
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// Nowhere: no lines are made.
    Off,
    /// The end of a file, which is opened anew at every reload.
    File(PathBuf),
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LineFormat {
    /// A JSON object.
    Json,
    /// `key=value` pairs.
    Text,
}

/// How it stops: readiness ends, it goes on for `delay`, takes no further connection, and finishes what is
/// under way within `grace`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Shutdown {
    /// How long it still serves, until whoever asks for readiness has noticed.
    pub delay: Span,
    /// How long requests under way may take, before they are cut.
    pub grace: Span,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO.into(),
            grace: Duration::from_secs(30).into(),
        }
    }
}

impl GatewayProgram {
    /// The settings that a file may have, by key.
    pub(super) const KEYS: [&str; 4] = ["tls", "admin", "access-log", "shutdown"];

    /// What cannot be meant, each with its field.
    pub(super) fn mistakes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut add = |field: &str, problem: &str| found.push((field.into(), problem.into()));
        if let Some(tls) = &self.tls {
            if tls.certificates.is_empty() {
                add("tls.certificates", "is empty: there is nothing to present");
            }
            let nameless = tls.certificates.iter().enumerate();
            let nameless = nameless.filter(|(_, certificate)| certificate.names.is_empty());
            for (position, _) in nameless.skip(1) {
                let problem = "needs `names`: an earlier one is for everybody else already";
                add(&format!("tls.certificates[{position}]"), problem);
            }
        }
        if self.access_log.queue == 0 || self.access_log.queue > 10_000_000 {
            add("access-log.queue", "must be from 1 to 10000000");
        }
        let day = Duration::from_secs(24 * 60 * 60);
        for (field, span) in [
            ("delay", self.shutdown.delay),
            ("grace", self.shutdown.grace),
        ] {
            if Duration::from(span) > day {
                add(
                    &format!("shutdown.{field}"),
                    "must not be longer than a day",
                );
            }
        }
        found
    }
}
