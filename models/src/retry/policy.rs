//! How often a call is repeated and when.

use std::time::Duration;

use http::StatusCode;
use rand_core::Rng;
use tokio::time::Instant;

use super::{
    Backoff, Ending, Failures, GiveUp, InvalidPolicy, Law, Pauses, Reason, ServerDelay, Wish,
};
use crate::timeout::Limits;

/// When and how often a call is repeated. `L` is the law of its pauses, or something that becomes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy<L = Backoff> {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The pauses between them.
    pub backoff: L,
    /// Statuses worth another attempt.
    pub statuses: Vec<StatusCode>,
    /// Failures without an answer that are worth another attempt.
    pub failures: Failures,
    /// What becomes of a pause if the server asked for one.
    pub server_delay: ServerDelay,
    /// How long the call and each attempt may take.
    pub limits: Limits,
    /// How often an attempt that found a dead connection is replaced for nothing.
    pub replacements: u32,
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
            failures: Failures::ALL,
            server_delay: ServerDelay::default(),
            limits: Limits::default(),
            replacements: 1,
        }
    }
}

impl<L: Copy + Into<Law>> Policy<L> {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// No attempt at all, pauses that cannot be meant, or limits that leave no time for another attempt.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        if self.attempts == 0 {
            return Err(InvalidPolicy::Zero("attempts"));
        }
        self.limits.validate(self.attempts)?;
        self.backoff.into().validate()
    }

    /// The same with the law as such.
    pub fn with_law(self) -> Policy<Law> {
        Policy {
            attempts: self.attempts,
            backoff: self.backoff.into(),
            statuses: self.statuses,
            failures: self.failures,
            server_delay: self.server_delay,
            limits: self.limits,
            replacements: self.replacements,
        }
    }

    /// The course of one call that has to end by `deadline`.
    pub fn course(&self, deadline: Option<Instant>) -> Course<'_, L> {
        Course {
            policy: self,
            pauses: self.backoff.into().pauses(),
            made: 1,
            replaced: 0,
            deadline,
        }
    }
}

impl<L> Policy<L> {
    /// Whether an attempt that ended like this is worth another one.
    pub fn covers(&self, ending: &Ending) -> bool {
        match ending {
            Ending::Status(status) => self.statuses.contains(status),
            other => self.failures.cover(other),
        }
    }
}

/// One call on its way through a policy.
#[derive(Debug)]
pub struct Course<'a, L = Backoff> {
    policy: &'a Policy<L>,
    pauses: Pauses,
    made: u32,
    replaced: u32,
    deadline: Option<Instant>,
}

impl<L> Course<'_, L> {
    /// After a failed attempt: how long to pause before the next one, if the server asked for
    /// `server_delay` or for nothing.
    ///
    /// # Errors
    ///
    /// As for [`Course::after`].
    pub fn next(
        &mut self,
        now: Instant,
        server_delay: Option<Duration>,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Duration, GiveUp> {
        let reason = Reason {
            wish: server_delay.into(),
            ..Reason::default()
        };
        self.after(reason, now, rng)
    }

    /// After a failed attempt: how long to pause before the next one.
    ///
    /// # Errors
    ///
    /// All attempts were made, the server wants no other, or the pause would not end before the deadline
    /// (strictly).
    pub fn after(
        &mut self,
        reason: Reason,
        now: Instant,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Duration, GiveUp> {
        if self.made >= self.policy.attempts {
            return Err(GiveUp::Attempts);
        }
        if reason.wish == Wish::Never {
            return Err(GiveUp::Unwanted);
        }
        let pause = self.pause(reason, rng);
        let left = self
            .deadline
            .map(|deadline| deadline.saturating_duration_since(now));
        if left.is_some_and(|left| pause >= left) {
            return Err(GiveUp::Deadline);
        }
        self.made += 1;
        Ok(pause)
    }

    fn pause(&mut self, reason: Reason, rng: &mut (impl Rng + ?Sized)) -> Duration {
        let drawn = self.pauses.after(reason.kind, rng);
        let Wish::After(asked) = reason.wish else {
            return drawn;
        };
        let rule = self.policy.server_delay;
        if matches!(rule, ServerDelay::Instead { .. }) {
            self.pauses.reset();
        }
        rule.pause(asked, drawn, rng)
    }

    /// Whether an attempt that found a dead connection may be replaced at once, for nothing.
    pub const fn replace(&mut self) -> bool {
        let may = self.replaced < self.policy.replacements;
        self.replaced += may as u32;
        may
    }

    /// Attempts granted so far, the first included, replacements not.
    pub const fn attempts(&self) -> u32 {
        self.made
    }
}
