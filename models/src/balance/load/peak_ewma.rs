//! Peak EWMA: of two at random the one whose response times and pending calls promise less waiting.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_core::Rng;
use tokio::time::Instant;

use super::super::asking::{ask, willing};
use super::super::members::{End, InFlight, Member, Memory, Outcome, loads, updated};
use super::super::{Admits, Balancer, Call, Endpoint, InvalidPolicy, NoEndpoint};
use super::ewma::{Ewma, in_nanos};
use super::power_of_two::cheaper_of_two;

/// How [`PeakEwma`] estimates. The defaults are linkerd's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeakEwmaPolicy {
    /// The time constant with which estimates forget.
    pub tau: Duration,
    /// What a response is taken to take before the first one came.
    pub default_rtt: Duration,
    /// What a failure is taken to have taken, if it did not say how long to wait.
    pub failure_rtt: Duration,
    /// The longest that a failure's own hint counts; not below `failure_rtt`.
    pub longest_hint: Duration,
}

impl Default for PeakEwmaPolicy {
    fn default() -> Self {
        Self {
            tau: Duration::from_secs(10),
            default_rtt: Duration::from_secs(1),
            failure_rtt: Duration::from_secs(5),
            longest_hint: Duration::from_secs(300),
        }
    }
}

impl PeakEwmaPolicy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        InvalidPolicy::check_time("tau", self.tau)?;
        InvalidPolicy::check_time("default_rtt", self.default_rtt)?;
        InvalidPolicy::check_time("failure_rtt", self.failure_rtt)?;
        InvalidPolicy::check_time("longest_hint", self.longest_hint)?;
        if self.longest_hint < self.failure_rtt {
            return Err(InvalidPolicy::OutOfRange("longest_hint"));
        }
        Ok(())
    }
}

/// Of two different endpoints at random the cheaper one, of equals the one drawn first, where the cost is
/// the [`Ewma`] of the response times × (calls in flight + 1). Weights do not count.
///
/// *What a response takes* is the time from the pick to the end of the [`InFlight`]: if that is held until
/// the last byte of the body, that is what is measured, and what is in flight. A gateway that lets go with
/// the headers would call an endpoint idle that still sends.
///
/// *Failures.* An endpoint that fails fast looks quick. So a failure counts as `failure_rtt`, or as the
/// hint it came with (`Retry-After`, gRPC push-back), at most `longest_hint`; a hint of zero is none. A
/// call that was cancelled says only that the endpoint took at least so long: it counts where that is more
/// than the estimate, and else not.
///
/// *Idle endpoints.* Estimates decay, so that one that was slow once is tried again, and one of which
/// nothing was heard for long looks better than any other. It gets that benefit for one call at a time:
/// once nothing was heard of it for longer than `tau`, and as long as it has a call in flight, its
/// estimate counts as at least `default_rtt`. Without that ramp it would get everything until its first
/// answer.
pub struct PeakEwma {
    urn: Mutex<Urn>,
}

#[derive(Debug)]
struct Latency {
    policy: PeakEwmaPolicy,
    ewma: Ewma,
    /// When it joined, or last was heard of.
    heard: Instant,
}

impl Latency {
    fn new(policy: PeakEwmaPolicy, now: Instant) -> Self {
        Self {
            policy,
            ewma: Ewma::begin(policy.tau, policy.default_rtt, now),
            heard: now,
        }
    }

    fn cost(&mut self, pending: usize, now: Instant) -> f64 {
        let is_unsure = now.saturating_duration_since(self.heard) > self.policy.tau;
        let estimate = self.ewma.estimate(now);
        let least = match pending {
            1.. if is_unsure => in_nanos(self.policy.default_rtt),
            _ => 0.0,
        };
        estimate.max(least) * (pending as f64 + 1.0)
    }

    /// What a failure with this hint is taken to have taken.
    fn penalty(&self, patience: Option<Duration>) -> Duration {
        let hint = patience.filter(|hint| !hint.is_zero());
        let longest = self.policy.longest_hint;
        hint.map_or(self.policy.failure_rtt, |hint| hint.min(longest))
    }
}

impl Memory for Latency {
    fn ended(&mut self, end: &End) {
        let took = end.now.saturating_duration_since(end.began);
        let took = match end.outcome {
            Outcome::Success => took,
            Outcome::Failure { patience } => self.penalty(patience),
            Outcome::Cancelled if in_nanos(took) > self.ewma.estimate(end.now) => took,
            Outcome::Cancelled => return,
        };
        self.ewma.sample(took, end.now);
        self.heard = self.heard.max(end.now);
    }
}

struct Urn {
    members: Vec<Member<Latency>>,
    policy: PeakEwmaPolicy,
    rng: Box<dyn Rng + Send>,
}

impl Urn {
    fn draw(&mut self, call: &Call<'_>, refused: &[Arc<str>]) -> Option<InFlight> {
        let now = Instant::now();
        let willing = willing(&self.members, call, refused);
        let chosen = cheaper_of_two(&willing, &mut *self.rng, |member| cost(member, now))?;
        Some(chosen.take())
    }

    fn update(&mut self, endpoints: &[Endpoint]) {
        let (policy, now) = (self.policy, Instant::now());
        let fresh = |_: &Endpoint| Latency::new(policy, now);
        self.members = updated(&self.members, endpoints, fresh);
    }
}

fn cost(member: &Member<Latency>, now: Instant) -> f64 {
    let pending = member.load();
    member.with(|latency| latency.cost(pending, now))
}

impl PeakEwma {
    /// Picks among `endpoints`.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        endpoints: &[Endpoint],
        policy: PeakEwmaPolicy,
        rng: impl Rng + Send + 'static,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        let mut urn = Urn {
            members: Vec::new(),
            policy,
            rng: Box::new(rng),
        };
        urn.update(endpoints);
        Ok(Self {
            urn: Mutex::new(urn),
        })
    }

    /// What a call to each endpoint would cost now, in nanoseconds.
    pub fn costs(&self) -> Vec<(Arc<str>, f64)> {
        let now = Instant::now();
        let urn = self.urn();
        let each = urn.members.iter();
        each.map(|member| (member.name.clone(), cost(member, now)))
            .collect()
    }

    fn urn(&self) -> MutexGuard<'_, Urn> {
        self.urn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Balancer for PeakEwma {
    fn pick(&self, call: &Call<'_>, admits: &mut Admits<'_>) -> Result<InFlight, NoEndpoint> {
        let endpoints = self.urn().members.len();
        let draw = |refused: &[Arc<str>]| Some((self.urn().draw(call, refused)?, ()));
        ask(endpoints, admits, draw, |()| ())
    }

    fn update(&self, endpoints: &[Endpoint]) {
        self.urn().update(endpoints);
    }

    fn loads(&self) -> Vec<(Arc<str>, usize)> {
        loads(&self.urn().members)
    }
}

impl std::fmt::Debug for PeakEwma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeakEwma")
            .field("loads", &self.loads())
            .finish_non_exhaustive()
    }
}
