//! What became of what was asked.

/// How many calls were admitted and refused; what was offered is their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that passed.
    pub admitted: u64,
    /// Calls that did not.
    pub refused: u64,
}

impl Counts {
    pub(super) const fn add(&mut self, admitted: bool) {
        let count = if admitted {
            &mut self.admitted
        } else {
            &mut self.refused
        };
        *count = count.saturating_add(1);
    }
}
