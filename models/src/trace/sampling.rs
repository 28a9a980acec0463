//! Which traces are recorded: by what was decided before, else by a share of the traces that every hop
//! computes alike.
//!
//! The law is consistent probability sampling as OpenTelemetry writes it down: of 2⁵⁶ equally probable
//! values of R those below a threshold T are left out. Whoever keeps a tenth keeps a part of what a
//! neighbour keeps who keeps a half, so that traces are whole or absent and never torn.

use std::fmt;
use std::str::FromStr;

/// Bits of R and of a threshold.
const BITS: u32 = 56;
const DIGITS: u32 = BITS / 4;
const ALL: u64 = 1 << BITS;

/// Below it R is left out: (1 − p)·2⁵⁶ for a probability p, which is above zero and at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold(u64);

/// A probability or a text that means no threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidThreshold {
    /// Not above zero and at most one, or so small that nothing would be kept.
    #[error("a share of the traces is above 0 and at most 1")]
    Probability,
    /// Not one to fourteen lower-case hexadecimal digits.
    #[error("a threshold is 1 to 14 lower-case hexadecimal digits")]
    Text,
}

impl Threshold {
    /// The one that keeps everything.
    pub const ALWAYS: Self = Self(0);

    /// The threshold of a probability, computed in `f64` as its definition stands.
    ///
    /// # Errors
    ///
    /// The probability is NaN, not above zero, above one, or below 2⁻⁵³: then nothing would be kept, which
    /// is for whoever asks for it to say.
    pub fn of(probability: f64) -> Result<Self, InvalidThreshold> {
        if !(probability > 0.0 && probability <= 1.0) {
            return Err(InvalidThreshold::Probability);
        }
        // Exact: a product with a power of two, and a number of at most 53 bits.
        let threshold = ((1.0 - probability) * ALL as f64) as u64;
        if threshold < ALL {
            Ok(Self(threshold))
        } else {
            Err(InvalidThreshold::Probability)
        }
    }

    /// The probability it stands for.
    pub fn probability(self) -> f64 {
        (ALL - self.0) as f64 / ALL as f64
    }

    /// Rounded to so many significant digits, as encoders write it; leading `f`s do not count, because
    /// they are zeros of the probability. One that would be rounded to "nothing" is left as it is.
    #[must_use]
    pub fn rounded(self, digits: u32) -> Self {
        let zeros = ((self.0 << (u64::BITS - BITS)).leading_ones() / 4).min(DIGITS);
        let kept = zeros.saturating_add(digits);
        if kept >= DIGITS {
            return self;
        }
        let shift = 4 * (DIGITS - kept);
        let rounded = ((self.0 + (1 << (shift - 1))) >> shift) << shift;
        if rounded < ALL { Self(rounded) } else { self }
    }

    /// Whether a trace of this randomness is kept: `R ≥ T`.
    pub const fn keeps(self, randomness: u64) -> bool {
        randomness >= self.0
    }
}

/// Fourteen hexadecimal digits without the zeros at their end; one zero for zero.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:014x}", self.0);
        let digits = digits.trim_end_matches('0');
        f.write_str(if digits.is_empty() { "0" } else { digits })
    }
}

impl FromStr for Threshold {
    type Err = InvalidThreshold;

    fn from_str(text: &str) -> Result<Self, InvalidThreshold> {
        let number = lower_hexadecimal(text).ok_or(InvalidThreshold::Text)?;
        let missing = (DIGITS as usize).checked_sub(text.len());
        let missing = missing.ok_or(InvalidThreshold::Text)?;
        Ok(Self(number << (4 * missing)))
    }
}

/// The R of a trace: the last 56 bits of its id.
pub const fn randomness(trace: u128) -> u64 {
    (trace & (ALL - 1) as u128) as u64
}

/// The R that a member `ot=…;rv:…` of the trace state states instead: fourteen digits.
pub fn explicit_randomness(text: &str) -> Option<u64> {
    (text.len() == DIGITS as usize)
        .then(|| lower_hexadecimal(text))
        .flatten()
}

