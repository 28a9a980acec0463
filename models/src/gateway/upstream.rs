//! A set of equal endpoints: admission and pick in one step, over the endpoints that admit.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rand_core::{Rng, SeedableRng};

use super::config::{Balance, Upstream as Policy};
use super::flight::Flight;
use super::interim::{Breaker, Budget, Result_, Ticket};
use super::observer::{BreakerChange, Outcome};
use super::{Observer, Refusal};

pub(super) struct Upstream {
    name: Arc<str>,
    policy: Policy,
    members: Mutex<Vec<Arc<Member>>>,
    next: AtomicUsize,
    rng: Mutex<rand_chacha::ChaCha8Rng>,
    budget: Budget,
    observer: Arc<dyn Observer>,
}

struct Member {
    name: Arc<str>,
    load: AtomicUsize,
    breaker: Option<Arc<Breaker>>,
}

pub(super) struct Slot(Arc<Member>);
impl Drop for Slot {
    fn drop(&mut self) {
        self.0.load.fetch_sub(1, Ordering::Relaxed);
    }
}
pub(super) struct Permit(Ticket);
impl Permit {
    pub(super) fn report(self, outcome: Outcome) {
        self.0.report(match outcome {
            Outcome::Succeeded(_) => Result_::Ok,
            Outcome::Failed(_) | Outcome::Broken(_) => Result_::Bad,
            Outcome::Throttled(_) | Outcome::Cancelled => Result_::None,
        });
    }
}

impl Upstream {
    pub(super) fn new(
        name: &str,
        policy: Policy,
        rng: &mut dyn Rng,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let this = Self {
            name: name.into(),
            members: Mutex::default(),
            next: AtomicUsize::new(0),
            rng: Mutex::new(rand_chacha::ChaCha8Rng::from_seed(seed)),
            budget: Budget::new(&policy.retry_budget),
            policy,
            observer,
        };
        this.update(&this.policy.endpoints);
        this
    }
    pub(super) const fn name(&self) -> &Arc<str> {
        &self.name
    }
    pub(super) fn can_become(&self, policy: &Policy) -> bool {
        let same = Policy {
            endpoints: policy.endpoints.clone(),
            ..self.policy.clone()
        };
        same == *policy
    }
    pub(super) fn update(&self, endpoints: &[String]) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let new = endpoints
            .iter()
            .map(|e| {
                members
                    .iter()
                    .find(|m| *m.name == **e)
                    .cloned()
                    .unwrap_or_else(|| self.member(e))
            })
            .collect();
        *members = new;
    }
    fn member(&self, e: &str) -> Arc<Member> {
        let name: Arc<str> = e.into();
        let breaker = self.policy.breaker.clone().map(|p| {
            let (o, u, e) = (self.observer.clone(), self.name.clone(), name.clone());
            Arc::new(Breaker::new(
                p,
                Box::new(move |to| {
                    o.breaker(&BreakerChange {
                        upstream: &u,
                        endpoint: &e,
                        to,
                    })
                }),
            ))
        });
        Arc::new(Member {
            name,
            load: AtomicUsize::new(0),
            breaker,
        })
    }
    pub(super) fn deposit(&self) {
        self.budget.deposit();
    }
    pub(super) fn withdraw(&self) -> bool {
        self.budget.withdraw()
    }
    pub(super) fn pick(
        &self,
        tried: &[Arc<str>],
        number: u32,
        trace: u128,
    ) -> Result<Flight, Refusal> {
        let all = self
            .members
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let open: Vec<_> = all
            .iter()
            .filter(|m| m.breaker.as_ref().is_none_or(|b| b.wait().is_none()))
            .cloned()
            .collect();
        let fresh: Vec<_> = open
            .iter()
            .filter(|m| !tried.contains(&m.name))
            .cloned()
            .collect();
        let set = if fresh.is_empty() { open } else { fresh };
        if set.is_empty() {
            return Err(Refusal::BreakerOpen {
                retry_after: all.iter().filter_map(|m| m.breaker.as_ref()?.wait()).min(),
            });
        }
        let m = match self.policy.balance {
            Balance::RoundRobin => {
                set[self.next.fetch_add(1, Ordering::Relaxed) % set.len()].clone()
            }
            Balance::PowerOfTwo => {
                let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
                let a = (rng.next_u64() % set.len() as u64) as usize;
                let b =
                    (a + 1 + (rng.next_u64() % (set.len().max(2) - 1) as u64) as usize) % set.len();
                let (a, b) = (&set[a], &set[b]);
                if b.load.load(Ordering::Relaxed) < a.load.load(Ordering::Relaxed) {
                    b.clone()
                } else {
                    a.clone()
                }
            }
        };
        let permit = match &m.breaker {
            None => None,
            Some(b) => Some(Permit(
                b.admit()
                    .ok_or(Refusal::BreakerOpen { retry_after: None })?,
            )),
        };
        m.load.fetch_add(1, Ordering::Relaxed);
        Ok(Flight::new(
            self.observer.clone(),
            self.name.clone(),
            m.name.clone(),
            (number, trace),
            (permit, Slot(m)),
        ))
    }
}
