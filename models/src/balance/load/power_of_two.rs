//! Power of two choices: two different endpoints at random, the one with fewer calls in flight.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand_core::Rng;

use super::super::asking::{ask, willing};
use super::super::members::{InFlight, Member, Memory, loads, updated};
use super::super::{Admits, Balancer, Call, Endpoint, NoEndpoint};
use crate::chance;

/// Picks the less loaded of two different endpoints; of equals the one drawn first.
pub struct PowerOfTwo {
    urn: Mutex<Urn>,
}

struct Urn {
    members: Vec<Member>,
    rng: Box<dyn Rng + Send>,
}

impl Urn {
    fn draw(&mut self, call: &Call<'_>, refused: &[Arc<str>]) -> Option<InFlight> {
        let willing = willing(&self.members, call, refused);
        let chosen = cheaper_of_two(&willing, &mut *self.rng, |member| member.load())?;
        Some(chosen.take())
    }
}

/// Of two different ones at random the one that costs less, of equals the one drawn first; the only one
/// if there is no other.
pub(super) fn cheaper_of_two<'a, M: Memory, C: PartialOrd>(
    willing: &[&'a Member<M>],
    rng: &mut (impl Rng + ?Sized),
    cost: impl Fn(&Member<M>) -> C,
) -> Option<&'a Member<M>> {
    if willing.len() < 2 {
        return willing.first().copied();
    }
    let (first, second) = distinct(rng, willing.len());
    let (first, second) = (willing[first], willing[second]);
    let is_second = cost(second) < cost(first);
    Some(if is_second { second } else { first })
}

/// Two different numbers below `count` (at least 2); every ordered pair is equally likely.
pub(in super::super) fn distinct(rng: &mut (impl Rng + ?Sized), count: usize) -> (usize, usize) {
    let first = chance::below(rng, count as u64) as usize;
    let second = chance::below(rng, count as u64 - 1) as usize;
    (first, second + usize::from(second >= first))
}

impl PowerOfTwo {
    /// Picks among `endpoints`.
    pub fn new(endpoints: &[Endpoint], rng: impl Rng + Send + 'static) -> Self {
        let urn = Urn {
            members: updated(&[], endpoints, |_| ()),
            rng: Box::new(rng),
        };
        Self {
            urn: Mutex::new(urn),
        }
    }

    fn urn(&self) -> MutexGuard<'_, Urn> {
        self.urn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Balancer for PowerOfTwo {
    fn pick(&self, call: &Call<'_>, admits: &mut Admits<'_>) -> Result<InFlight, NoEndpoint> {
        let endpoints = self.urn().members.len();
        let draw = |refused: &[Arc<str>]| Some((self.urn().draw(call, refused)?, ()));
        ask(endpoints, admits, draw, |()| ())
    }

    fn update(&self, endpoints: &[Endpoint]) {
        let mut urn = self.urn();
        urn.members = updated(&urn.members, endpoints, |_| ());
    }

    fn loads(&self) -> Vec<(Arc<str>, usize)> {
        loads(&self.urn().members)
    }
}

impl std::fmt::Debug for PowerOfTwo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PowerOfTwo")
            .field("loads", &self.loads())
            .finish_non_exhaustive()
    }
}
