//! How often a call is repeated, when, and which calls may be.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;

use super::backoff::{Backoff, Pauses};
use super::{GiveUp, InvalidPolicy};
use rand_core::Rng;

/// When and how often a call is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The pauses between them.
    pub backoff: Backoff,
    /// Statuses worth another attempt.
    pub statuses: Vec<StatusCode>,
    /// The longest pause a server may ask for; a longer one is cut to this.
    pub max_server_delay: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: Backoff::default(),
            statuses: vec![
                StatusCode::BAD_GATEWAY,
                StatusCode::SERVICE_UNAVAILABLE,
                StatusCode::GATEWAY_TIMEOUT,
            ],
            max_server_delay: Duration::from_secs(300),
        }
    }
}

impl Policy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// No attempt at all, a base of zero, or a cap below the base.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        if self.attempts == 0 {
            return Err(InvalidPolicy::Zero("attempts"));
        }
        if self.backoff.base.is_zero() {
            return Err(InvalidPolicy::Zero("backoff.base"));
        }
        if self.backoff.cap < self.backoff.base {
            return Err(InvalidPolicy::OutOfRange("backoff.cap"));
        }
        Ok(())
    }

    /// The course of one call that has to end by `deadline`.
    pub const fn course(&self, deadline: Option<Instant>) -> Course<'_> {
        Course {
            policy: self,
            pauses: self.backoff.pauses(),
            made: 1,
            deadline,
        }
    }
}

/// One call on its way through a policy.
#[derive(Debug)]
pub struct Course<'a> {
    policy: &'a Policy,
    pauses: Pauses,
    made: u32,
    deadline: Option<Instant>,
}

impl Course<'_> {
    /// After a failed attempt: how long to pause before the next one. The pause drawn comes on top of the
    /// server's own wish (cut to the policy's), else all clients that got one answer would come again in
    /// the same tick.
    ///
    /// # Errors
    ///
    /// All attempts were made, or the pause would not end before the deadline (strictly).
    pub fn next(
        &mut self,
        now: Instant,
        server_delay: Option<Duration>,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Duration, GiveUp> {
        if self.made >= self.policy.attempts {
            return Err(GiveUp::Attempts);
        }
        let asked = server_delay.unwrap_or_default();
        let asked = asked.min(self.policy.max_server_delay);
        let pause = self.pauses.next(rng).saturating_add(asked);
        let left = self
            .deadline
            .map(|deadline| deadline.saturating_duration_since(now));
        if left.is_some_and(|left| pause >= left) {
            return Err(GiveUp::Deadline);
        }
        self.made += 1;
        Ok(pause)
    }

    /// Attempts granted so far, the first included.
    pub const fn attempts(&self) -> u32 {
        self.made
    }
}

/// Whether a request may be sent again: nothing of it was sent, its method is idempotent, or it carries
/// an `Idempotency-Key`.
pub fn may_repeat(method: &Method, headers: &HeaderMap, sent: bool) -> bool {
    !sent || method.is_idempotent() || headers.contains_key("idempotency-key")
}
