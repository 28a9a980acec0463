//! Takes down what happens: everything into the digest, what is worth keeping into memory.

use windtunnel_record::{Digest, Event, Moment, Record, digest::Digester};

/// The recorder of one run.
pub(crate) struct Recorder {
    digester: Digester,
    kept: Vec<Record>,
    keep_packets: bool,
    limit: u64,
}

impl Recorder {
    pub fn new(keep_packets: bool, limit: u64) -> Self {
        Self {
            digester: Digester::new(),
            kept: Vec::new(),
            keep_packets,
            limit,
        }
    }

    /// Takes down `event`. The digest does not depend on what is kept.
    pub fn note(&mut self, now: u64, event: Event) {
        let at = Moment::from_nanos(now);
        self.digester.absorb(at, &event);
        if self.keep_packets || !event.is_packet() {
            self.kept.push(Record { at, event });
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

    pub fn finish(self) -> (Digest, u64, Vec<Record>) {
        (self.digester.digest(), self.digester.events(), self.kept)
    }
}
