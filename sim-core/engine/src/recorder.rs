//! Takes down what happens: everything into the digest, what is worth keeping into the log.

use crate::log::Log;
use windtunnel_record::{Digest, Event, Moment, digest::Digester};

/// The recorder of one run.
pub(crate) struct Recorder {
    digester: Digester,
    log: Log,
    keep_packets: bool,
    limit: u64,
}

impl Recorder {
    pub fn new(keep_packets: bool, limit: u64) -> Self {
        Self {
            digester: Digester::new(),
            log: Log::default(),
            keep_packets,
            limit,
        }
    }

    /// Takes down `event`. The digest does not depend on what is kept.
    pub fn note(&mut self, now: u64, event: &Event) {
        let form = self.digester.absorb(Moment::from_nanos(now), event);
        if self.keep_packets || !event.is_packet() {
            self.log.add(form);
        }
    }

    /// See [`Log::make_room`].
    pub fn make_room(&mut self) {
        self.log.make_room();
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
    pub fn finish(self) -> (Digest, u64, Log) {
        (self.digester.digest(), self.digester.events(), self.log)
    }
}
