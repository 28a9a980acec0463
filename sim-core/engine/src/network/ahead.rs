//! Looks ahead: what the next events will touch is fetched into the processor's cache while the present
//! one is carried out.
//!
//! With a thousand connections each event finds all of its data in memory that was not touched for a
//! while, and one piece leads to the next: the connection to its hosts, to what waits there, to the task
//! that is woken. So the event after the next has its connection fetched, the next one what its
//! connection points to, and the present one its task, and each finds there what it needs to go on. It
//! is a hint to the processor: nothing of the run depends on it.

use super::connection::Connection;
use crate::{agenda::Due, machine::Machine, task};

/// The bytes of a line of the cache.
const LINE: usize = 64;

/// Fetches the lines on which the first `bytes` of what is at `place` lie. Any address will do: a wrong
/// one is ignored.
#[inline]
fn fetch(place: *const u8, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    for offset in (0..place.addr() % LINE + bytes).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = place.wrapping_sub(place.addr() % LINE);
        // SAFETY: a prefetch reads nothing that the program could see, and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.wrapping_add(offset).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (place, bytes);
}

/// Fetches the beginning of `value`: as many bytes as `lines` have, and not more than there are.
#[inline]
fn fetch_lines<T: ?Sized>(value: &T, lines: usize) {
    let bytes = size_of_val(value).min(lines * LINE);
    fetch(std::ptr::from_ref(value).cast(), bytes);
}

impl Machine {
    /// Looks ahead from `present`, which was just taken from the agenda.
    #[inline]
    pub(crate) fn look_ahead(&self, present: &Due) {
        if let Some(&Due::Readable { connection, side }) = self.agenda.next_but_one()
            && let Some(connection) = self.network.connections.get(connection)
        {
            let (own, other) = (side as usize, 1 - side as usize);
            fetch_lines(&connection.ends[own], 3);
            fetch_lines(&connection.ends[other], 1);
            fetch_lines(&connection.pipes[own], 4);
            fetch_lines(&connection.pipes[other], 3);
        }
        if let Some(&Due::Readable { connection, side }) = self.agenda.next()
            && let Some(connection) = self.network.connections.get(connection)
        {
            self.fetch_surroundings(connection, side);
        }
        if let Due::Readable { connection, side } = *present
            && let Some(connection) = self.network.connections.get(connection)
        {
            let end = &connection.ends[side as usize];
            for number in end.readers.iter().filter_map(task::index_of) {
                if let Some(entry) = self.tasks.slot(number) {
                    let (place, bytes) = entry.place();
                    fetch(place, bytes.min(12 * LINE));
                }
            }
        }
    }

    /// Fetches what reading at `side` of `connection`, and answering there, will touch besides.
    fn fetch_surroundings(&self, connection: &Connection, side: u8) {
        let end = &connection.ends[side as usize];
        if let Some(host) = self.hosts.get(end.host as usize) {
            fetch_lines(&host.cores, 2);
        }
        if let Some(process) = self.processes.get(end.process as usize) {
            fetch_lines(process, 1);
        }
        for number in end.readers.iter().filter_map(task::index_of) {
            if let Some(entry) = self.tasks.slot(number) {
                fetch_lines(entry, 2);
            }
        }
        for pipe in &connection.pipes {
            fetch_lines(pipe.bytes.as_slices().0, 1);
            fetch_lines(pipe.flights.as_slices().0, 1);
            fetch_lines(pipe.acks.as_slices().0, 1);
        }
        if let Some(stream) = &connection.pipes[side as usize].stream {
            fetch_lines(&**stream, 5);
        }
        for link in connection.links {
            fetch_lines(self.network.link_ref(link), 1);
        }
    }
}
