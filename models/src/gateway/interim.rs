//! interim mechanisms
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::config;
use super::observer::State;

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct Breaker {
    policy: config::Breaker,
    inner: Mutex<Inner>,
    told: Box<dyn Fn(State) + Send + Sync>,
}
struct Inner {
    state: State,
    generation: u64,
    failures: u32,
    successes: u32,
    trials: u32,
    until: Instant,
}
pub(super) enum Result_ {
    Ok,
    Bad,
    None,
}
pub(super) struct Ticket {
    breaker: Arc<Breaker>,
    generation: u64,
    done: bool,
}
impl Ticket {
    pub(super) fn report(mut self, result: Result_) {
        self.done = true;
        self.breaker.report(self.generation, result);
    }
}
impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.done {
            self.breaker.report(self.generation, Result_::None)
        }
    }
}
impl Breaker {
    pub(super) fn new(policy: config::Breaker, told: Box<dyn Fn(State) + Send + Sync>) -> Self {
        Self {
            policy,
            told,
            inner: Mutex::new(Inner {
                state: State::Closed,
                generation: 0,
                failures: 0,
                successes: 0,
                trials: 0,
                until: Instant::now(),
            }),
        }
    }
    fn tell(&self, s: Option<State>) {
        if let Some(s) = s {
            (self.told)(s)
        }
    }
    fn go(i: &mut Inner, s: State) -> Option<State> {
        i.state = s;
        i.generation += 1;
        i.failures = 0;
        i.successes = 0;
        i.trials = 0;
        Some(s)
    }
    pub(super) fn wait(&self) -> Option<Duration> {
        let i = lock(&self.inner);
        let now = Instant::now();
        match i.state {
            State::Closed => None,
            State::Open => (now <= i.until).then(|| i.until - now + Duration::from_nanos(1)),
            State::HalfOpen => (i.trials >= self.policy.trials && now <= i.until)
                .then(|| i.until.saturating_duration_since(now)),
        }
    }
    pub(super) fn admit(self: &Arc<Self>) -> Option<Ticket> {
        let mut i = lock(&self.inner);
        let now = Instant::now();
        let mut t = None;
        match i.state {
            State::Closed => {}
            State::Open if now <= i.until => return None,
            State::Open => {
                t = Self::go(&mut i, State::HalfOpen);
                i.trials = 1;
                i.until = now + self.policy.trial_timeout;
            }
            State::HalfOpen if i.trials < self.policy.trials => i.trials += 1,
            State::HalfOpen if now > i.until => {
                Self::go(&mut i, State::Open);
                i.until = now + self.policy.open;
                drop(i);
                self.tell(Some(State::Open));
                return None;
            }
            State::HalfOpen => return None,
        }
        let generation = i.generation;
        drop(i);
        self.tell(t);
        Some(Ticket {
            breaker: self.clone(),
            generation,
            done: false,
        })
    }
    fn report(&self, generation: u64, result: Result_) {
        let mut i = lock(&self.inner);
        if i.generation != generation {
            return;
        }
        let t = match (i.state, result) {
            (State::HalfOpen, Result_::None) => {
                i.trials -= 1;
                None
            }
            (_, Result_::None) => None,
            (State::HalfOpen, Result_::Ok) => {
                i.successes += 1;
                if i.successes >= self.policy.trials {
                    Self::go(&mut i, State::Closed)
                } else {
                    None
                }
            }
            (_, Result_::Ok) => {
                i.failures = 0;
                None
            }
            (_, Result_::Bad) => {
                i.failures += 1;
                if i.state == State::HalfOpen || i.failures >= self.policy.consecutive_failures {
                    i.until = Instant::now() + self.policy.open;
                    Self::go(&mut i, State::Open)
                } else {
                    None
                }
            }
        };
        drop(i);
        self.tell(t);
    }
}

pub(super) struct Budget {
    ratio: f64,
    balance: Mutex<f64>,
    reserve: f64,
}
impl Budget {
    pub(super) fn new(p: &config::RetryBudget) -> Self {
        let reserve = f64::from(p.reserve_per_second) * p.ttl.as_secs_f64();
        Self {
            ratio: p.ratio,
            balance: Mutex::new(0.0),
            reserve,
        }
    }
    pub(super) fn deposit(&self) {
        *lock(&self.balance) += self.ratio;
    }
    pub(super) fn withdraw(&self) -> bool {
        let mut b = lock(&self.balance);
        if *b + self.reserve >= 1.0 - 1e-9 {
            *b -= 1.0;
            true
        } else {
            false
        }
    }
}

pub(super) struct Gcra {
    t: Duration,
    tau: Duration,
    tats: Mutex<BTreeMap<super::Client, Instant>>,
}
impl Gcra {
    pub(super) fn new(l: &config::Limit) -> Self {
        let t = l.rate.period / l.rate.requests;
        Self {
            t,
            tau: t * (l.burst - 1),
            tats: Mutex::default(),
        }
    }
    pub(super) fn admit(&self, c: &super::Client) -> Result<(), Duration> {
        let now = Instant::now();
        let mut m = lock(&self.tats);
        let tat = m.get(c).copied().unwrap_or(now).max(now);
        let earliest = tat.checked_sub(self.tau).unwrap_or(now);
        if now >= earliest {
            m.insert(c.clone(), tat + self.t);
            Ok(())
        } else {
            Err(earliest - now)
        }
    }
}
