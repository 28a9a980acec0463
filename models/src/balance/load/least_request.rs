//! Least request: the fewest calls in flight among a few at random, or weights that calls make lighter.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand_core::Rng;
use tokio::time::Instant;

use super::super::asking::{ask, willing};
use super::super::members::{InFlight, Member, loads, updated};
use super::super::slow_start::{Joined, SlowStart};
use super::super::turns::{DeadlineTurn, Deadlines, Share};
use super::super::{Admits, Balancer, Call, Endpoint, InvalidPolicy, NoEndpoint};
use crate::chance;

/// How [`LeastRequest`] picks. The defaults are Envoy's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeastRequestPolicy {
    /// How many are drawn where all weights are equal: 2 to 100.
    pub choices: u32,
    /// How much calls in flight take of a weight where weights differ: 0 for nothing, 1 for a share that
    /// is divided by them; at most 100.
    pub bias: f64,
    /// How the share of an endpoint that joins grows; at once if there is none.
    pub slow_start: Option<SlowStart>,
}

impl Default for LeastRequestPolicy {
    fn default() -> Self {
        Self {
            choices: 2,
            bias: 1.0,
            slow_start: None,
        }
    }
}

impl LeastRequestPolicy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        if !(2..=100).contains(&self.choices) {
            return Err(InvalidPolicy::OutOfRange("choices"));
        }
        if !(0.0..=100.0).contains(&self.bias) {
            return Err(InvalidPolicy::OutOfRange("bias"));
        }
        let slow_start = self.slow_start.as_ref();
        slow_start.map_or(Ok(()), SlowStart::validate)
    }

    /// What calls in flight leave of a weight.
    fn relief(&self, active: usize) -> f64 {
        libm::pow(active as f64 + 1.0, -self.bias)
    }
}

/// Envoy's least request. Endpoints of weight zero get nothing.
///
/// *All weights equal and nobody in slow start:* `choices` are drawn at random, with replacement, and the
/// one with the fewest calls in flight is picked, of equals the one drawn first. One endpoint may be drawn
/// twice: of two endpoints the busier one still gets a quarter of the calls
/// ([`PowerOfTwo`](super::PowerOfTwo) draws two different ones).
///
/// *Otherwise:* the schedule of [`Deadlines`], with the weight ÷ (calls in flight + 1)^`bias`, times the
/// factor of slow start. As in Envoy the calls are counted when a period begins, before the call that
/// begins it: what ends later counts from the next period on.
///
/// Nothing here looks for the least loaded of all. An endpoint that joins with nothing in flight is
/// drawn as often as any other, or comes once in its first period and then less often with every call it
/// has: it does not get everything until it is as busy as the others.
pub struct LeastRequest {
    pool: Mutex<Pool>,
}

struct Pool {
    members: Vec<Member<Joined>>,
    deadlines: Deadlines,
    policy: LeastRequestPolicy,
    rng: Box<dyn Rng + Send>,
}

/// What to take back of a draw: nothing if it was one of a few.
type Draft = Option<DeadlineTurn>;

impl Pool {
    fn update(&mut self, endpoints: &[Endpoint]) {
        let others = self.members.len();
        self.members = updated(&self.members, endpoints, |_| Joined::now(others));
        let shares = self.members.iter();
        let shares: Vec<_> = shares
            .map(|member| (member.name.clone(), Share::of(member.weight)))
            .collect();
        let weigh = lightened(&self.members, &self.policy);
        self.deadlines.update(&shares, &weigh, &mut *self.rng);
    }

    fn draw(&mut self, call: &Call<'_>, refused: &[Arc<str>]) -> Option<(InFlight, Draft)> {
        if self.is_level() {
            return Some((self.one_of_a_few(call, refused)?.take(), None));
        }
        let may = |name: &Arc<str>| (call.eligible)(name) && !refused.contains(name);
        let weigh = lightened(&self.members, &self.policy);
        let turn = self.deadlines.pick(&may, &weigh)?;
        let mut members = self.members.iter();
        let member = members.find(|member| member.name == *turn.name())?;
        Some((member.take(), Some(turn)))
    }

    /// Whether all weights count the same now.
    fn is_level(&self) -> bool {
        let now = Instant::now();
        let slow_start = self.policy.slow_start.as_ref();
        let mut weighted = self.members.iter().filter(|member| member.weight > 0);
        let first = weighted.clone().next().map(|member| member.weight);
        weighted.all(|member| {
            let is_whole = member.with(|joined| joined.factor(slow_start, now)) >= 1.0;
            is_whole && Some(member.weight) == first
        })
    }

    fn one_of_a_few(&mut self, call: &Call<'_>, refused: &[Arc<str>]) -> Option<&Member<Joined>> {
        let mut willing = willing(&self.members, call, refused);
        willing.retain(|member| member.weight > 0);
        let mut best: Option<&Member<Joined>> = None;
        for _ in 0..self.policy.choices {
            let drawn = chance::below(&mut *self.rng, willing.len() as u64);
            let drawn = *willing.get(drawn as usize)?;
            if best.is_none_or(|best| drawn.load() < best.load()) {
                best = Some(drawn);
            }
        }
        best
    }
}

/// What calls in flight and slow start leave of a share now.
fn lightened(
    members: &[Member<Joined>],
    policy: &LeastRequestPolicy,
) -> impl Fn(&Arc<str>, Share) -> Share {
    let now = Instant::now();
    move |name, share| {
        let Some(member) = members.iter().find(|member| member.name == *name) else {
            return share;
        };
        let slow_start = policy.slow_start.as_ref();
        let factor = member.with(|joined| joined.factor(slow_start, now));
        share.times(factor * policy.relief(member.load()))
    }
}

impl LeastRequest {
    /// Picks among `endpoints`.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        endpoints: &[Endpoint],
        policy: LeastRequestPolicy,
        rng: impl Rng + Send + 'static,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        let mut pool = Pool {
            members: Vec::new(),
            deadlines: Deadlines::default(),
            policy,
            rng: Box::new(rng),
        };
        pool.update(endpoints);
        Ok(Self {
            pool: Mutex::new(pool),
        })
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Balancer for LeastRequest {
    fn pick(&self, call: &Call<'_>, admits: &mut Admits<'_>) -> Result<InFlight, NoEndpoint> {
        let endpoints = self.pool().members.len();
        let draw = |refused: &[Arc<str>]| self.pool().draw(call, refused);
        ask(endpoints, admits, draw, |turn| {
            if let Some(turn) = turn {
                self.pool().deadlines.undo(&turn);
            }
        })
    }

    fn update(&self, endpoints: &[Endpoint]) {
        self.pool().update(endpoints);
    }

    fn loads(&self) -> Vec<(Arc<str>, usize)> {
        loads(&self.pool().members)
    }
}

impl std::fmt::Debug for LeastRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeastRequest")
            .field("loads", &self.loads())
            .finish_non_exhaustive()
    }
}
