//! Power of two choices: two different endpoints at random, the one with fewer calls in flight.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand_core::Rng;

use super::super::asking::ask;
use super::super::members::{InFlight, Member, loads, updated};
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
        let willing = self.members.iter();
        let willing: Vec<_> = willing
            .filter(|member| (call.eligible)(&member.name) && !refused.contains(&member.name))
            .collect();
        let chosen = match willing.len() {
            0 => return None,
            1 => willing[0],
            count => {
                let (first, second) = distinct(&mut *self.rng, count);
                if willing[second].load() < willing[first].load() {
                    willing[second]
                } else {
                    willing[first]
                }
            }
        };
        Some(chosen.take())
    }
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
