//! Round robin: one after the other, from the place of the last pick.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::asking::ask;
use super::super::members::{InFlight, Member, loads, updated};
use super::super::{Admits, Balancer, Call, Endpoint, NoEndpoint};

/// Picks in turn. Over any window with stable members that all admit, the counts differ by at most one.
#[derive(Debug)]
pub struct RoundRobin {
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    members: Vec<Member>,
    /// The endpoint picked last, by identity: an index would jump when the set changes.
    last: Option<Arc<str>>,
}

/// From the last pick to the next.
struct Step {
    from: Option<Arc<str>>,
    to: Arc<str>,
}

impl Ring {
    /// The first after the last pick that may be asked; it is the last pick from now on.
    fn step(&mut self, call: &Call<'_>, refused: &[Arc<str>]) -> Option<(InFlight, Step)> {
        let count = self.members.len();
        let last = self.last.as_ref();
        let found = last.and_then(|last| self.members.iter().position(|m| m.name == *last));
        let start = found.map_or(0, |index| index + 1);
        let mut turn = (0..count).map(|step| &self.members[(start + step) % count]);
        let next =
            turn.find(|member| (call.eligible)(&member.name) && !refused.contains(&member.name))?;
        let to = next.name.clone();
        let drawn = next.take();
        let from = self.last.replace(to.clone());
        Some((drawn, Step { from, to }))
    }

    /// Who refused has not had the turn, unless somebody else has taken one since.
    fn undo(&mut self, step: Step) {
        if self.last.as_ref() == Some(&step.to) {
            self.last = step.from;
        }
    }

    fn update(&mut self, endpoints: &[Endpoint]) {
        // If the last pick leaves, the turn goes on after the nearest one before it that stays.
        if let Some(last) = self.last.take() {
            let count = self.members.len();
            let at = self.members.iter().position(|m| m.name == last);
            let mut back = (0..count).map(|step| {
                let index = (at.unwrap_or(0) + count - step) % count;
                &self.members[index].name
            });
            let stays = |name: &Arc<str>| endpoints.iter().any(|next| next.name == *name);
            self.last = back.find(|name| stays(name)).cloned();
        }
        self.members = updated(&self.members, endpoints, |_| ());
    }
}

impl RoundRobin {
    /// Picks among `endpoints`, the first one first.
    pub fn new(endpoints: &[Endpoint]) -> Self {
        let mut ring = Ring::default();
        ring.update(endpoints);
        Self {
            ring: Mutex::new(ring),
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Balancer for RoundRobin {
    fn pick(&self, call: &Call<'_>, admits: &mut Admits<'_>) -> Result<InFlight, NoEndpoint> {
        let endpoints = self.ring().members.len();
        let draw = |refused: &[Arc<str>]| self.ring().step(call, refused);
        ask(endpoints, admits, draw, |step| self.ring().undo(step))
    }

    fn update(&self, endpoints: &[Endpoint]) {
        self.ring().update(endpoints);
    }

    fn loads(&self) -> Vec<(Arc<str>, usize)> {
        loads(&self.ring().members)
    }
}
