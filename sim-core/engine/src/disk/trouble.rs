//! What faults do to a disk while they last.

use windtunnel_record::{Distribution, Stream, fault::DiskOperation};

/// The faults that are on a disk.
#[derive(Default)]
pub(crate) struct Troubles(Vec<Trouble>);

/// A fault that is on a disk.
pub(crate) struct Trouble {
    /// The fault's number.
    pub fault: u32,
    pub kind: TroubleKind,
    /// What it draws from, its own on each host.
    pub stream: Stream,
}

pub(crate) enum TroubleKind {
    Slow {
        by: Distribution,
        operations: Vec<DiskOperation>,
    },
    Full,
    Error {
        operations: Vec<DiskOperation>,
        rate: f64,
        /// How many operations it may still fail.
        left: u64,
    },
}

impl Troubles {
    pub fn begin(&mut self, trouble: Trouble) {
        self.0.push(trouble);
    }

    pub fn end(&mut self, fault: u32) {
        self.0.retain(|trouble| trouble.fault != fault);
    }

    /// By how much an operation is late, and by whose fault.
    pub fn delay(&mut self, operation: DiskOperation) -> Option<(u64, u32)> {
        let mut late = None;
        for trouble in &mut self.0 {
            if let TroubleKind::Slow { by, operations } = &trouble.kind
                && operation.is_among(operations)
            {
                let delay = by.sample(&mut trouble.stream).as_nanos();
                let (before, fault) = late.unwrap_or((0, trouble.fault));
                late = Some((before + delay, fault));
            }
        }
        late
    }

    /// By whose fault an operation fails, if it does.
    pub fn failure(&mut self, operation: DiskOperation) -> Option<u32> {
        for trouble in &mut self.0 {
            if let TroubleKind::Error {
                operations,
                rate,
                left,
            } = &mut trouble.kind
                && *left > 0
                && operation.is_among(operations)
                && trouble.stream.chance(*rate)
            {
                *left -= 1;
                return Some(trouble.fault);
            }
        }
        None
    }

    /// By whose fault there is no room, if there is none.
    pub fn full(&self) -> Option<u32> {
        let full = |trouble: &&Trouble| matches!(trouble.kind, TroubleKind::Full);
        self.0.iter().find(full).map(|trouble| trouble.fault)
    }
}