fn lower_hexadecimal(text: &str) -> Option<u64> {
    let is_lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.is_empty() || text.len() > DIGITS as usize || !text.bytes().all(is_lower) {
        return None;
    }
    u64::from_str_radix(text, 16).ok()
}

/// Decides for traces that begin here. A trace that came in keeps the decision of whoever began it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampler {
    /// None is recorded.
    Never,
    /// Those at or above the threshold.
    Share(Threshold),
}

impl Sampler {
    /// Records everything.
    pub const ALWAYS: Self = Self::Share(Threshold::ALWAYS);

    /// The sampler of a share between 0 and 1.
    ///
    /// # Errors
    ///
    /// The share is NaN or outside.
    pub fn of(share: f64) -> Result<Self, InvalidThreshold> {
        if share == 0.0 {
            return Ok(Self::Never);
        }
        Threshold::of(share).map(Self::Share)
    }

    /// Whether a trace that begins here is recorded.
    pub const fn records(self, trace: u128) -> bool {
        match self {
            Self::Never => false,
            Self::Share(threshold) => threshold.keeps(randomness(trace)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_share_is_refused() {
        for share in [f64::NAN, -0.1, 1.000_001, f64::INFINITY, 1e-300] {
            assert_eq!(
                Sampler::of(share),
                Err(InvalidThreshold::Probability),
                "{share}"
            );
        }
        assert_eq!(Sampler::of(0.0), Ok(Sampler::Never));
        assert_eq!(Sampler::of(1.0), Ok(Sampler::ALWAYS));
    }

    #[test]
    fn a_threshold_is_read_as_it_is_written() {
        for share in [1.0, 0.5, 0.3, 0.1, 0.01, 1e-9] {
            let threshold = Threshold::of(share).unwrap();
            assert_eq!(threshold.to_string().parse(), Ok(threshold), "{share}");
            assert!((threshold.probability() - share).abs() < 1e-15);
        }
        for text in ["", "E", "0x1", "000000000000000", "g", " 8"] {
            let read: Result<Threshold, _> = text.parse();
            assert_eq!(read, Err(InvalidThreshold::Text), "{text}");
        }
    }

    #[test]
    fn the_edge_of_a_threshold_is_kept() {
        let half = Threshold::of(0.5).unwrap();
        assert!(half.keeps(1 << 55));
        assert!(!half.keeps((1 << 55) - 1));
        // Only the last 56 bits count, and a stated value is fourteen digits.
        assert_eq!(randomness(u128::MAX), ALL - 1);
        assert_eq!(randomness(1 << 56), 0);
        assert_eq!(explicit_randomness("80000000000000"), Some(1 << 55));
        assert_eq!(explicit_randomness("8"), None);
        assert_eq!(explicit_randomness("8000000000000G"), None);
    }

    #[test]
    fn rounding_never_leaves_nothing() {
        let nearly_all: Threshold = "ffffffffffffff".parse().unwrap();
        assert_eq!(nearly_all.rounded(4), nearly_all);
        let close: Threshold = "fffffffffffff8".parse().unwrap();
        assert!(close.rounded(1).probability() > 0.0);
        assert_eq!(Threshold::ALWAYS.rounded(4), Threshold::ALWAYS);
        // It carries.
        let carries: Threshold = "0fffff".parse().unwrap();
        assert_eq!(carries.rounded(4).to_string(), "1");
    }

    #[test]
    fn a_smaller_share_is_a_part_of_a_larger_one() {
        let (tenth, half) = (Sampler::of(0.1).unwrap(), Sampler::of(0.5).unwrap());
        let traces =
            (0..10_000_u128).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        let kept: Vec<_> = traces.filter(|trace| half.records(*trace)).collect();
        let both = kept.iter().filter(|trace| tenth.records(**trace)).count();
        assert!((4_800..5_200).contains(&kept.len()), "{}", kept.len());
        assert!((900..1_100).contains(&both), "{both}");
    }
}
