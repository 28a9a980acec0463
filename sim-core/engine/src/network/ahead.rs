//! Looks ahead: what the next events will touch is fetched into the processor's cache while the present
//! one is carried out.
//!
//! With a thousand connections each event finds all of its data in memory that was not touched for a
//! while, and one piece leads to the next: the entry to its connection, that to its hosts and to what
//! waits there, and that to the task that is woken. So each stage is gone through for another of the
//! next events, and finds there what the stage before has fetched. It is a hint to the processor: nothing of
//! the run depends on it.

use super::connection::Connection;
use crate::{
    agenda::Due,
    machine::Machine,
    task::{self, Extent},
};

/// The bytes of a line of the cache.
const LINE: usize = 64;

/// Fetches the line at `place`. Any address will do: a wrong one is ignored.
#[inline]
fn fetch_line(place: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program could see, and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Fetches so many lines from the beginning of `value` on, be they its own or not.
#[inline]
fn fetch<const LINES: usize, T: ?Sized>(value: &T) {
    let begins = std::ptr::from_ref(value).cast::<u8>();
    for line in 0..LINES {
        fetch_line(begins.wrapping_add(line * LINE));
    }
}

/// In front of a task's cell stand the counts of those who hold it.
const COUNTS: usize = 2 * size_of::<usize>();

/// Fetches a piece of memory, but not more than what a poll usually looks at.
#[inline]
fn fetch_extent(extent: Extent) {
    let begins = extent.begins.as_ptr().wrapping_sub(COUNTS);
    let bytes = (extent.bytes as usize + COUNTS).min(6 * LINE);
    for offset in (0..begins.addr() % LINE + bytes).step_by(LINE) {
        fetch_line(begins.wrapping_add(offset));
    }
}

/// What is fetched for an event.
#[derive(Clone, Copy)]
enum Stage {
    Entry,
    Slot,
    Connection,
    Surroundings,
    Tasks,
}

/// The stages, and how many events still come before the one for which each is taken.
const STAGES: [(Stage, usize); 5] = [
    (Stage::Entry, 5),
    (Stage::Slot, 4),
    (Stage::Connection, 3),
    (Stage::Surroundings, 1),
    (Stage::Tasks, 0),
];

impl Machine {
    /// Looks ahead from the event that comes next.
    #[inline]
    pub(crate) fn look_ahead(&self) {
        let soon = self.agenda.soon();
        for (stage, after) in STAGES {
            if let Some(due) = soon.get(after) {
                self.fetch_for(stage, due);
            }
        }
    }

    /// Looks ahead at the first events of those that have just become known as the next.
    pub(crate) fn look_ahead_afresh(&self) {
        let soon = self.agenda.soon();
        // With one there is nothing to do meanwhile.
        if soon.len() < 2 {
            return;
        }
        for (stage, before) in STAGES {
            for due in (0..=before).filter_map(|after| soon.get(after)) {
                self.fetch_for(stage, due);
            }
        }
    }

    #[inline]
    fn fetch_for(&self, stage: Stage, due: &Due) {
        if let Stage::Entry = stage {
            return fetch::<1, _>(due);
        }
        let Due::Readable { connection, side } = *due else {
            return;
        };
        let connections = &self.network.connections;
        if let Stage::Slot = stage {
            return connections.slot_of(connection).map_or((), fetch::<1, _>);
        }
        let Some(connection) = connections.get(connection) else {
            return;
        };
        match stage {
            Stage::Entry | Stage::Slot => {}
            Stage::Connection => {
                let (own, other) = (side as usize, 1 - side as usize);
                fetch::<2, _>(&connection.ends[own]);
                fetch::<1, _>(&connection.ends[other]);
                fetch::<4, _>(&connection.pipes[own]);
                fetch::<4, _>(&connection.pipes[other]);
            }
            Stage::Surroundings => self.fetch_surroundings(connection, side),
            Stage::Tasks => {
                let end = &connection.ends[side as usize];
                for number in end.readers.iter().filter_map(task::index_of) {
                    if let Some(entry) = self.tasks.slot(number) {
                        entry.extents().for_each(fetch_extent);
                    }
                }
            }
        }
    }

    /// Fetches what reading at `side` of `connection`, and answering there, will touch besides.
    fn fetch_surroundings(&self, connection: &Connection, side: u8) {
        let end = &connection.ends[side as usize];
        if let Some(host) = self.hosts.get(end.host as usize) {
            fetch::<2, _>(&host.cores);
        }
        if let Some(process) = self.processes.get(end.process as usize) {
            fetch::<1, _>(process);
        }
        for number in end.readers.iter().filter_map(task::index_of) {
            fetch_line(task::place_of(number));
            if let Some(entry) = self.tasks.raw_slot(number) {
                fetch::<3, _>(entry);
            }
        }
        for pipe in &connection.pipes {
            fetch::<1, _>(pipe.bytes.as_slices().0);
            fetch::<1, _>(pipe.flights.as_slices().0);
            fetch::<1, _>(pipe.acks.as_slices().0);
        }
        if let Some(stream) = &connection.pipes[side as usize].stream {
            fetch::<5, _>(&**stream);
        }
        for link in connection.links {
            fetch::<1, _>(self.network.link_ref(link));
        }
    }
}
