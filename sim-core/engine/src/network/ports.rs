//! The ports of hosts: who holds which, who may share one, and which is free.
//!
//! The rules are Linux's: `inet_csk_get_port` for binding, `__inet_hash_connect` for connecting. A
//! connection that was closed holds its port for as long as Linux does (a minute of TIME_WAIT); that
//! is computed when somebody wants to know, and needs no timer.

use super::{
    Network, Options,
    connection::{EndOfStream, NEVER},
    holders::{Held, Holder, PortKey},
};
use std::net::{IpAddr, SocketAddr};

/// The first of Linux's ephemeral ports.
const FIRST_EPHEMERAL: u16 = 32_768;
/// How many there are.
const EPHEMERAL: u16 = 28_232;
/// How long a closed connection is remembered, and how long an orphan waits for its peer's end
/// (Linux `TCP_TIMEWAIT_LEN` and `tcp_fin_timeout`).
const MINUTE: u64 = 60_000_000_000;
/// On loopback a port may be used again for the same peer after this long (`tcp_tw_reuse` = 2).
const REUSE_ON_LOOPBACK: u64 = 1_000_000_000;

/// Whether two sockets with these addresses would receive the same packets.
fn overlap(one: IpAddr, other: IpAddr) -> bool {
    let takes = |any: IpAddr, address: IpAddr| match any {
        IpAddr::V6(any) => any.is_unspecified(),
        IpAddr::V4(any) => any.is_unspecified() && address.is_ipv4(),
    };
    one == other || takes(one, other) || takes(other, one)
}

impl Network {
    /// Whether a socket with `options` may not have `at`. `choosing` when the kernel looks for a free
    /// port: then it shares none.
    pub(super) fn is_taken(
        &self,
        host: u32,
        at: SocketAddr,
        options: &Options,
        choosing: bool,
        own: Option<PortKey>,
        now: u64,
    ) -> bool {
        self.ports.at(host, at.port()).any(|(key, holder)| {
            if own == Some(key) || !overlap(holder.ip, at.ip()) || self.is_free_again(holder, now) {
                return false;
            }
            let listening = matches!(holder.held, Held::Listening(_));
            let by_address = options.reuse_address && holder.reuse_address && !listening;
            let by_port = options.reuse_port && holder.reuse_port;
            choosing || !(by_address || by_port)
        })
    }

    /// A port for binding that nobody holds.
    pub(super) fn free_port(
        &mut self,
        host: u32,
        ip: IpAddr,
        options: &Options,
        now: u64,
    ) -> Option<u16> {
        self.search(host, |network, port| {
            !network.is_taken(host, SocketAddr::new(ip, port), options, true, None, now)
        })
    }

    /// A port for connecting from `ip` to `peer`: one that nobody bound and no other connection to
    /// `peer` has.
    pub(super) fn ephemeral_port(
        &mut self,
        host: u32,
        ip: IpAddr,
        peer: SocketAddr,
        now: u64,
    ) -> Option<u16> {
        self.search(host, |network, port| {
            network.ports.at(host, port).all(|(_, holder)| {
                network.is_free_again(holder, now) || network.is_shareable(holder, ip, peer, now)
            })
        })
    }

    fn search(&mut self, host: u32, free: impl Fn(&Self, u16) -> bool) -> Option<u16> {
        let first = self.ports.next_ephemeral(host);
        let steps = (0..EPHEMERAL).map(|step| (first + step) % EPHEMERAL);
        let found = steps
            .into_iter()
            .find(|&step| free(self, FIRST_EPHEMERAL + step))?;
        self.ports.set_next_ephemeral(host, (found + 1) % EPHEMERAL);
        Some(FIRST_EPHEMERAL + found)
    }

    /// Whether connect may choose the port of `holder` for another connection.
    fn is_shareable(&self, holder: &Holder, ip: IpAddr, peer: SocketAddr, now: u64) -> bool {
        match holder.held {
            Held::Connected {
                connection,
                side,
                chosen: true,
            } => holder.ip != ip || self.peer_of(connection, side) != Some(peer),
            Held::Over {
                peer: before,
                until,
                chosen: true,
            } => {
                let old = until.saturating_sub(MINUTE) + REUSE_ON_LOOPBACK <= now;
                holder.ip != ip || before != peer || ip.is_loopback() && old
            }
            _ => false,
        }
    }

