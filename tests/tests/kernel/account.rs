//! What the two parts of a behaviour noted, and when.

use crate::plan::Host;
use std::ops::Range;

/// How late a note may be, in milliseconds: processes of a busy machine are.
const LATE: u64 = if cfg!(madsim) { 0 } else { 400 };

/// One note.
#[derive(Clone, Debug)]
pub struct Noted {
    pub by: Host,
    /// Milliseconds since the start.
    pub at: u64,
    pub what: String,
}

/// All notes of one behaviour, those of each host in their order.
#[derive(Debug, Default)]
pub struct Account {
    pub notes: Vec<Noted>,
}

impl Account {
    /// When `host` noted `what` for the first time.
    ///
    /// # Panics
    /// If it never did.
    pub fn when(&self, host: Host, what: &str) -> u64 {
        let mut notes = self.notes.iter();
        let found = notes.find(|noted| noted.by == host && noted.what == what);
        match found {
            Some(noted) => noted.at,
            None => panic!("the {} never noted {what:?}:\n{self}", host.name()),
        }
    }

    /// `host` noted `what`, within this many milliseconds of the start.
    pub fn saw(&self, host: Host, what: &str, within: Range<u64>) {
        let at = self.when(host, what);
        let within = within.start..within.end + LATE;
        assert!(
            within.contains(&at),
            "the {} noted {what:?} at {at} ms, expected in {within:?}:\n{self}",
            host.name()
        );
    }

    /// The client noted `what`, within this many milliseconds of the start.
    pub fn client(&self, what: &str, within: Range<u64>) {
        self.saw(Host::Client, what, within);
    }

    /// The server noted `what`, within this many milliseconds of the start.
    pub fn server(&self, what: &str, within: Range<u64>) {
        self.saw(Host::Server, what, within);
    }

    /// `host` never noted `what`.
    pub fn never(&self, host: Host, what: &str) {
        let mut notes = self.notes.iter();
        let found = notes.any(|noted| noted.by == host && noted.what == what);
        assert!(!found, "the {} noted {what:?}:\n{self}", host.name());
    }

    /// Between two notes of the client so many milliseconds passed.
    pub fn took(&self, from: &str, to: &str, within: Range<u64>) {
        let (from_at, to_at) = (self.when(Host::Client, from), self.when(Host::Client, to));
        let took = to_at - from_at;
        assert!(
            within.contains(&took),
            "from {from:?} to {to:?} {took} ms passed, expected {within:?}:\n{self}"
        );
    }

    /// The number that `host` noted as `"{what} {number}"`, within these bounds.
    pub fn number(&self, host: Host, what: &str, within: Range<u64>) -> u64 {
        let mut notes = self.notes.iter().filter(|noted| noted.by == host);
        let number = notes.find_map(|noted| noted.what.strip_prefix(what)?.trim().parse().ok());
        let number: u64 = number.unwrap_or_else(|| panic!("no number {what:?} was noted:\n{self}"));
        assert!(
            within.contains(&number),
            "{what} {number}, expected in {within:?}:\n{self}"
        );
        number
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for Noted { by, at, what } in &self.notes {
            writeln!(f, "  {at:>7} ms  {}: {what}", by.name())?;
        }
        Ok(())
    }
}
