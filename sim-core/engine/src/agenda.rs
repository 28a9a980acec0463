//! What is due when: the engine's own event queue, exact to the nanosecond.
//!
//! A queue ordered by instant and then by the order of entry. Nothing is ever removed from the middle:
//! what was cancelled is recognised as stale when it comes up, by a number that changed.

mod queue;

use crate::{disk::OperationId, machine::ArenaId, timer::TimerId};
use queue::{Key, Queue};

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
#[derive(Debug)]
pub(crate) struct Agenda {
    queue: Queue,
    /// What the keys stand for, by slot. It does not move with them.
    dues: Vec<Due>,
    free: Vec<u32>,
    entered: u64,
}

/// Room for so many entries is there from the start, so that an ordinary run never moves them; keys move
/// anyway.
const ROOM: usize = 4096;

impl Default for Agenda {
    fn default() -> Self {
        Self {
            queue: Queue::default(),
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
    #[inline]
    pub fn enter(&mut self, at: u64, due: Due) {
        let slot = self.free_slot();
        // Written where it stays: a copy would be read back before its parts are written.
        self.dues[slot as usize] = due;
        self.queue.enter(Key::new(at, self.entered, slot));
        self.entered += 1;
    }

    #[inline]
    fn free_slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.dues.push(Due::End);
            (self.dues.len() - 1) as u32
        })
    }

    /// The instant of the next entry.
    #[inline]
    pub fn next_instant(&mut self) -> Option<u64> {
        self.queue.first().map(Key::instant)
    }

    /// Takes the next entry if it is due at `instant`.
    #[inline]
    pub fn take_at(&mut self, instant: u64) -> Option<Due> {
        let slot = self.queue.take_up_to(instant)?.slot();
        self.free.push(slot);
        Some(self.dues[slot as usize])
    }

    /// Those of the next entries that are known to be the next, the first of them last.
    #[inline]
    pub fn soon(&self) -> Soon<'_> {
        Soon {
            keys: self.queue.soon(),
            dues: &self.dues,
        }
    }

    /// What is entered, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Due> {
        self.queue.iter().map(|key| &self.dues[key.slot() as usize])
    }

    /// How many entries there are, stale ones counted.
    pub fn len(&self) -> usize {
        self.dues.len() - self.free.len()
    }

    /// Drops the entries for which `live` is false. The order of the others stays.
    pub fn retain(&mut self, live: impl Fn(&Due) -> bool) {
        let Self {
            queue, dues, free, ..
        } = self;
        queue.retain(|key| {
            let lives = live(&dues[key.slot() as usize]);
            if !lives {
                free.push(key.slot());
            }
            lives
        });
    }
}

/// The next entries, as far as they are known.
pub(crate) struct Soon<'a> {
    keys: &'a [Key],
    dues: &'a [Due],
}

impl<'a> Soon<'a> {
    /// How many are known.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What is due when `after` others were.
    #[inline]
    pub fn get(&self, after: usize) -> Option<&'a Due> {
        let place = self.keys.len().checked_sub(after + 1)?;
        self.dues.get(self.keys[place].slot() as usize)
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

    /// Near and far, alone and in crowds, at one instant and at many: what the model would do.
    #[test]
    fn many_entries_come_in_order_while_others_are_entered_and_dropped() {
        let mut agenda = Agenda::default();
        let mut stream = windtunnel_record::Seed(7).stream("agenda");
        let mut expected = std::collections::BTreeMap::new();
        let (mut now, mut order) = (0, 0);
        for round in 0..20_000_u32 {
            let (count, within) = match stream.below(200) {
                0 => (200, 1),
                1 => (200, 40_000),
                2 => (500, 1 << 40),
                4 => (3_000, 1 << 24),
                3 => (1, 1 << 45),
                _ => (stream.below(4), 1 << (4 * stream.below(8))),
            };
            for _ in 0..count {
                let at = now + stream.below(within);
                agenda.enter(at, Due::FaultBegins { fault: order });
                expected.insert((at, order), order);
                order += 1;
            }
            if round % 1_000 == 999 {
                let live = |fault: u32| !fault.is_multiple_of(3);
                agenda.retain(|due| matches!(due, Due::FaultBegins { fault } if live(*fault)));
                expected.retain(|_, fault| live(*fault));
                assert_eq!(agenda.iter().count(), expected.len());
            }
            assert_eq!(agenda.len(), expected.len());
            for _ in 0..1 + stream.below(8) {
                let Some((&(at, _), &fault)) = expected.first_key_value() else {
                    assert_eq!(agenda.next_instant(), None);
                    break;
                };
                if at > 0 && stream.below(2) == 0 {
                    assert_eq!(agenda.take_at(now.min(at - 1)), None);
                }
                now = at;
                assert_eq!(agenda.next_instant(), Some(at));
                let next = Some(Due::FaultBegins { fault });
                assert_eq!(agenda.soon().get(0), next.as_ref());
                assert_eq!(agenda.take_at(at), next);
                expected.pop_first();
            }
        }
        assert!(order > 60_000);
        agenda.enter(u64::MAX, Due::End);
        for &(at, _) in expected.keys() {
            assert_eq!(agenda.next_instant(), Some(at));
            assert!(agenda.take_at(at).is_some());
        }
        assert_eq!(agenda.take_at(u64::MAX), Some(Due::End));
        assert_eq!(agenda.len(), 0);
    }
}