    /// Whether another connection from `at` to `peer` lives. One that is over gives way to a socket
    /// that was bound.
    pub(super) fn is_connected(
        &self,
        host: u32,
        at: SocketAddr,
        peer: SocketAddr,
        now: u64,
    ) -> bool {
        self.ports.at(host, at.port()).any(|(_, holder)| {
            let Held::Connected {
                connection, side, ..
            } = holder.held
            else {
                return false;
            };
            holder.ip == at.ip()
                && self.peer_of(connection, side) == Some(peer)
                && !self.is_free_again(holder, now)
        })
    }

    /// The connection between two sockets, each by its host and address.
    ///
    /// Who connected has a port for a few connections, where a listener's port may be that of thousands:
    /// so the first of the two, which is looked up first, should be the one that connected.
    pub(crate) fn connection_between(
        &self,
        (host, at): (u32, SocketAddr),
        (peer_host, peer): (u32, SocketAddr),
    ) -> Option<u32> {
        let of = |host: u32, at: SocketAddr, peer: SocketAddr| {
            let mut holders = self.ports.at(host, at.port());
            holders.find_map(|(_, holder)| match holder.held {
                Held::Connected {
                    connection, side, ..
                } if self.peer_of(connection, side) == Some(peer) => Some(connection),
                _ => None,
            })
        };
        of(host, at, peer).or_else(|| of(peer_host, peer, at))
    }

    fn peer_of(&self, connection: u32, side: u8) -> Option<SocketAddr> {
        let connection = self.connections.get(connection)?;
        Some(connection.ends[1 - side as usize].address)
    }

    /// Whether the kernel has let go of the port meanwhile.
    fn is_free_again(&self, holder: &Holder, now: u64) -> bool {
        match holder.held {
            Held::Over { until, .. } => until <= now,
            Held::Connected {
                connection, side, ..
            } => self.over_at(connection, side).is_some_and(|at| at <= now),
            Held::Bound(_) | Held::Listening(_) => false,
        }
    }

    /// When the kernel of a side lets go of its port, if that is known yet.
    ///
    /// Who ended its stream first remembers the connection for a minute after the other's end came
    /// (TIME_WAIT), and who let go of a socket waits a minute for that end (FIN_WAIT_2).
    pub(super) fn over_at(&self, connection: u32, side: u8) -> Option<u64> {
        let connection = self.connections.get(connection)?;
        let (own, other) = (
            &connection.pipes[side as usize],
            &connection.pipes[1 - side as usize],
        );
        let known = |at: u64| (at != NEVER).then_some(at);
        if own.end_of_stream != EndOfStream::Sent {
            return None;
        }
        let own_arrives = known(own.end_arrives())?;
        let back = self.link_ref(connection.links[1 - side as usize]).typical;
        if other.end_of_stream == EndOfStream::Sent {
            let other_arrives = known(other.end_arrives())?;
            let first = own.end_sent_at < other_arrives;
            return Some(if first {
                other_arrives + MINUTE
            } else {
                own_arrives + back
            });
        }
        let let_go = !connection.ends[side as usize].open;
        let_go.then_some(own_arrives + back + MINUTE)
    }

    /// The listening socket that `peer` reaches at `at`.
    pub(super) fn listener_for(&self, host: u32, at: SocketAddr, peer: SocketAddr) -> Option<u32> {
        let fit = |holder: &Holder| match (holder.held, holder.ip) {
            (Held::Listening(id), ip) if ip == at.ip() => Some((2, id)),
            (Held::Listening(id), IpAddr::V4(ip)) if ip.is_unspecified() && at.is_ipv4() => {
                Some((1, id))
            }
            (Held::Listening(id), IpAddr::V6(ip)) if ip.is_unspecified() => Some((0, id)),
            _ => None,
        };
        let fits: Vec<(u8, u32)> = self
            .ports
            .at(host, at.port())
            .filter_map(|(_, holder)| fit(holder))
            .collect();
        let best = fits.iter().map(|(score, _)| *score).max()?;
        let equal: Vec<u32> = fits
            .iter()
            .filter(|(score, _)| *score == best)
            .map(|(_, id)| *id)
            .collect();
        // Those that share a port are chosen among by the peer's address, as the kernel does.
        let chosen = match equal.len() {
            1 => 0,
            several => xxhash_rust::xxh3::xxh3_64(peer.to_string().as_bytes()) % several as u64,
        };
        equal.get(chosen as usize).copied()
    }
}
