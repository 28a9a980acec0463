//! Looks ahead: what the next events will touch is fetched into the processor's cache while the present
//! one is carried out.
//!
//! With a thousand connections each event finds all of its data in memory that was not touched for a
//! while, and one piece leads to the next: the entry to its connection, that to its hosts and to what
//! waits there, and that to the task that is woken. So each stage is gone through for another of the
//! next events, and finds there what the stage before has fetched. It is a hint to the processor:
//! nothing of the run depends on it.

use super::connection::Connection;
use crate::{
    agenda::{Due, Soon},
    machine::Machine,
    task,
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

/// What the fate of a packet takes of its stream, as a rule.
const DRAWS: usize = 2;

/// In front of a task's cell stand the counts of those who hold it.
const COUNTS: usize = 2 * size_of::<usize>();

/// Of a future so many lines: more than a poll usually looks at.
const OF_FUTURE: usize = 6;

// How many events still come before the one for which a piece is fetched.
const ENTRY: usize = 6;
const SLOT: usize = 5;
const CONNECTION: usize = 4;
const SURROUNDINGS: usize = 2;
const TASKS: usize = 1;

impl Machine {
    /// Looks ahead from the event that comes next.
    #[inline]
    pub(crate) fn look_ahead(&self) {
        let soon = self.agenda.soon();
        self.fetch_entry(&soon, ENTRY);
        self.fetch_slot(&soon, SLOT);
        self.fetch_connection(&soon, CONNECTION);
        self.fetch_surroundings(&soon, SURROUNDINGS);
        self.fetch_tasks(&soon, TASKS);
    }

    /// Looks ahead at the first events of those that have just become known as the next.
    pub(crate) fn look_ahead_afresh(&self) {
        let soon = self.agenda.soon();
        // With one there is nothing to do meanwhile.
        if soon.len() < 2 {
            return;
        }
        (0..=ENTRY).for_each(|after| self.fetch_entry(&soon, after));
        (0..=SLOT).for_each(|after| self.fetch_slot(&soon, after));
        (0..=CONNECTION).for_each(|after| self.fetch_connection(&soon, after));
        (0..=SURROUNDINGS).for_each(|after| self.fetch_surroundings(&soon, after));
        (0..=TASKS).for_each(|after| self.fetch_tasks(&soon, after));
    }

    #[inline]
    fn fetch_entry(&self, soon: &Soon<'_>, after: usize) {
        if let Some(due) = soon.get(after) {
            fetch::<1, _>(due);
        }
    }

    #[inline]
    fn fetch_slot(&self, soon: &Soon<'_>, after: usize) {
        if let Some(&Due::Readable { connection, .. }) = soon.get(after)
            && let Some(slot) = self.network.connections.slot_of(connection)
        {
            fetch::<1, _>(slot);
        }
    }

    #[inline]
    fn connection_read(&self, soon: &Soon<'_>, after: usize) -> Option<(&Connection, usize)> {
        let Due::Readable { connection, side } = *soon.get(after)? else {
            return None;
        };
        let connection = self.network.connections.get(connection)?;
        Some((connection, usize::from(side) & 1))
    }

    #[inline]
    fn fetch_connection(&self, soon: &Soon<'_>, after: usize) {
        let Some((connection, side)) = self.connection_read(soon, after) else {
            return;
        };
        fetch::<2, _>(&connection.ends[side]);
        fetch::<1, _>(&connection.ends[1 - side]);
        fetch::<6, _>(&connection.pipes[side]);
        fetch::<3, _>(&connection.pipes[1 - side]);
        fetch::<1, _>(&connection.pipes[1 - side].small);
    }

    /// Fetches what reading, and answering there, will touch besides.
    #[inline]
    fn fetch_surroundings(&self, soon: &Soon<'_>, after: usize) {
        let Some((connection, side)) = self.connection_read(soon, after) else {
            return;
        };
        let end = &connection.ends[side];
        if let Some(host) = self.hosts.get(end.host as usize) {
            fetch::<2, _>(&host.cores);
        }
        if let Some(process) = self.processes.get(end.process as usize) {
            fetch::<1, _>(process);
        }
        if let Some(number) = end.readers.first().and_then(task::index_of) {
            fetch_line(task::place_of(number));
            if let Some(entry) = self.tasks.raw_slot(number) {
                fetch::<2, _>(entry);
            }
        }
        for pipe in &connection.pipes {
            fetch::<1, _>(pipe.bytes.as_slices().0);
        }
        let stream = connection.pipes[side].stream.as_ref();
        if let Some(generator) = stream.and_then(|stream| stream.touches(DRAWS)) {
            fetch::<5, _>(generator);
        }
        for link in connection.links {
            fetch::<1, _>(self.network.link_ref(link));
        }
    }

    #[inline]
    fn fetch_tasks(&self, soon: &Soon<'_>, after: usize) {
        let Some((connection, side)) = self.connection_read(soon, after) else {
            return;
        };
        let reader = connection.ends[side].readers.first();
        let entry = reader
            .and_then(task::index_of)
            .and_then(|number| self.tasks.slot(number));
        if let Some(entry) = entry {
            let (cell, future) = entry.places();
            fetch_line(cell.as_ptr().wrapping_sub(COUNTS));
            let future_begins = future.begins.as_ptr();
            for line in 0..(future.bytes as usize).div_ceil(LINE).min(OF_FUTURE) {
                fetch_line(future_begins.wrapping_add(line * LINE));
            }
        }
    }
}
