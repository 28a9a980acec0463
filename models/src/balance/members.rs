//! The endpoints of a set: what each has in flight, and what the algorithm remembers of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Endpoint;

/// How a call ended, to the balancer that picked its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint did what it was asked for.
    Success,
    /// It did not; `patience` is how long it asked to be left alone (`Retry-After`, gRPC push-back).
    Failure {
        /// None if it did not say.
        patience: Option<Duration>,
    },
    /// Nothing is known of it: the caller went away, or somebody else refused.
    Cancelled,
}

/// The end of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) began: Instant,
    pub(super) now: Instant,
}

/// What an algorithm remembers of one endpoint; kept as long as the endpoint stays in the set.
pub(super) trait Memory: Send + std::fmt::Debug + 'static {
    /// A call that this balancer sent there ended. Told exactly once per call, after its load was given
    /// back, with nothing of the balancer locked but this memory.
    fn ended(&mut self, end: &End) {
        let _ = end;
    }
}

impl Memory for () {}

#[derive(Debug)]
struct Seat<M: ?Sized> {
    name: Arc<str>,
    load: AtomicUsize,
    memory: Mutex<M>,
}

/// One endpoint of a set. Clones share its load and memory.
#[derive(Debug)]
pub(super) struct Member<M = ()> {
    pub(super) name: Arc<str>,
    pub(super) weight: u32,
    seat: Arc<Seat<M>>,
}

impl<M> Clone for Member<M> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            weight: self.weight,
            seat: self.seat.clone(),
        }
    }
}

impl<M: Memory> Member<M> {
    fn new(endpoint: &Endpoint, memory: M) -> Self {
        let seat = Seat {
            name: endpoint.name.clone(),
            load: AtomicUsize::new(0),
            memory: Mutex::new(memory),
        };
        Self {
            name: endpoint.name.clone(),
            weight: endpoint.weight,
            seat: Arc::new(seat),
        }
    }

    pub(super) fn load(&self) -> usize {
        self.seat.load.load(Ordering::Relaxed)
    }

    /// Looks at, or changes, what is remembered.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut M) -> T) -> T {
        let memory = self.seat.memory.lock();
        act(&mut memory.unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins a call there.
    pub(super) fn take(&self) -> InFlight {
        self.seat.load.fetch_add(1, Ordering::Relaxed);
        InFlight {
            seat: self.seat.clone(),
            began: Instant::now(),
            outcome: Outcome::Cancelled,
            is_counted: true,
        }
    }
}

/// A call in flight at the endpoint that was picked; dropping it ends the count.
#[derive(Debug)]
#[must_use = "the call is in flight only as long as this lives"]
pub struct InFlight {
    seat: Arc<Seat<dyn Memory>>,
    began: Instant,
    outcome: Outcome,
    is_counted: bool,
}

impl InFlight {
    /// The endpoint.
    pub fn endpoint(&self) -> &Arc<str> {
        &self.seat.name
    }

    /// Says how the call went; the balancer learns of it when the call ends. Until then it may be said
    /// again, and the last word counts. A call of which nothing is said ends as
    /// [`Cancelled`](Outcome::Cancelled).
    pub const fn report(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Ends the call now, and tells how many the endpoint has in flight then.
    pub fn end(&mut self) -> usize {
        if std::mem::take(&mut self.is_counted) {
            self.seat.load.fetch_sub(1, Ordering::Relaxed);
            let end = End {
                outcome: self.outcome,
                began: self.began,
                now: Instant::now(),
            };
            let memory = self.seat.memory.lock();
            memory.unwrap_or_else(PoisonError::into_inner).ended(&end);
        }
        self.load()
    }

    /// How many calls the endpoint has in flight, this one among them.
    pub fn load(&self) -> usize {
        self.seat.load.load(Ordering::Relaxed)
    }

    /// Takes the pick back: the endpoint refused, so there never was a call.
    pub(super) fn refuse(mut self) {
        self.seat.load.fetch_sub(1, Ordering::Relaxed);
        self.is_counted = false;
    }

    /// The mistake that `gateway::config::Planted` plants: the count is never ended.
    pub(crate) fn forget(&mut self) {
        self.is_counted = false;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.end();
    }
}

/// The set, each name once, in the order given. Those that stay keep load and memory and have the weight
/// that is given now; `fresh` makes the memory of one that comes.
pub(super) fn updated<M: Memory>(
    old: &[Member<M>],
    endpoints: &[Endpoint],
    mut fresh: impl FnMut(&Endpoint) -> M,
) -> Vec<Member<M>> {
    let mut members: Vec<Member<M>> = Vec::with_capacity(endpoints.len());
    for endpoint in endpoints {
        if members.iter().any(|member| member.name == endpoint.name) {
            continue;
        }
        let known = old.iter().find(|member| member.name == endpoint.name);
        members.push(match known {
            Some(known) => Member {
                weight: endpoint.weight,
                ..known.clone()
            },
            None => Member::new(endpoint, fresh(endpoint)),
        });
    }
    members
}

pub(super) fn loads<M: Memory>(members: &[Member<M>]) -> Vec<(Arc<str>, usize)> {
    let each = members.iter();
    each.map(|member| (member.name.clone(), member.load()))
        .collect()
}
