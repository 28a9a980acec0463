//! What is due when: the engine's own event queue, exact to the nanosecond.
//!
//! A binary heap ordered by instant and then by the order of entry. Nothing is ever removed from the
//! middle: what was cancelled is recognised as stale when it comes up, by a number that changed.

use crate::{disk::OperationId, machine::ArenaId, timer::TimerId};
use std::{cmp::Ordering, collections::BinaryHeap};

/// Something that becomes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// A timer of a service.
    Timer(TimerId),
    /// A core of a host becomes free while tasks wait for one.
    CoreFree { host: u32 },
    /// Some work on shared cores is done.
    ShareDone { host: u32 },
    /// A reader (or writer) of a connection may find something.
    Readable { connection: u32, side: u8 },
    /// See [`Due::Readable`].
    Writable { connection: u32, side: u8 },
    /// A packet of the opening handshake arrives or is due again.
    Handshake { connection: u32, step: Step },
    /// A direction of a connection tries again what was lost.
    Retransmit {
        connection: u32,
        side: u8,
        epoch: u32,
    },
    /// The receiver's window opened again.
    WindowOpen { connection: u32, side: u8 },
    /// A side looks whether its silent peer is still there.
    KeepAlive { connection: u32, side: u8 },
    /// A small segment has waited long enough for an acknowledgement.
    SmallMayGo {
        connection: u32,
        side: u8,
        epoch: u32,
    },
    /// A sender on a limited link sees an acknowledgement that it waits for.
    Acknowledged { connection: u32, side: u8 },
    /// A datagram arrives, or word of one.
    Datagram(ArenaId),
    /// A reset arrives at a side.
    ResetArrives {
        connection: u32,
        side: u8,
        sent: u64,
    },
    /// A disk is through with an operation.
    DiskDone(OperationId),
    /// A planned fault begins.
    FaultBegins { fault: u32 },
    /// A fault that goes on step by step goes on.
    FaultGoesOn { fault: u32, step: u32 },
    /// A planned fault ends.
    FaultEnds { fault: u32 },
    /// A process that was asked to stop has had its time.
    GraceOver { host: u32, incarnation: u32 },
    /// A process that returned is started again.
    StartAgain { host: u32 },
    /// The load ends, the settle phase begins.
    Settle,
    /// Gauges are read.
    Sample,
    /// The run is over.
    End,
}

/// A packet of the three-way handshake, at its sender (`Send`) or at its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The client sends its SYN, again and again.
    SendSyn { attempt: u8 },
    /// Nobody on the link has said where the server is.
    NoNeighbour,
    /// The SYN is at the server.
    Syn { sent: u64 },
    /// The answer to the SYN is at the client; `refused` if it is a reset.
    SynAck { sent: u64, refused: bool },
    /// The client's last acknowledgement is at the server.
    Ack { attempt: u8, sent: u64 },
    /// The client answers a repeated SYN-ACK.
    SendAck { attempt: u8 },
    /// The server gives up what is half open.
    HalfOpenOver,
}

impl Due {
    /// Whether it is only the harness that keeps time. Such entries never count as something that can
    /// still happen.
    pub const fn is_passive(&self) -> bool {
        matches!(self, Self::Settle | Self::Sample | Self::End)
    }
}

#[derive(Debug)]
struct Entry {
    at: u64,
    /// Its place among all entries; no two have the same.
    order: u64,
    due: Due,
}

impl Entry {
    fn key(&self) -> u128 {
        u128::from(self.at) << 64 | u128::from(self.order)
    }
}

impl Ord for Entry {
    /// The heap has its greatest entry on top: the one that is due first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

/// The queue.
#[derive(Debug)]
pub(crate) struct Agenda {
    entries: BinaryHeap<Entry>,
    entered: u64,
}

/// Room for so many entries is there from the start, so that an ordinary run never moves them.
const ROOM: usize = 4096;

impl Default for Agenda {
    fn default() -> Self {
        Self {
            entries: BinaryHeap::with_capacity(ROOM),
            entered: 0,
        }
    }
}

impl Agenda {
    /// Enters `due` for the instant `at`.
    pub fn enter(&mut self, at: u64, due: Due) {
        let order = self.entered;
        self.entered += 1;
        self.entries.push(Entry { at, order, due });
    }

    /// The instant of the next entry.
    pub fn next_instant(&self) -> Option<u64> {
        self.entries.peek().map(|entry| entry.at)
    }

    /// Takes the next entry if it is due at `instant`.
    pub fn take_at(&mut self, instant: u64) -> Option<Due> {
        if self.next_instant()? > instant {
            return None;
        }
        self.entries.pop().map(|entry| entry.due)
    }

    /// What is entered, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Due> {
        self.entries.iter().map(|entry| &entry.due)
    }

    /// How many entries there are, stale ones counted.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Drops the entries for which `live` is false. The order of the others stays.
    pub fn retain(&mut self, live: impl Fn(&Due) -> bool) {
        self.entries.retain(|entry| live(&entry.due));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_by_instant_and_then_in_the_order_of_entry() {
        let mut agenda = Agenda::default();
        agenda.enter(20, Due::End);
        agenda.enter(10, Due::CoreFree { host: 2 });
        agenda.enter(10, Due::CoreFree { host: 1 });
        assert_eq!(agenda.next_instant(), Some(10));
        assert_eq!(agenda.take_at(10), Some(Due::CoreFree { host: 2 }));
        assert_eq!(agenda.take_at(10), Some(Due::CoreFree { host: 1 }));
        assert_eq!(agenda.take_at(10), None);
        assert_eq!(agenda.take_at(20), Some(Due::End));
    }
}
