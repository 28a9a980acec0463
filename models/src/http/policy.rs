//! The settings of server and client, validated when one of them is built.

use std::time::Duration;

use super::InvalidPolicy;

/// Limits and patience of a [`Server`](super::Server).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPolicy {
    /// Connections held at once; further ones wait in the listener's backlog.
    pub max_connections: usize,
    /// Connections held at once for one client address; further ones are closed at once.
    pub max_connections_per_client: usize,
    /// Header fields of a request; more are answered with 431.
    pub max_headers: usize,
    /// Bytes of request line and headers together; more are answered with 431. At least 8192.
    pub max_header_bytes: usize,
    /// How long a client may take to send a complete head; counts from the connection's start
    /// and again from the end of each exchange, so it is the keep-alive limit as well.
    pub header_timeout: Duration,
    /// What is spoken with clients.
    pub protocols: Protocols,
    /// Exchanges at once on one HTTP/2 connection; a client that begins more has them refused.
    pub max_streams: u32,
    /// After so long without a byte from an HTTP/2 client it is asked whether it is there (a PING).
    pub ping_interval: Duration,
    /// If the client does not answer that within this time its connection is closed.
    pub ping_timeout: Duration,
    /// How long, once told to shut down, the server still accepts: the time a load balancer needs
    /// to notice that readiness is gone. Zero closes the listener at once.
    pub lame_duck: Duration,
    /// How long requests in flight may take after the listener closed, before they are cut.
    pub grace: Duration,
}

impl Default for ServerPolicy {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_connections_per_client: 10_000,
            max_headers: 100,
            max_header_bytes: 64 * 1024,
            header_timeout: Duration::from_secs(30),
            protocols: Protocols::default(),
            max_streams: 100,
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(20),
            lame_duck: Duration::ZERO,
            grace: Duration::from_secs(120),
        }
    }
}

impl ServerPolicy {
    pub(super) fn validate(&self) -> Result<(), InvalidPolicy> {
        positive("max-connections", self.max_connections)?;
        positive(
            "max-connections-per-client",
            self.max_connections_per_client,
        )?;
        positive("max-headers", self.max_headers)?;
        if self.max_connections > tokio::sync::Semaphore::MAX_PERMITS {
            return Err(InvalidPolicy::new(
                "max-connections",
                "is larger than can be counted",
            ));
        }
        if self.max_header_bytes < 8192 {
            return Err(InvalidPolicy::new(
                "max-header-bytes",
                "must be at least 8192",
            ));
        }
        if self.max_header_bytes > u32::MAX as usize {
            return Err(InvalidPolicy::new(
                "max-header-bytes",
                "is larger than HTTP/2 can say",
            ));
        }
        positive("max-streams", self.max_streams as usize)?;
        lasting("ping-interval", self.ping_interval)?;
        lasting("ping-timeout", self.ping_timeout)?;
        lasting("header-timeout", self.header_timeout)
    }
}

/// What a server speaks. HTTP/2 is spoken with prior knowledge: the client begins with its preface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocols {
    /// Whatever a client begins with.
    #[default]
    Both,
    /// HTTP/1.1 and 1.0 only; the preface of HTTP/2 is answered as a bad request.
    Http1,
    /// HTTP/2 only; a client that begins otherwise is cut off.
    Http2,
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1: a connection for each exchange under way.
    #[default]
    Http1,
    /// HTTP/2 with prior knowledge: one connection for all exchanges with a host and port.
    Http2,
}

/// Patience and pool of a [`Client`](super::Client).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPolicy {
    /// How long a connection may take to be established, name resolution included.
    pub connect_timeout: Duration,
    /// How long an unused connection stays in the pool.
    pub idle_timeout: Duration,
    /// What is spoken.
    pub protocol: Protocol,
    /// Unused HTTP/1.1 connections kept per host and port; 0 keeps none, so every request connects.
    pub max_idle_per_host: usize,
    /// Header fields of a response; more are a protocol error.
    pub max_headers: usize,
}

impl Default for ClientPolicy {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(20),
            protocol: Protocol::default(),
            max_idle_per_host: 64,
            max_headers: 100,
        }
    }
}

impl ClientPolicy {
    pub(super) fn validate(&self) -> Result<(), InvalidPolicy> {
        lasting("connect-timeout", self.connect_timeout)?;
        lasting("idle-timeout", self.idle_timeout)?;
        positive("max-headers", self.max_headers)
    }
}

fn positive(field: &'static str, value: usize) -> Result<(), InvalidPolicy> {
    if value == 0 {
        Err(InvalidPolicy::new(field, "must be at least 1"))
    } else {
        Ok(())
    }
}

/// A day is far beyond any sensible patience and far below what overflows an instant.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

fn lasting(field: &'static str, value: Duration) -> Result<(), InvalidPolicy> {
    if value.is_zero() {
        return Err(InvalidPolicy::new(field, "must be longer than zero"));
    }
    if value > LONGEST {
        return Err(InvalidPolicy::new(field, "must not be longer than a day"));
    }
    Ok(())
}
