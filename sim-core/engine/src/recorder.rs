//! Takes down what happens: everything into the digest, what is worth keeping into a log.
//!
//! The log is made of the canonical form of the events, which the digest needs anyway. What is more than
//! `HELD` bytes goes to a file without a name, so that a run takes no more memory the longer it lasts; only at its end
//! is the log made into events, which are all in memory.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
};
use windtunnel_record::{Digest, Event, Moment, Record, canonical::Decode, digest::Digester};

/// How much of the log is held in memory.
const HELD: usize = 1 << 20;

/// The recorder of one run.
pub(crate) struct Recorder {
    digester: Digester,
    log: Vec<u8>,
    kept: usize,
    /// The beginning of the log, and how long it is.
    file: Option<(File, u64)>,
    /// Whether there can be no file: then all of it stays in memory.
    has_no_file: bool,
    keep_packets: bool,
    limit: u64,
}

impl Recorder {
    pub fn new(keep_packets: bool, limit: u64) -> Self {
        Self {
            digester: Digester::new(),
            log: Vec::new(),
            kept: 0,
            file: None,
            has_no_file: false,
            keep_packets,
            limit,
        }
    }

    /// Takes down `event`. The digest does not depend on what is kept.
    pub fn note(&mut self, now: u64, event: &Event) {
        let form = self.digester.absorb(Moment::from_nanos(now), event);
        if self.keep_packets || !event.is_packet() {
            self.log.extend_from_slice(form);
            self.kept += 1;
        }
    }

    /// Moves the log to its file if it has grown. Called by the driver: a service may open no file of
    /// the machine. Where there can be no such file the log stays in memory.
    pub fn make_room(&mut self) {
        if self.log.len() < HELD || self.has_no_file {
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
        if file.write_all(&self.log).is_ok() {
            *length += self.log.len() as u64;
            self.log.clear();
        } else {
            // What was written in part is not read: the file counts up to its length.
            self.has_no_file = true;
        }
    }

    /// Whether more happened than the run's limit allows.
    pub fn is_over_limit(&self) -> bool {
        self.digester.events() > self.limit
    }

    /// How many events the run may have.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The digest, the number of events, and the kept ones.
    pub fn finish(mut self) -> (Digest, u64, Vec<Record>) {
        let mut events = Vec::with_capacity(self.kept);
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
        form.append(&mut self.log);
        decode(&mut form, &mut events);
        assert!(form.is_empty(), "the log is made of canonical forms");
        (self.digester.digest(), self.digester.events(), events)
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
    use windtunnel_record::Outcome;

    fn events(count: u64) -> Vec<Record> {
        let event = |number| Event::Completed {
            operation: number,
            outcome: Outcome::Ok,
            detail: format!("200 {number}"),
        };
        let at = Moment::from_nanos;
        let all = (0..count).map(|number| (at(number), event(number)));
        all.map(|(at, event)| Record { at, event }).collect()
    }

    fn recorded(events: &[Record]) -> Recorder {
        let mut recorder = Recorder::new(true, u64::MAX);
        for record in events {
            recorder.note(record.at.as_nanos(), &record.event);
            recorder.make_room();
        }
        recorder
    }

    #[test]
    fn what_was_kept_comes_back_in_its_order() {
        let all = events(1_000);
        let recorder = recorded(&all);
        assert!(recorder.file.is_none(), "it is short");
        assert_eq!(recorder.finish().2, all);
    }

    #[test]
    fn a_long_log_is_in_a_file_and_comes_back_whole() {
        let all = events(100_000);
        let recorder = recorded(&all);
        // Some file systems know no files without a name.
        assert!(
            recorder.file.is_some() || recorder.has_no_file,
            "it is long"
        );
        assert!(
            recorder.has_no_file || recorder.log.len() < HELD,
            "{} bytes",
            recorder.log.len()
        );
        assert_eq!(recorder.finish().2, all);
    }
}
