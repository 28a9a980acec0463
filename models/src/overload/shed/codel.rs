//! CoDel for the queues of RPC servers: whether a queue stands, told by its shortest delay.
//!
//! From Maurer, "Fail at Scale" (ACM Queue 2015) and its implementation in Facebook's folly.

use std::time::Duration;

use tokio::time::Instant;

use crate::overload::InvalidPolicy;
use crate::overload::error::time;

/// The settings of [`Codel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodelPolicy {
    /// A delay that a good queue has at its worst moments only. What waited for more than twice as long
    /// is dropped while the queue is overloaded.
    pub target: Duration,
    /// Over which time the shortest delay is looked for.
    pub interval: Duration,
}

impl Default for CodelPolicy {
    /// 5 ms in 100 ms.
    fn default() -> Self {
        Self {
            target: Duration::from_millis(5),
            interval: Duration::from_millis(100),
        }
    }
}

impl CodelPolicy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        time("target", self.target)?;
        time("interval", self.interval)?;
        if self.target > self.interval {
            return Err(InvalidPolicy::Contradiction("target"));
        }
        Ok(())
    }
}

/// A queue whose *shortest* delay over an interval exceeds the target is overloaded for the next one. A
/// burst makes some calls wait, and many on average; a queue that stands makes all of them wait.
#[derive(Debug)]
pub struct Codel {
    policy: CodelPolicy,
    shortest: Option<Duration>,
    ends: Option<Instant>,
    overloaded: bool,
}

impl Codel {
    /// A queue that is not overloaded.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(policy: CodelPolicy) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        Ok(Self {
            policy,
            shortest: None,
            ends: None,
            overloaded: false,
        })
    }

    /// Something leaves the queue while its oldest element has waited `delay`; whether the queue is
    /// overloaded. An interval ends with the first delay observed later than its end (strict), which
    /// belongs to the next one.
    pub fn observe(&mut self, delay: Duration, now: Instant) -> bool {
        if self.ends.is_none_or(|ends| now > ends) {
            if let Some(shortest) = self.shortest.take() {
                self.overloaded = shortest > self.policy.target;
            }
            self.ends = Some(now + self.policy.interval);
        }
        self.shortest = Some(self.shortest.map_or(delay, |least| least.min(delay)));
        self.overloaded
    }

    /// Whether the queue is overloaded, by what was observed so far.
    pub const fn is_overloaded(&self) -> bool {
        self.overloaded
    }

    /// Whether what has waited so long is to be dropped instead of served.
    pub fn drops(&self, waited: Duration) -> bool {
        self.overloaded && waited > self.policy.target * 2
    }
}
