//! The ports of datagram sockets, apart from those of TCP.

use super::{Datagrams, State};
use crate::machine::ArenaId;
use std::net::{IpAddr, SocketAddr};

const FIRST_EPHEMERAL: u16 = 32_768;
const EPHEMERAL: u16 = 28_232;

impl Datagrams {
    /// Whether a socket of `host` has this port at an address that overlaps.
    pub(super) fn is_taken(&self, host: u32, address: SocketAddr) -> bool {
        self.at(host, address.port())
            .any(|(_, state)| overlap(state.address.ip(), address.ip()))
    }

    fn at(&self, host: u32, port: u16) -> impl Iterator<Item = (ArenaId, &State)> {
        let ids = self.ports.get(&(host, port)).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.sockets.get(*id)?)))
    }

    /// A port of `host` that no socket has, in turn.
    pub(super) fn free_port(&mut self, host: u32) -> Option<u16> {
        let first = self.next.get(&host).copied().unwrap_or(0);
        let steps = (0..EPHEMERAL).map(|step| (first + step) % EPHEMERAL);
        let free = |step: &u16| !self.ports.contains_key(&(host, FIRST_EPHEMERAL + step));
        let found = steps.into_iter().find(free)?;
        self.next.insert(host, (found + 1) % EPHEMERAL);
        Some(FIRST_EPHEMERAL + found)
    }

    pub(super) fn open(&mut self, mut state: State) -> ArenaId {
        let (host, port) = (state.host, state.address.port());
        let opened = self.opened.entry(host).or_default();
        state.number = *opened;
        *opened += 1;
        let id = self.sockets.insert(state);
        self.ports.entry((host, port)).or_default().push(id);
        id
    }

    pub(super) fn close(&mut self, id: ArenaId) -> Option<State> {
        let state = self.sockets.remove(id)?;
        let key = (state.host, state.address.port());
        if let Some(holders) = self.ports.get_mut(&key) {
            holders.retain(|holder| *holder != id);
            if holders.is_empty() {
                self.ports.remove(&key);
            }
        }
        Some(state)
    }

    /// The socket that receives what `from` sends to `to`: one that is connected to it before one
    /// that is not, one bound to this address before one bound to any.
    pub(super) fn receiver(&self, host: u32, to: SocketAddr, from: SocketAddr) -> Option<ArenaId> {
        let fit = |(id, state): (ArenaId, &State)| {
            let own = state.address.ip();
            let here = own.is_unspecified() || own == to.ip();
            let meant = state.peer.is_none_or(|peer| peer == from);
            let score = (state.peer.is_some(), !own.is_unspecified());
            (here && meant).then_some((score, id))
        };
        let fits = self.at(host, to.port()).filter_map(fit);
        let best = fits.max_by_key(|(score, _)| *score);
        best.map(|(_, id)| id)
    }
}

/// Whether two sockets with these addresses would receive the same datagrams.
fn overlap(one: IpAddr, other: IpAddr) -> bool {
    one == other || one.is_unspecified() || other.is_unspecified()
}
