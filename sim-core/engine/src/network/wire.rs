//! What a link does to packets besides taking time and losing some, by its settings and by faults.

use windtunnel_record::{Bandwidth, Impairments, Reorder, Size, impairments::usual_queue};

/// How much a link carries, and how many bytes wait in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub rate: Bandwidth,
    pub room: u64,
}

impl Limit {
    /// With this queue, or the usual one.
    pub fn new(rate: Bandwidth, queue: Option<Size>) -> Self {
        let room = queue.unwrap_or_else(|| usual_queue(rate)).as_bytes();
        Self { rate, room }
    }
}

/// Each list has the link's own setting first, which belongs to no fault.
#[derive(Default)]
pub(crate) struct Wire {
    pub limits: Vec<(Option<u32>, Limit)>,
    pub duplicates: Vec<(Option<u32>, f64)>,
    pub reorders: Vec<(Option<u32>, Reorder)>,
    pub corruptions: Vec<(Option<u32>, f64)>,
}

impl Wire {
    pub fn new(settings: &Impairments) -> Self {
        let limit = settings.bandwidth;
        let limit = limit.map(|rate| Limit::new(rate, settings.queue));
        Self {
            limits: limit.map(|limit| (None, limit)).into_iter().collect(),
            duplicates: settings
                .duplicate
                .map(|rate| (None, rate))
                .into_iter()
                .collect(),
            reorders: settings
                .reorder
                .map(|one| (None, one))
                .into_iter()
                .collect(),
            corruptions: settings
                .corrupt
                .map(|rate| (None, rate))
                .into_iter()
                .collect(),
        }
    }

    /// Whether it leaves packets as they are; how fast it is does not count.
    pub fn is_plain(&self) -> bool {
        self.duplicates.is_empty() && self.reorders.is_empty() && self.corruptions.is_empty()
    }

    /// The narrowest limit, and the fault that made it.
    pub fn limit(&self) -> Option<(Limit, Option<u32>)> {
        let narrowest = self.limits.iter().min_by_key(|(_, limit)| limit.rate);
        narrowest.map(|(fault, limit)| (*limit, *fault))
    }

    /// Forgets what a fault did.
    pub fn take_off(&mut self, fault: u32) {
        let fault = Some(fault);
        self.limits.retain(|(by, _)| *by != fault);
        self.duplicates.retain(|(by, _)| *by != fault);
        self.reorders.retain(|(by, _)| *by != fault);
        self.corruptions.retain(|(by, _)| *by != fault);
    }
}
