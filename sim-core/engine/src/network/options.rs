//! What a program sets on a socket.

use super::NetworkSpec;
use std::time::Duration;

/// The options of a socket. What accepts inherits them from what listens, as on Linux.
///
/// Every segment looks at `no_delay`: it stands first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Options {
    /// Whether small writes leave at once (`TCP_NODELAY`); otherwise Nagle's algorithm holds them
    /// while an earlier small one is not acknowledged.
    pub no_delay: bool,
    /// Whether a silent peer is probed (`SO_KEEPALIVE`).
    pub keep_alive: bool,
    /// What closing does (`SO_LINGER`): a reset if this is zero.
    pub linger: Option<Duration>,
    /// The time to live of packets. No router between simulated hosts counts it.
    pub ttl: u32,
    /// `SO_SNDBUF` as it was asked for, in bytes.
    pub send_buffer: Option<u32>,
    /// `SO_RCVBUF` as it was asked for, in bytes.
    pub receive_buffer: Option<u32>,
    /// `SO_REUSEADDR`: the port may be taken while only connections are left on it.
    pub reuse_address: bool,
    /// `SO_REUSEPORT`: others that set it too may have the same port.
    pub reuse_port: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            no_delay: false,
            keep_alive: false,
            linger: None,
            ttl: 64,
            send_buffer: None,
            receive_buffer: None,
            reuse_address: false,
            reuse_port: false,
        }
    }
}

/// The largest buffer that may be asked for (Linux `net.core.wmem_max` and `rmem_max`).
const BUFFER_MAX: u32 = 212_992;
/// The smallest (half of Linux's `SOCK_MIN_SNDBUF` and `SOCK_MIN_RCVBUF`).
const SEND_MIN: u32 = 2_304;
const RECEIVE_MIN: u32 = 1_152;
/// What the kernel tells while nothing was asked for (the middle of `tcp_wmem` and `tcp_rmem`).
const SEND_TOLD: u32 = 16_384;
const RECEIVE_TOLD: u32 = 131_072;

impl Options {
    /// What `SO_SNDBUF` reads: twice what was asked for, because the kernel counts its own needs.
    pub fn send_buffer_told(&self) -> u32 {
        let asked = self.send_buffer;
        asked.map_or(SEND_TOLD, |size| 2 * size.clamp(SEND_MIN, BUFFER_MAX))
    }

    /// What `SO_RCVBUF` reads. See [`Self::send_buffer_told`].
    pub fn receive_buffer_told(&self) -> u32 {
        let asked = self.receive_buffer;
        asked.map_or(RECEIVE_TOLD, |size| 2 * size.clamp(RECEIVE_MIN, BUFFER_MAX))
    }

    /// How many bytes the sender's kernel holds that are not acknowledged.
    pub(super) fn send_room(&self, spec: &NetworkSpec) -> u64 {
        let asked = self.send_buffer;
        asked.map_or(spec.send_buffer as u64, |size| {
            u64::from(size.clamp(SEND_MIN, BUFFER_MAX))
        })
    }

    /// How many bytes the receiver's kernel holds that are not read.
    pub(super) fn window(&self, spec: &NetworkSpec) -> u64 {
        let asked = self.receive_buffer;
        asked.map_or(spec.receive_buffer as u64, |size| {
            u64::from(size.clamp(RECEIVE_MIN, BUFFER_MAX))
        })
    }
}
