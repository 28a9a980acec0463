//! The success rates of a set, to tell who does clearly worse than its peers.

use std::sync::Arc;

/// The success rates of one interval, of all that were in the set and had enough calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peers {
    /// Their mean, in percent.
    pub mean: f64,
    /// Their population standard deviation.
    pub deviation: f64,
    /// Whoever is strictly below is an outlier.
    pub threshold: f64,
}

impl Peers {
    /// None if all rates are equal: whoever is like all others is no outlier, but the mean of equal numbers
    /// is not always exactly their value. `rates` are sorted.
    pub(super) fn of(rates: &[(Arc<str>, f64)], deviations: f64) -> Option<Self> {
        let ((_, worst), (_, best)) = (rates.first()?, rates.last()?);
        if worst == best {
            return None;
        }
        let count = rates.len() as f64;
        let mean = rates.iter().map(|(_, rate)| rate).sum::<f64>() / count;
        let squares = rates.iter().map(|(_, rate)| (rate - mean) * (rate - mean));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        Some(Self {
            mean,
            deviation,
            threshold: mean - deviations * deviation,
        })
    }
}
