//! Weighted round robin by earliest deadline: each endpoint comes back after one over its weight.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand_core::Rng;
use tokio::time::Instant;

use super::super::asking::ask;
use super::super::members::{InFlight, Member, loads, updated};
use super::super::slow_start::{Joined, SlowStart};
use super::super::{Admits, Balancer, Call, Endpoint, InvalidPolicy, NoEndpoint};
use super::deadlines::{DeadlineTurn, Deadlines, Share};

/// How [`EarliestDeadline`] weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EarliestDeadlinePolicy {
    /// How the share of an endpoint that joins grows; at once if there is none.
    pub slow_start: Option<SlowStart>,
}

impl EarliestDeadlinePolicy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        let slow_start = self.slow_start.as_ref();
        slow_start.map_or(Ok(()), SlowStart::validate)
    }
}

/// Picks by weight and earliest deadline, with first deadlines at random, so that many balancers over one
/// set do not go in step. The law is gRPC's (A58, `weighted_round_robin`), the exact arithmetic is ours
/// ([`Deadlines`]).
///
/// Here weight zero means that no weight is known: such an endpoint gets the mean of those that are. If
/// fewer than two are known, all get the same and this is round robin.
///
/// With a slow start the part of the weight that counts is looked up when a period begins.
pub struct EarliestDeadline {
    schedule: Mutex<Schedule>,
}

struct Schedule {
    members: Vec<Member<Joined>>,
    deadlines: Deadlines,
    slow_start: Option<SlowStart>,
    rng: Box<dyn Rng + Send>,
}

impl Schedule {
    fn update(&mut self, endpoints: &[Endpoint]) {
        let others = self.members.len();
        self.members = updated(&self.members, endpoints, |_| Joined::now(others));
        let shares = shares(&self.members);
        let weigh = slowed(&self.members, self.slow_start.as_ref());
        self.deadlines.update(&shares, &weigh, &mut *self.rng);
    }

    fn draw(&mut self, call: &Call<'_>, refused: &[Arc<str>]) -> Option<(InFlight, DeadlineTurn)> {
        let may = |name: &Arc<str>| (call.eligible)(name) && !refused.contains(name);
        let weigh = slowed(&self.members, self.slow_start.as_ref());
        let turn = self.deadlines.pick(&may, &weigh)?;
        let mut members = self.members.iter();
        let member = members.find(|member| member.name == *turn.name())?;
        Some((member.take(), turn))
    }
}

/// The weights, or what stands for those that are not known.
fn shares(members: &[Member<Joined>]) -> Vec<(Arc<str>, Share)> {
    let weights = members.iter().map(|member| member.weight);
    let known: Vec<u32> = weights.filter(|weight| *weight > 0).collect();
    let mean = Share::mean(&known);
    let share = |weight| match (known.len(), weight) {
        (0 | 1, _) => Share::of(1),
        (_, 0) => mean,
        (_, weight) => Share::of(weight),
    };
    let each = members.iter();
    each.map(|member| (member.name.clone(), share(member.weight)))
        .collect()
}

/// What slow start leaves of a share now.
fn slowed(
    members: &[Member<Joined>],
    slow_start: Option<&SlowStart>,
) -> impl Fn(&Arc<str>, Share) -> Share {
    let now = Instant::now();
    move |name, share| {
        let member = members.iter().find(|member| member.name == *name);
        let factor = member.map(|member| member.with(|joined| joined.factor(slow_start, now)));
        share.times(factor.unwrap_or(1.0))
    }
}

impl EarliestDeadline {
    /// Picks among `endpoints`.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        endpoints: &[Endpoint],
        policy: EarliestDeadlinePolicy,
        rng: impl Rng + Send + 'static,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        let mut schedule = Schedule {
            members: Vec::new(),
            deadlines: Deadlines::default(),
            slow_start: policy.slow_start,
            rng: Box::new(rng),
        };
        schedule.update(endpoints);
        Ok(Self {
            schedule: Mutex::new(schedule),
        })
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Balancer for EarliestDeadline {
    fn pick(&self, call: &Call<'_>, admits: &mut Admits<'_>) -> Result<InFlight, NoEndpoint> {
        let endpoints = self.schedule().members.len();
        let draw = |refused: &[Arc<str>]| self.schedule().draw(call, refused);
        ask(endpoints, admits, draw, |turn| {
            self.schedule().deadlines.undo(&turn);
        })
    }

    fn update(&self, endpoints: &[Endpoint]) {
        self.schedule().update(endpoints);
    }

    fn loads(&self) -> Vec<(Arc<str>, usize)> {
        loads(&self.schedule().members)
    }
}

impl std::fmt::Debug for EarliestDeadline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EarliestDeadline")
            .field("loads", &self.loads())
            .finish_non_exhaustive()
    }
}
