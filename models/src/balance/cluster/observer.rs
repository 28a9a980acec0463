//! What a cluster lets others see beside the calls it picks for.

/// Sees what happens to a cluster; called outside of its locks.
pub trait Observer: Send + Sync + 'static {
    /// Discovery delivered an empty set, and the last good one stays with so many endpoints: an alarm.
    fn empty_set_ignored(&self, kept: usize) {
        let _ = kept;
    }

    /// A call found a priority in panic that was not in panic at the call before.
    fn panic_began(&self, priority: u32) {
        let _ = priority;
    }

    /// A call found a priority no longer in panic, or gone.
    fn panic_ended(&self, priority: u32) {
        let _ = priority;
    }
}

/// Nobody looks.
impl Observer for () {}
