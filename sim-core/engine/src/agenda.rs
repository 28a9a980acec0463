//! What is due when: the engine's own event queue, exact to the nanosecond.
//!
//! A heap ordered by instant and then by the order of entry. Nothing is ever removed from the middle:
//! what was cancelled is recognised as stale when it comes up, by a number that changed.

use crate::{disk::OperationId, machine::ArenaId, timer::TimerId};

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

/// The queue.
///
/// A heap with four children a node: half as deep as one with two, and the four, of 16 bytes each, lie
/// side by side. What a key stands for does not move with it. Source: D. B. Johnson, *Priority queues
/// with update and finding minimum spanning trees* (1975).
#[derive(Debug)]
pub(crate) struct Agenda {
    /// The nodes from [`ROOT`] on; behind the last up to a whole number of fours, and before the
    /// first, stands [`NOTHING`].
    keys: Vec<u128>,
    entries: usize,
    /// What the keys stand for, by slot.
    dues: Vec<Due>,
    free: Vec<u32>,
    entered: u64,
}

/// The root's place: so the children of each node begin at a multiple of four.
const ROOT: usize = 3;
/// A key that comes after every other.
const NOTHING: u128 = u128::MAX;
/// A key is the instant (64 bits), the place in the order of entry, and the slot.
const SLOT_BITS: u32 = 26;
const SLOTS: usize = 1 << SLOT_BITS;
const ORDERS: u64 = 1 << (64 - SLOT_BITS);
/// Room for so many entries is there from the start, so that an ordinary run never moves them.
const ROOM: usize = 4096;

fn children_of(node: usize) -> usize {
    4 * node - 8
}

fn parent_of(node: usize) -> usize {
    node / 4 + 2
}

fn instant_of(key: u128) -> u64 {
    (key >> 64) as u64
}

fn slot_of(key: u128) -> usize {
    key as usize & (SLOTS - 1)
}

impl Default for Agenda {
    fn default() -> Self {
        let mut keys = Vec::with_capacity(ROOM);
        keys.resize(ROOT + 1, NOTHING);
        Self {
            keys,
            entries: 0,
            dues: Vec::with_capacity(ROOM),
            free: Vec::with_capacity(ROOM),
            entered: 0,
        }
    }
}

impl Agenda {
    /// Enters `due` for the instant `at`.
    ///
    /// # Panics
    /// With more than 67 million entries at a time, or 274 billion in all.
    pub fn enter(&mut self, at: u64, due: Due) {
        let order = self.entered;
        self.entered += 1;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.dues[slot as usize] = due;
                slot as usize
            }
            None => {
                self.dues.push(due);
                self.dues.len() - 1
            }
        };
        assert!(
            slot < SLOTS && order < ORDERS,
            "the agenda has no number for another entry"
        );
        let key = u128::from(at) << 64 | u128::from(order << SLOT_BITS | slot as u64);
        self.push(key);
    }

    fn push(&mut self, key: u128) {
        let mut node = ROOT + self.entries;
        self.entries += 1;
        if node >= self.keys.len() {
            self.keys.resize(self.keys.len() + 4, NOTHING);
        }
        while node > ROOT {
            let parent = parent_of(node);
            if self.keys[parent] < key {
                break;
            }
            self.keys[node] = self.keys[parent];
            node = parent;
        }
        self.keys[node] = key;
    }

    /// The instant of the next entry.
    pub fn next_instant(&self) -> Option<u64> {
        (self.entries > 0).then(|| instant_of(self.keys[ROOT]))
    }

    /// What is due next.
    pub fn next(&self) -> Option<&Due> {
        (self.entries > 0).then(|| &self.dues[slot_of(self.keys[ROOT])])
    }

    /// What is due after that.
    pub fn next_but_one(&self) -> Option<&Due> {
        let children = self.keys.get(children_of(ROOT)..)?.first_chunk::<4>()?;
        let least = *children.iter().min()?;
        (least != NOTHING).then(|| &self.dues[slot_of(least)])
    }

    /// Takes the next entry if it is due at `instant`.
    pub fn take_at(&mut self, instant: u64) -> Option<Due> {
        let key = self.keys[ROOT];
        if self.entries == 0 || instant_of(key) > instant {
            return None;
        }
        self.entries -= 1;
        let last = std::mem::replace(&mut self.keys[ROOT + self.entries], NOTHING);
        if self.entries > 0 {
            self.sink(last);
        }
        let slot = slot_of(key);
        self.free.push(slot as u32);
        Some(self.dues[slot])
    }

    /// Puts `key` where it belongs, from the root down, whose own is gone.
    fn sink(&mut self, key: u128) {
        let mut node = ROOT;
        while let Some(&[a, b, c, d]) = self
            .keys
            .get(children_of(node)..)
            .and_then(<[u128]>::first_chunk)
        {
            let (left, least_left) = if b < a { (1, b) } else { (0, a) };
            let (right, least_right) = if d < c { (3, d) } else { (2, c) };
            let (child, least) = if least_right < least_left {
                (right, least_right)
            } else {
                (left, least_left)
            };
            if key < least {
                break;
            }
            self.keys[node] = least;
            node = children_of(node) + child;
        }
        self.keys[node] = key;
    }

    fn live_keys(&self) -> &[u128] {
        &self.keys[ROOT..ROOT + self.entries]
    }

    /// What is entered, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Due> {
        let keys = self.live_keys().iter();
        keys.map(|&key| &self.dues[slot_of(key)])
    }

    /// How many entries there are, stale ones counted.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Drops the entries for which `live` is false. The order of the others stays.
    pub fn retain(&mut self, live: impl Fn(&Due) -> bool) {
        let keys = self.live_keys().to_vec();
        self.keys.truncate(ROOT + 1);
        self.keys[ROOT] = NOTHING;
        self.entries = 0;
        for key in keys {
            let slot = slot_of(key);
            if live(&self.dues[slot]) {
                self.push(key);
            } else {
                self.free.push(slot as u32);
            }
        }
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

    #[test]
    fn many_entries_come_in_order_while_others_are_entered_and_dropped() {
        let mut agenda = Agenda::default();
        let mut stream = windtunnel_record::Seed(7).stream("agenda");
        let mut expected = std::collections::BTreeMap::new();
        let (mut now, mut order) = (0, 0);
        for round in 0..20_000_u32 {
            for _ in 0..stream.below(4) {
                let at = now + stream.below(50);
                agenda.enter(at, Due::FaultBegins { fault: order });
                expected.insert((at, order), order);
                order += 1;
            }
            if round % 1_000 == 999 {
                let live = |fault: u32| !fault.is_multiple_of(3);
                agenda.retain(|due| matches!(due, Due::FaultBegins { fault } if live(*fault)));
                expected.retain(|_, fault| live(*fault));
            }
            assert_eq!(agenda.len(), expected.len());
            assert_eq!(agenda.iter().count(), expected.len());
            let Some((&(at, _), &fault)) = expected.first_key_value() else {
                assert_eq!(agenda.next_instant(), None);
                continue;
            };
            now = at;
            assert_eq!(agenda.next_instant(), Some(at));
            if at > 0 {
                assert_eq!(agenda.take_at(at - 1), None);
            }
            assert_eq!(agenda.take_at(at), Some(Due::FaultBegins { fault }));
            expected.pop_first();
        }
        assert!(order > 20_000);
    }
}
