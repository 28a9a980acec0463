//! How much a call matters to those who run the service.

/// Classes of calls, the most important first; what is less important is shed before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Health checks. Never shed: an instance that is busy is not an instance that is down, and one taken
    /// out for being busy leaves its load to the others.
    Health,
    /// What users wait for and cannot do without.
    Critical,
    /// What users wait for.
    #[default]
    Normal,
    /// What nobody waits for: batches, refreshes.
    Batch,
}

impl Priority {
    /// All classes, the most important first.
    pub const ALL: [Self; 4] = [Self::Health, Self::Critical, Self::Normal, Self::Batch];

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}
