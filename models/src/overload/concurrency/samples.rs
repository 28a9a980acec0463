//! The latencies of one window, thinned out evenly when there are very many.

const MOST: usize = 1024;

/// Keeps every sample of a small window, and of a large one every second, fourth and so on, never more
/// than a thousand.
#[derive(Debug)]
pub(super) struct Samples {
    kept: Vec<u64>,
    seen: u64,
    /// One in so many is kept.
    stride: u64,
}

impl Samples {
    pub(super) const fn new() -> Self {
        Self {
            kept: Vec::new(),
            seen: 0,
            stride: 1,
        }
    }

    pub(super) fn add(&mut self, sample: u64) {
        if self.seen.is_multiple_of(self.stride) {
            if self.kept.len() == MOST {
                let mut index = 0;
                self.kept.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.stride = self.stride.saturating_mul(2);
            }
            self.kept.push(sample);
        }
        self.seen = self.seen.saturating_add(1);
    }

    /// How many there were.
    pub(super) const fn seen(&self) -> u64 {
        self.seen
    }

    /// The median (the smallest sample that half of them do not exceed), and nothing is left.
    pub(super) fn take_median(&mut self) -> Option<u64> {
        let middle = self.kept.len().checked_sub(1)? / 2;
        let median = *self.kept.select_nth_unstable(middle).1;
        self.clear();
        Some(median)
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.seen = 0;
        self.stride = 1;
    }
}
