//! Nagle's algorithm: unless `TCP_NODELAY` is set, a small segment waits while an earlier small one is
//! not acknowledged (Minshall's variant, as in Linux).
//!
//! The acknowledgement comes at once, unless the receiver lately answered what it received: then its
//! kernel expects to send it along with the next answer and holds it back for 40 ms. Both together
//! are what a service sees that writes twice and then reads. Only here are acknowledgements held
//! back; elsewhere nobody would notice.

use super::{
    connection::{NEVER, Pipe},
    transmission::PACKET,
};
use crate::{agenda::Due, clock, machine::Machine};

/// How long an acknowledgement is held back (Linux `TCP_DELACK_MIN`).
const HELD_BACK: u64 = 40_000_000;

/// What one direction knows of its small segments.
pub(super) struct Small {
    /// The end of the last one that was sent.
    end: u64,
    /// When that arrives.
    pub arrives: u64,
    /// When what waits behind it may go.
    release: u64,
    /// Whether that waits for an acknowledgement that is held back.
    held_back: bool,
    /// Tells the present release from earlier ones.
    epoch: u32,
}

impl Default for Small {
    fn default() -> Self {
        Self {
            end: 0,
            arrives: NEVER,
            release: NEVER,
            held_back: false,
            epoch: 0,
        }
    }
}

impl Pipe {
    /// How much of the last `length` bytes that there are may go now, when the peer sent at `heard` what
    /// arrived from it last.
    pub fn unless_small(&mut self, length: u64, now: u64, heard: u64) -> u64 {
        if self.small.arrives <= heard {
            // What the peer sent after that was there acknowledged it.
            (self.small.end, self.small.release) = (0, NEVER);
        }
        let tail = length % PACKET;
        if tail == 0 || self.small.end == 0 {
            return length;
        }
        self.acknowledge(now);
        // Somebody else may know of the acknowledgement before the sender does: it is held back.
        let waits = self.small.release != NEVER && self.small.release > now;
        if self.small.end <= self.acknowledged && !waits {
            return length;
        }
        length - tail
    }

    /// Takes note of a segment that was sent.
    pub fn sent_small(&mut self, length: u64) {
        if !length.is_multiple_of(PACKET) && self.sent == self.written {
            self.small.end = self.sent;
            self.small.arrives = NEVER;
            self.small.release = NEVER;
        }
    }

    /// The segment up to `end` arrives at `at`.
    pub fn small_arrives(&mut self, end: u64, at: u64) {
        if self.small.end == end {
            self.small.arrives = at;
        }
    }
}

impl Machine {
    /// A small segment of a side waits: finds out until when.
    pub(super) fn await_acknowledgement(&mut self, number: u32, side: u8, depart: u64) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let back = connection.links[1 - side as usize];
        let typical = self.network.link_ref(back).typical;
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let held_back = connection.ends[1 - side as usize].interactive;
        let answers = &connection.pipes[1 - side as usize].flights;
        let pipe = &connection.pipes[side as usize];
        let ack = pipe.acks.iter().find(|ack| ack.end >= pipe.small.end);
        // What is lost is sent again, and that goes on from there.
        let Some(ack) = ack.filter(|ack| ack.at != NEVER) else {
            return;
        };
        let arrived = ack.at.saturating_sub(typical);
        let answer = answers
            .iter()
            .find(|flight| flight.sent_at >= arrived && flight.own_arrival != NEVER);
        let answer = answer.map_or(NEVER, |flight| flight.own_arrival);
        let at = if held_back {
            ack.at + HELD_BACK
        } else {
            ack.at
        };
        let held_back = held_back && at < answer;
        self.release_small(number, side, at.min(answer).max(depart), held_back);
    }

    /// A segment that a side sends at `depart` acknowledges what its peer sent, when it arrives.
    pub(super) fn carry_acknowledgement(&mut self, number: u32, side: u8, arrives: u64) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let small = &connection.pipes[1 - side as usize].small;
        if small.held_back && small.release != NEVER && arrives < small.release {
            self.release_small(number, 1 - side, arrives, false);
        }
    }

    fn release_small(&mut self, number: u32, side: u8, at: u64, held_back: bool) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let small = &mut connection.pipes[side as usize].small;
        if at >= small.release {
            return;
        }
        small.release = at;
        small.held_back = held_back;
        small.epoch += 1;
        let due = Due::SmallMayGo {
            connection: number,
            side,
            epoch: small.epoch,
        };
        self.agenda.enter(at.max(clock::now()), due);
    }

    /// The acknowledgement for which a small segment waited is there.
    pub(crate) fn small_may_go(&mut self, number: u32, side: u8, epoch: u32) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &mut connection.pipes[side as usize];
        if pipe.small.epoch != epoch || pipe.small.release == NEVER {
            return;
        }
        pipe.small.release = NEVER;
        let lost = pipe
            .acks
            .iter()
            .any(|ack| ack.end <= pipe.small.end && ack.at == NEVER);
        if lost {
            return;
        }
        pipe.small.end = 0;
        if std::mem::take(&mut pipe.small.held_back) {
            // Its kernel waited in vain for an answer: it waits no more.
            connection.ends[1 - side as usize].interactive = false;
        }
        self.transmit(number, side, clock::now());
    }

    /// `TCP_NODELAY` was set: what waited goes now.
    pub(super) fn stop_waiting(&mut self, number: u32, side: u8, depart: u64) {
        let waits = self.network.connection(number).is_some_and(|connection| {
            let pipe = &mut connection.pipes[side as usize];
            pipe.small.end = 0;
            pipe.written > pipe.sent
        });
        if waits {
            self.transmit(number, side, depart);
        }
    }

    /// A side sends data: if that answers what it lately received, its kernel holds back
    /// acknowledgements from now on.
    pub(super) fn note_answer(&mut self, number: u32, side: u8, depart: u64) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let heard = connection.pipes[1 - side as usize].arrived_at;
        let end = &mut connection.ends[side as usize];
        end.interactive |= heard != NEVER && depart < heard + HELD_BACK;
    }
}
