//! Pauses between attempts: the laws of several peers, each exact.
//!
//! Every law grows first, is capped then and spread last, so that clients that fail together part and
//! no pause exceeds [`Law::longest`].

mod aws;
mod decorrelated;

use std::time::Duration;

use rand_core::Rng;

pub use aws::{Backoff, Jitter};

use super::{InvalidPolicy, Kind};
use crate::chance::{below, between, nanos};

/// Longer pauses are a mistake: nobody waits for them, and sums of them could overflow an instant.
const ALLOWED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// By which law pauses grow and spread. n counts the pauses of a call from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    /// The laws of the AWS blog.
    Aws(Backoff),
    /// Polly: always the same pause, with jitter times U(0.75, 1.25).
    Constant {
        /// The pause.
        pause: Duration,
        /// Whether it is spread.
        jitter: bool,
    },
    /// Polly: v = min(cap, step·n), with jitter U(0.75·v, min(1.25·v, cap)). Polly caps after the jitter,
    /// which makes all pauses near the cap the same; below 0.8·cap there is no difference.
    Linear {
        /// The first pause, and by how much each next one is longer.
        step: Duration,
        /// The longest pause.
        cap: Duration,
        /// Whether it is spread.
        jitter: bool,
    },
    /// Envoy: U[0, min(cap, base·2^(n−1))).
    Envoy {
        /// The first bound.
        base: Duration,
        /// The longest bound; Envoy's default is 10·base.
        cap: Duration,
    },
    /// gRPC A6: min(cap, initial·multiplier^(n−1))·U(0.8, 1.2). The proposal spreads the capped pause in
    /// both directions, so the longest one is 1.2·cap. After a push-back n starts anew.
    Grpc {
        /// The first pause before it is spread.
        initial: Duration,
        /// The longest pause before it is spread.
        cap: Duration,
        /// By how much it grows.
        multiplier: f64,
    },
    /// AWS SDK, standard mode: U(0, min(cap, factor·2^(n−1))).
    AwsSdk {
        /// The factor after most failures.
        base: Duration,
        /// The factor after a throttling answer.
        throttled: Duration,
        /// The longest bound.
        cap: Duration,
    },
    /// Temporal: min(cap, initial·coefficient^(n−1)), not spread.
    Temporal {
        /// The first pause.
        initial: Duration,
        /// The longest pause.
        cap: Duration,
        /// By how much it grows.
        coefficient: f64,
    },
    /// Decorrelated jitter, second formula.
    DecorrelatedV2 {
        /// About the median of the first pause.
        median: Duration,
        /// The longest pause.
        cap: Duration,
    },
}

impl From<Backoff> for Law {
    fn from(backoff: Backoff) -> Self {
        Self::Aws(backoff)
    }
}

impl Law {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// A first pause of zero, a cap below it or above 30 days, a growth that is no number from 1 to 1000.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        let (first, cap, growth) = match *self {
            Self::Aws(Backoff { base, cap, .. }) | Self::Envoy { base, cap } => (base, cap, 1.0),
            Self::Constant { pause, .. } => (pause, pause, 1.0),
            Self::Linear { step, cap, .. } => (step, cap, 1.0),
            Self::DecorrelatedV2 { median, cap } => (median, cap, 1.0),
            Self::AwsSdk {
                base,
                throttled,
                cap,
            } => {
                if throttled.is_zero() || throttled > cap {
                    return Err(InvalidPolicy::OutOfRange("backoff.throttled"));
                }
                (base, cap, 1.0)
            }
            Self::Grpc {
                initial,
                cap,
                multiplier: growth,
            }
            | Self::Temporal {
                initial,
                cap,
                coefficient: growth,
            } => (initial, cap, growth),
        };
        if first.is_zero() {
            return Err(InvalidPolicy::Zero("backoff.base"));
        }
        if cap < first || cap > ALLOWED {
            return Err(InvalidPolicy::OutOfRange("backoff.cap"));
        }
        if !(1.0..=1000.0).contains(&growth) {
            return Err(InvalidPolicy::OutOfRange("backoff.growth"));
        }
        Ok(())
    }

    /// What no pause exceeds.
    pub fn longest(&self) -> Duration {
        match *self {
            Self::Aws(Backoff { cap, .. })
            | Self::Linear { cap, .. }
            | Self::Envoy { cap, .. }
            | Self::AwsSdk { cap, .. }
            | Self::Temporal { cap, .. }
            | Self::DecorrelatedV2 { cap, .. } => cap,
            Self::Constant {
                pause,
                jitter: false,
            } => pause,
            Self::Constant { pause, .. } => pause.saturating_add(pause / 4),
            Self::Grpc { cap, .. } => cap.saturating_add(cap / 5),
        }
    }

    /// The pauses of one call.
    pub const fn pauses(self) -> Pauses {
        let last = match self {
            Self::Aws(backoff) => backoff.base,
            _ => Duration::ZERO,
        };
        Pauses {
            law: self,
            n: 0,
            last,
            x: 0.0,
        }
    }
}

