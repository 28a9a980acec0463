//! Power of two choices by lag and success: go-zero's `p2c_ewma`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_core::Rng;
use tokio::time::Instant;

use super::super::asking::{ask, willing};
use super::super::members::{End, InFlight, Member, Memory, Outcome, loads, updated};
use super::super::{Admits, Balancer, Call, Endpoint, InvalidPolicy, NoEndpoint};
use super::ewma::in_nanos;
use super::power_of_two::distinct;
use crate::chance;

/// How often two are drawn until both are healthy.
const DRAWS: usize = 3;
/// A success, and where everybody begins.
const SUCCESS: u64 = 1000;

/// How [`PowerOfTwoEwma`] estimates. The defaults are go-zero's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerOfTwoEwmaPolicy {
    /// The time constant with which lag and success forget.
    pub tau: Duration,
    /// An endpoint that was not picked for longer than this is picked when it is drawn.
    pub force_after: Duration,
}

impl Default for PowerOfTwoEwmaPolicy {
    fn default() -> Self {
        Self {
            tau: Duration::from_secs(10),
            force_after: Duration::from_secs(1),
        }
    }
}

impl PowerOfTwoEwmaPolicy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        InvalidPolicy::check_time("tau", self.tau)?;
        InvalidPolicy::check_time("force_after", self.force_after)
    }
}

/// Of two different endpoints the one with the lower √(lag + 1) × (calls in flight + 1), in whole numbers.
///
/// Lag, in nanoseconds, and success, from 0 to 1000, are moving averages over calls that succeeded or
/// failed; the first call after a lag of zero counts whole. Two are drawn at random, up to three times,
/// until both have a success above 500; of exactly two endpoints there is nothing to draw. The dearer of
/// the two is picked all the same if it was not picked for longer than `force_after`, or never, so that
/// nobody is forgotten. Weights do not count.
///
/// This is go-zero's law with all it brings: a failure that comes fast makes the lag short, and only the
/// draws avoid it. Of two endpoints the one that fails fast is preferred; [`PeakEwma`](super::PeakEwma)
/// has no such weakness.
pub struct PowerOfTwoEwma {
    urn: Mutex<Urn>,
}

#[derive(Debug)]
struct Record {
    tau: Duration,
    lag: u64,
    success: u64,
    ended: Option<Instant>,
    picked: Option<Instant>,
}

impl Record {
    const fn new(tau: Duration) -> Self {
        Self {
            tau,
            lag: 0,
            success: SUCCESS,
            ended: None,
            picked: None,
        }
    }

    const fn is_healthy(&self) -> bool {
        self.success > SUCCESS / 2
    }

    fn cost(&self, pending: usize) -> u64 {
        let lag = self.lag.saturating_add(1).isqrt();
        lag.saturating_mul((pending as u64).saturating_add(1))
    }

    fn is_forgotten(&self, after: Duration, now: Instant) -> bool {
        let since = |picked| now.saturating_duration_since(picked);
        self.picked.is_none_or(|picked| since(picked) > after)
    }

    fn learn(&mut self, lag: u64, success: u64, now: Instant) {
        let since = |ended| now.saturating_duration_since(ended);
        let passed = self.ended.map_or(Duration::MAX, since);
        let old = match self.lag {
            0 => 0.0,
            _ => libm::exp(-in_nanos(passed) / in_nanos(self.tau)),
        };
        let mixed = |was: u64, is: u64| (was as f64 * old + is as f64 * (1.0 - old)) as u64;
        self.lag = mixed(self.lag, lag);
        self.success = mixed(self.success, success);
        self.ended = self.ended.max(Some(now));
    }
}

impl Memory for Record {
    fn ended(&mut self, end: &End) {
        let success = match end.outcome {
            Outcome::Success => SUCCESS,
            Outcome::Failure { .. } => 0,
            Outcome::Cancelled => return,
        };
        let lag = end.now.saturating_duration_since(end.began);
        self.learn(chance::nanos(lag), success, end.now);
    }
}

struct Urn {
    members: Vec<Member<Record>>,
    policy: PowerOfTwoEwmaPolicy,
    rng: Box<dyn Rng + Send>,
}

/// When somebody was picked before, and when now.
struct Stamp {
    member: Member<Record>,
    before: Option<Instant>,
    now: Instant,
}

impl Stamp {
    fn undo(self) {
        self.member.with(|record| {
            if record.picked == Some(self.now) {
                record.picked = self.before;
            }
        });
    }
}

impl Urn {
    fn draw(&mut self, call: &Call<'_>, refused: &[Arc<str>]) -> Option<(InFlight, Stamp)> {
        let now = Instant::now();
        let willing = willing(&self.members, call, refused);
        let chosen = match *willing.as_slice() {
            [] => return None,
            [only] => only,
            [one, other] => self.policy.cheaper(one, other, now),
            _ => {
                let (one, other) = healthy_pair(&willing, &mut *self.rng);
                self.policy.cheaper(one, other, now)
            }
        };
        let before = chosen.with(|record| record.picked.replace(now));
        let stamp = Stamp {
            member: chosen.clone(),
            before,
            now,
        };
        Some((chosen.take(), stamp))
    }

    fn update(&mut self, endpoints: &[Endpoint]) {
        let tau = self.policy.tau;
        self.members = updated(&self.members, endpoints, |_| Record::new(tau));
    }
}

/// Two at random, drawn again if one is not healthy; the last two if none of the draws was better.
fn healthy_pair<'a>(
    willing: &[&'a Member<Record>],
    rng: &mut (impl Rng + ?Sized),
) -> (&'a Member<Record>, &'a Member<Record>) {
    let is_healthy = |at: usize| willing[at].with(|record| record.is_healthy());
    let (mut one, mut other) = distinct(rng, willing.len());
    for _ in 1..DRAWS {
        if is_healthy(one) && is_healthy(other) {
            break;
        }
        (one, other) = distinct(rng, willing.len());
    }
    (willing[one], willing[other])
}

impl PowerOfTwoEwmaPolicy {
    /// The cheaper of two, of equals the first, unless the other one has been forgotten.
    fn cheaper<'a>(
        &self,
        one: &'a Member<Record>,
        other: &'a Member<Record>,
        now: Instant,
    ) -> &'a Member<Record> {
        let cost = |member: &Member<Record>| {
            let pending = member.load();
            member.with(|record| record.cost(pending))
        };
        let (cheap, dear) = match cost(one) > cost(other) {
            true => (other, one),
            false => (one, other),
        };
        match dear.with(|record| record.is_forgotten(self.force_after, now)) {
            true => dear,
            false => cheap,
        }
    }
}

impl PowerOfTwoEwma {
    /// Picks among `endpoints`.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        endpoints: &[Endpoint],
        policy: PowerOfTwoEwmaPolicy,
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

    fn urn(&self) -> MutexGuard<'_, Urn> {
        self.urn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Balancer for PowerOfTwoEwma {
    fn pick(&self, call: &Call<'_>, admits: &mut Admits<'_>) -> Result<InFlight, NoEndpoint> {
        let endpoints = self.urn().members.len();
        let draw = |refused: &[Arc<str>]| self.urn().draw(call, refused);
        ask(endpoints, admits, draw, Stamp::undo)
    }

    fn update(&self, endpoints: &[Endpoint]) {
        self.urn().update(endpoints);
    }

    fn loads(&self) -> Vec<(Arc<str>, usize)> {
        loads(&self.urn().members)
    }
}

impl std::fmt::Debug for PowerOfTwoEwma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PowerOfTwoEwma")
            .field("loads", &self.loads())
            .finish_non_exhaustive()
    }
}
