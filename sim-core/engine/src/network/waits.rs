//! Who waits at a socket, and when they are woken.
//!
//! As in tokio, one task at a time may wait by a `poll_` function (the last one counts), and any
//! number of futures wait besides it.

use super::connection::NEVER;
use crate::{
    agenda::Due,
    clock,
    machine::{Machine, with},
};
use std::task::Waker;

/// Those who wait for one thing.
#[derive(Default)]
pub(super) struct Waits {
    polled: Option<Waker>,
    /// In a box, for there are seldom any, and each end of a connection has room for two lists.
    futures: Option<Box<Futures>>,
}

/// Futures that wait, by their numbers; never none.
type Futures = Vec<(u64, Waker)>;

/// On whose behalf something is tried, and so who is woken later.
pub(super) enum Who<'a> {
    /// Nobody will wait.
    Nobody,
    /// The task of a `poll_` function.
    Polled(&'a Waker),
    /// A future, which keeps its number from one poll to the next.
    Future(&'a mut Option<u64>, &'a Waker),
}

impl Waits {
    pub fn is_empty(&self) -> bool {
        self.polled.is_none() && self.futures.is_none()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Waker> {
        let futures = self.futures.iter().flat_map(|futures| futures.iter());
        self.polled.iter().chain(futures.map(|(_, waker)| waker))
    }

    /// One of them.
    #[inline]
    pub fn first(&self) -> Option<&Waker> {
        let first_future = || Some(&self.futures.as_ref()?.first()?.1);
        self.polled.as_ref().or_else(first_future)
    }

    /// Takes a future off the list.
    fn remove(&mut self, number: u64) -> Option<Waker> {
        let futures = self.futures.as_mut()?;
        let at = futures.iter().position(|(held, _)| *held == number)?;
        let (_, waker) = futures.remove(at);
        if futures.is_empty() {
            self.futures = None;
        }
        Some(waker)
    }

    fn put(&mut self, number: u64, waker: &Waker) -> Option<Waker> {
        let futures = self.futures.get_or_insert_default();
        match futures.iter_mut().find(|(held, _)| *held == number) {
            Some((_, held)) if held.will_wake(waker) => None,
            Some((_, held)) => Some(std::mem::replace(held, waker.clone())),
            None => {
                futures.push((number, waker.clone()));
                None
            }
        }
    }
}

/// What is waited at.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// A side of a connection.
    Side { connection: u32, side: u8 },
    /// A listening socket.
    Listener(u32),
}

/// A future's number at a place. Dropping it takes the future off the lists there.
pub(super) struct Ticket {
    place: Place,
    pub number: Option<u64>,
}

impl Ticket {
    pub const fn at(place: Place) -> Self {
        let number = None;
        Self { place, number }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        with(|machine| {
            let waker = match self.place {
                Place::Side { connection, side } => {
                    machine.network.connection(connection).map(|connection| {
                        let end = &mut connection.ends[side as usize];
                        [end.readers.remove(number), end.writers.remove(number)]
                    })
                }
                Place::Listener(id) => {
                    let listener = machine.network.listeners.get_mut(&id);
                    listener.map(|listener| [listener.waits.remove(number), None])
                }
            };
            for waker in waker.into_iter().flatten() {
                machine.retire(waker);
            }
        });
    }
}

impl Machine {
    /// Puts `who` on the list that `of` finds. True if somebody waits there now.
    pub(super) fn wait(
        &mut self,
        who: &mut Who<'_>,
        of: impl FnOnce(&mut super::Network) -> Option<&mut Waits>,
    ) -> bool {
        let next = self.network.tickets;
        let Some(waits) = of(&mut self.network) else {
            return false;
        };
        let mut retired = Vec::new();
        match who {
            Who::Nobody => return false,
            Who::Polled(waker) => Self::register(&mut retired, &mut waits.polled, waker),
            Who::Future(number, waker) => {
                let number = *number.get_or_insert(next);
                retired.extend(waits.put(number, waker));
                self.network.tickets += u64::from(number == next);
            }
        }
        self.retired().append(&mut retired);
        true
    }

    /// Wakes all of them.
    pub(super) fn wake_all(&mut self, waits: Waits) {
        self.wake(waits.polled);
        for (_, waker) in waits.futures.into_iter().flat_map(|futures| *futures) {
            self.wake(Some(waker));
        }
    }

    /// Forgets all of them.
    pub(super) fn retire_all(&mut self, waits: Waits) {
        self.retire(waits.polled);
        for (_, waker) in waits.futures.into_iter().flat_map(|futures| *futures) {
            self.retire(Some(waker));
        }
    }

    /// Sees to it that the readers of a side are woken at `at`, if somebody waits there.
    pub(super) fn arm_reader(&mut self, number: u32, side: u8, at: u64) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        if !end.readers.is_empty() && end.read_armed > at {
            end.read_armed = at;
            self.agenda.enter(
                at,
                Due::Readable {
                    connection: number,
                    side,
                },
            );
        }
    }

    /// Sees to it that the writers of a side are woken when the next acknowledgement is seen.
    pub(super) fn arm_writer(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        if end.writers.is_empty() {
            return;
        }
        let at = connection.pipes[side as usize]
            .acks
            .front()
            .map_or(NEVER, |ack| ack.at);
        if at != NEVER && end.write_armed > at {
            end.write_armed = at;
            self.agenda.enter(
                at.max(clock::now()),
                Due::Writable {
                    connection: number,
                    side,
                },
            );
        }
    }

    pub(crate) fn readable_due(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        end.read_armed = NEVER;
        let waits = std::mem::take(&mut end.readers);
        self.wake_all(waits);
    }

    pub(crate) fn writable_due(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        end.write_armed = NEVER;
        let waits = std::mem::take(&mut end.writers);
        self.wake_all(waits);
    }

    /// Wakes whoever waits on a side.
    pub(super) fn wake_end(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        let waits = [
            std::mem::take(&mut end.readers),
            std::mem::take(&mut end.writers),
        ];
        for waits in waits {
            self.wake_all(waits);
        }
    }

    /// Forgets whoever waits on a side.
    pub(super) fn retire_end(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        let waits = [
            std::mem::take(&mut end.readers),
            std::mem::take(&mut end.writers),
        ];
        for waits in waits {
            self.retire_all(waits);
        }
    }
}
