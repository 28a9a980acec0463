//! Looks ahead: what the next events will touch is fetched into the processor's cache while the present
//! one is carried out.
//!
//! With a thousand connections each event finds all of its data in memory that was not touched for a
//! while, and one piece leads to the next: the connection to its hosts and to the task that waits there.
//! So each stage is gone through for another of the next events, and finds there what the stage before
//! has fetched. It is a hint to the processor: nothing of the run depends on it.
//!
//! What is not listed here is waited for. To see it, let `fetch_line` read, and run the bench `pairs` in a
//! simulator of caches: what still misses elsewhere is missing here.

use super::connection::Connection;
use crate::{
    agenda::{Due, Soon},
    host::Host,
    machine::Machine,
    task,
};
use std::mem::offset_of;

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

/// Where the element at `index` of `list` is, if there is one.
#[inline]
fn place_in<T>(list: &[T], index: usize) -> *const u8 {
    list.as_ptr().wrapping_add(index).cast()
}

/// What the fate of a packet takes of its stream, as a rule.
const DRAWS: usize = 2;

/// In front of a task's cell stand the counts of those who hold it.
const COUNTS: usize = 2 * size_of::<usize>();

/// Of a future so many lines. Where in it a poll looks only the compiler knows, so of a large one they
/// may be the wrong ones: what is soon over should stand elsewhere, as connecting does.
const OF_FUTURE: usize = 6;

// How many events still come before the one for which a piece is fetched.
const CONNECTION: usize = 4;
const SURROUNDINGS: usize = 2;

impl Machine {
    /// Looks ahead from the event that comes next.
    #[inline]
    pub(crate) fn look_ahead(&self) {
        let soon = self.agenda.soon();
        self.fetch_connection(&soon, CONNECTION);
        self.fetch_surroundings(&soon, SURROUNDINGS);
    }

    /// Looks ahead at the first events of those that have just become known as the next.
    pub(crate) fn look_ahead_afresh(&self) {
        let soon = self.agenda.soon();
        // With one there is nothing to do meanwhile.
        if soon.len() < 2 {
            return;
        }
        (0..=CONNECTION).for_each(|after| self.fetch_connection(&soon, after));
        (0..=SURROUNDINGS).for_each(|after| self.fetch_surroundings(&soon, after));
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
        fetch::<1, _>(&connection.links);
    }

    /// Fetches what reading, and answering there, will touch besides. It waits for nothing: the
    /// processor goes on while the task's entry, from which the last addresses come, is on its way.
    #[inline]
    fn fetch_surroundings(&self, soon: &Soon<'_>, after: usize) {
        let Some((connection, side)) = self.connection_read(soon, after) else {
            return;
        };
        let end = &connection.ends[side];
        let host = place_in(&self.hosts, end.host as usize);
        fetch_line(host.wrapping_add(offset_of!(Host, cores)));
        fetch_line(place_in(&self.processes, end.process as usize));
        if let Some(number) = end.readers.first().and_then(task::index_of) {
            self.fetch_task(number);
        }
        for pipe in &connection.pipes {
            fetch::<1, _>(pipe.bytes.as_slices().0);
        }
        let stream = connection.pipes[side].stream.as_ref();
        if let Some(generator) = stream.and_then(|stream| stream.touches(DRAWS)) {
            fetch::<5, _>(generator);
        }
        for link in connection.links {
            fetch_line(place_in(&self.network.links, link));
        }
    }

    /// Fetches what polling the task at an index will touch.
    #[inline]
    fn fetch_task(&self, index: u32) {
        fetch_line(task::place_of(index));
        let Some(entry) = self.tasks.slot(index) else {
            return;
        };
        let (cell, future) = entry.places();
        let cell = cell.as_ptr().wrapping_sub(COUNTS);
        fetch_line(cell);
        fetch_line(cell.wrapping_add(LINE - 1));
        let lines = (future.bytes as usize).div_ceil(LINE).min(OF_FUTURE);
        for line in 0..lines {
            fetch_line(future.begins.as_ptr().wrapping_add(line * LINE));
        }
    }
}