/// The pauses of one call, one after the other.
#[derive(Clone, Debug)]
pub struct Pauses {
    law: Law,
    n: u32,
    /// The pause before.
    last: Duration,
    /// What the second formula of decorrelated jitter remembers.
    x: f64,
}

impl Pauses {
    /// Draws the next pause.
    pub fn next(&mut self, rng: &mut (impl Rng + ?Sized)) -> Duration {
        self.after(Kind::Transient, rng)
    }

    /// Draws the pause after a failure of this kind.
    pub fn after(&mut self, kind: Kind, rng: &mut (impl Rng + ?Sized)) -> Duration {
        self.n = self.n.saturating_add(1);
        let n = self.n;
        self.last = match self.law {
            Law::Aws(backoff) => backoff.pause(n, self.last, rng),
            Law::Constant { pause, jitter } => spread(pause, Duration::MAX, jitter, rng),
            Law::Linear { step, cap, jitter } => {
                spread(step.saturating_mul(n).min(cap), cap, jitter, rng)
            }
            Law::Envoy { base, cap } => {
                Duration::from_nanos(below(rng, nanos(doubled(base, n - 1, cap))))
            }
            Law::Grpc {
                initial,
                cap,
                multiplier,
            } => {
                let pause = grown(initial, multiplier, n - 1, cap);
                between(rng, pause * 4 / 5, pause * 6 / 5)
            }
            Law::AwsSdk {
                base,
                throttled,
                cap,
            } => {
                let is_throttled = kind == Kind::Throttled;
                let factor = if is_throttled { throttled } else { base };
                between(rng, Duration::ZERO, doubled(factor, n - 1, cap))
            }
            Law::Temporal {
                initial,
                cap,
                coefficient,
            } => grown(initial, coefficient, n - 1, cap),
            Law::DecorrelatedV2 { median, cap } => {
                let (pause, x) = decorrelated::pause(n - 1, self.x, (median, cap), rng);
                self.x = x;
                pause
            }
        };
        self.last
    }

    /// Begins anew, as after a push-back of gRPC.
    pub const fn reset(&mut self) {
        *self = self.law.pauses();
    }
}

/// min(cap, base·2ⁿ).
fn doubled(base: Duration, n: u32, cap: Duration) -> Duration {
    let factor = 1u32.checked_shl(n).unwrap_or(u32::MAX);
    base.saturating_mul(factor).min(cap)
}

/// min(cap, initial·growthⁿ).
fn grown(initial: Duration, growth: f64, n: u32, cap: Duration) -> Duration {
    let nanos = initial.as_nanos() as f64 * libm::pow(growth, f64::from(n));
    if nanos < cap.as_nanos() as f64 {
        Duration::from_nanos(nanos as u64)
    } else {
        cap
    }
}

/// U(0.75·v, min(1.25·v, cap)), or v without jitter.
fn spread(pause: Duration, cap: Duration, jitter: bool, rng: &mut (impl Rng + ?Sized)) -> Duration {
    if !jitter {
        return pause;
    }
    between(rng, pause * 3 / 4, (pause * 5 / 4).min(cap))
}

#[cfg(test)]
mod tests;
