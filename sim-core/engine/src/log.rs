//! The kept events of a run, in canonical form.
//!
//! The digest needs that form anyway, so the log is made of it. What is more than `HELD` bytes goes to a
//! file without a name, so that a run takes no more memory the longer it lasts. The log is made into
//! events, which are then all in memory, only where somebody wants them.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
};
use windtunnel_record::{Record, canonical::Decode};

/// How much of a log is held in memory.
const HELD: usize = 1 << 20;

/// Events in their order, written down and not yet read.
#[derive(Debug, Default)]
pub struct Log {
    form: Vec<u8>,
    events: usize,
    /// The beginning of the log, and how long it is.
    file: Option<(File, u64)>,
    /// Whether there can be no file: then all of it stays in memory.
    has_no_file: bool,
}

impl Log {
    /// Adds the canonical form of one event.
    pub(crate) fn add(&mut self, form: &[u8]) {
        self.form.extend_from_slice(form);
        self.events += 1;
    }

    /// Moves the log to its file if it has grown. Called by the driver: a service may open no file of
    /// the machine. Where there can be no such file the log stays in memory.
    pub(crate) fn make_room(&mut self) {
        if self.form.len() < HELD || self.has_no_file {
            return;
        }
        if self.file.is_none() {
            let mut options = OpenOptions::new();
            options.read(true).write(true).custom_flags(libc::O_TMPFILE);
            let opened = options.open(std::env::temp_dir()).ok();
            self.file = opened.map(|file| (file, 0));
        }
        let Some((file, length)) = &mut self.file else {
            self.has_no_file = true;
            return;
        };
        if file.write_all(&self.form).is_ok() {
            *length += self.form.len() as u64;
            self.form.clear();
        } else {
            // What was written in part is not read: the file counts up to its length.
            self.has_no_file = true;
        }
    }

    /// The events.
    ///
    /// # Panics
    /// If the file it is in can no longer be read.
    pub fn into_events(mut self) -> Vec<Record> {
        let mut events = Vec::with_capacity(self.events);
        let mut form = Vec::new();
        if let Some((file, length)) = &mut self.file {
            let begun = file.seek(SeekFrom::Start(0));
            begun.expect("a file can be read from its beginning");
            let mut left = *length;
            while left > 0 {
                let next = left.min(HELD as u64);
                let read = Read::by_ref(file).take(next).read_to_end(&mut form);
                read.expect("what was written can be read");
                left -= next;
                decode(&mut form, &mut events);
            }
        }
        form.append(&mut self.form);
        decode(&mut form, &mut events);
        assert!(form.is_empty(), "the log is made of canonical forms");
        events
    }
}

/// Takes whole events off the front of `form`; what is left is the beginning of one.
fn decode(form: &mut Vec<u8>, events: &mut Vec<Record>) {
    let mut rest = form.as_slice();
    while !rest.is_empty() {
        let mut after = rest;
        let Ok(event) = Record::decode(&mut after) else {
            break;
        };
        events.push(event);
        rest = after;
    }
    let taken = form.len() - rest.len();
    form.drain(..taken);
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_record::{Event, Moment, Outcome, digest::Digester};

    fn events(count: u64) -> Vec<Record> {
        let event = |number| Event::Completed {
            operation: number,
            outcome: Outcome::Ok,
            detail: format!("200 {number}").into(),
        };
        let at = Moment::from_nanos;
        let all = (0..count).map(|number| (at(number), event(number)));
        all.map(|(at, event)| Record { at, event }).collect()
    }

    fn logged(events: &[Record]) -> Log {
        let mut digester = Digester::new();
        let mut log = Log::default();
        for record in events {
            log.add(digester.absorb(record.at, &record.event));
            log.make_room();
        }
        log
    }

    #[test]
    fn what_was_kept_comes_back_in_its_order() {
        let all = events(1_000);
        let log = logged(&all);
        assert!(log.file.is_none(), "it is short");
        assert_eq!(log.into_events(), all);
    }

    #[test]
    fn a_long_log_is_in_a_file_and_comes_back_whole() {
        let all = events(100_000);
        let log = logged(&all);
        // Some file systems know no files without a name.
        assert!(log.file.is_some() || log.has_no_file, "it is long");
        assert!(
            log.has_no_file || log.form.len() < HELD,
            "{} bytes",
            log.form.len()
        );
        assert_eq!(log.into_events(), all);
    }
}
