//! Keep-alive probes: how a connection on which nothing is said learns that its peer is gone.
//!
//! The times are Linux's unless the network's settings say otherwise: a probe after two hours without a sign of the peer, then one every 75
//! seconds, and after nine without an answer the connection ends with `TimedOut`. A peer that does
//! not know the connection any more answers by a reset.

use super::connection::{NEVER, SERVER};
use crate::{agenda::Due, clock, machine::Machine};
use windtunnel_record::{Event, Moment, Span};

/// When a connection that is kept alive probes its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// After so long without a sign of the peer (Linux `tcp_keepalive_time`).
    pub idle: Span,
    /// So long after the last probe (Linux `tcp_keepalive_intvl`).
    pub interval: Span,
    /// So often before it gives up (Linux `tcp_keepalive_probes`).
    pub probes: u8,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            idle: Span::from_secs(7_200),
            interval: Span::from_secs(75),
            probes: 9,
        }
    }
}

impl Machine {
    /// A side of a connection is open: it probes its peer if it was told to.
    pub(super) fn begin_keep_alive(&mut self, number: u32, side: u8) {
        let now = clock::now();
        let idle = self.network.spec.keep_alive.idle.as_nanos();
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        if end.options.keep_alive {
            end.heard = now;
            self.probe_at(number, side, now + idle);
        }
    }

    fn probe_at(&mut self, number: u32, side: u8, at: u64) {
        let due = Due::KeepAlive {
            connection: number,
            side,
        };
        self.agenda.enter(at, due);
    }

    /// When a side last had a sign of its peer.
    fn last_heard(&mut self, number: u32, side: u8, now: u64) -> Option<u64> {
        let connection = self.network.connection(number)?;
        let [own, other] = [side as usize, 1 - side as usize];
        connection.pipes[other].arrive(now);
        connection.pipes[own].acknowledge(now);
        let arrived = connection.pipes[other].arrived_at;
        let known = |at: u64| if at == NEVER { 0 } else { at };
        let heard = connection.ends[own].heard;
        let acknowledged = connection.pipes[own].acknowledged_at;
        Some(heard.max(known(arrived)).max(acknowledged))
    }

    /// It is time to look whether the peer of a side is still there.
    pub(crate) fn keep_alive_due(&mut self, number: u32, side: u8) {
        let now = clock::now();
        let KeepAlive {
            idle,
            probes: limit,
            ..
        } = self.network.spec.keep_alive;
        let idle = idle.as_nanos();
        let over = self
            .network
            .over_at(number, side)
            .is_some_and(|at| at <= now);
        let Some(heard) = self.last_heard(number, side, now).filter(|_| !over) else {
            return;
        };
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        if end.dead || !end.open {
            return;
        }
        if heard > end.heard {
            end.heard = heard;
            end.probes = 0;
        }
        let pipe = &connection.pipes[side as usize];
        if pipe.written > pipe.acknowledged || pipe.stall.is_some() {
            // What is repeated anyway finds out as well.
            return self.probe_at(number, side, now + idle);
        }
        let probes = connection.ends[side as usize].probes;
        if probes == 0 && now < heard + idle {
            return self.probe_at(number, side, heard + idle);
        }
        if probes >= u32::from(limit) {
            self.give_up(number, side);
            return self.send_reset(number, side, now);
        }
        self.probe(number, side, probes + 1);
    }

    fn probe(&mut self, number: u32, side: u8, attempt: u32) {
        let now = clock::now();
        let KeepAlive { idle, interval, .. } = self.network.spec.keep_alive;
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let [out, back] = [
            connection.links[side as usize],
            connection.links[1 - side as usize],
        ];
        let peer = &connection.ends[1 - side as usize];
        let (peer_host, peer_dead) = (peer.host, peer.dead);
        let powered = self.power[peer_host as usize];
        let arrives = self.fate_of(number, side, out, now, 1, powered).arrives;
        self.note(Event::Probe {
            connection: number,
            back: side == SERVER,
            attempt,
            arrives: arrives.map(Moment::from_nanos),
        });
        let forgotten = peer_dead
            || self
                .network
                .over_at(number, 1 - side)
                .is_some_and(|at| at <= now);
        if let Some(arrives) = arrives.filter(|_| forgotten) {
            self.send_reset(number, 1 - side, arrives);
        }
        let answer = self.network.link_ref(back);
        let answered = arrives.filter(|_| !forgotten && !answer.is_cut());
        let answered = answered.map(|at| at + answer.typical);
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        match answered {
            Some(at) => {
                let idle = idle.as_nanos();
                end.heard = at;
                end.probes = 0;
                self.probe_at(number, side, at + idle);
            }
            None => {
                end.probes = attempt;
                self.probe_at(number, side, now + interval.as_nanos());
            }
        }
    }

    /// Whether the probes of a side will find what they find now for ever: they are answered, or there
    /// is nobody left who sends them.
    pub(crate) fn is_kept_alive(&self, number: u32, side: u8) -> bool {
        let Some(connection) = self.network.connections.get(number) else {
            return true;
        };
        let (own, peer) = (
            &connection.ends[side as usize],
            &connection.ends[1 - side as usize],
        );
        let links = connection.links;
        let path = links
            .iter()
            .all(|&link| !self.network.link_ref(link).is_cut());
        own.dead || !own.open || path && !peer.dead && self.power[peer.host as usize]
    }
}
