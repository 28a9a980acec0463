//! The law of the breaker without any cleverness: every call is kept, and counted at each look.

use std::time::Duration;
use windtunnel_models::breaker::{Counts, Outcome, Policy, Rejected, State, Trip, Window};

/// One admitted call.
struct Call {
    at: u64,
    generation: usize,
    /// Its outcome, with its place in the order of endings; none while it goes on, and none for good
    /// if it came too late to count.
    ended: Option<(usize, Outcome)>,
}

/// A breaker by the book; times are milliseconds, and do not step back.
pub struct Model {
    policy: Policy,
    state: State,
    /// When this state, or this interval of a fixed window, began.
    began: u64,
    generation: usize,
    reopened: u32,
    calls: Vec<Call>,
    endings: usize,
    /// The bucket of the last look, and the place in the endings from which streaks count.
    bucket: u64,
    streaks_from: usize,
}

impl Model {
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            state: State::Closed,
            began: 0,
            generation: 0,
            reopened: 0,
            calls: Vec::new(),
            endings: 0,
            bucket: 0,
            streaks_from: 0,
        }
    }

    pub fn ask(&mut self, now: u64) -> Result<usize, Rejected> {
        self.look(now);
        if self.state == State::Open {
            let remaining = Duration::from_millis(self.began + self.open_for() - now);
            return Err(Rejected::Open { remaining });
        }
        let occupied = self.current().filter(|call| !excluded(call)).count() as u64;
        if self.state == State::HalfOpen && occupied >= self.policy.max_trials {
            return Err(Rejected::TooManyTrials);
        }
        let generation = self.generation;
        self.calls.push(Call {
            at: now,
            generation,
            ended: None,
        });
        Ok(self.calls.len() - 1)
    }

    pub fn end(&mut self, number: usize, outcome: Outcome, now: u64) {
        self.look(now);
        let (at, generation) = (self.calls[number].at, self.calls[number].generation);
        if generation != self.generation || !self.in_window(at) {
            return;
        }
        self.endings += 1;
        self.calls[number].ended = Some((self.endings, outcome));
        let counts = self.count();
        match (self.state, outcome) {
            (State::Closed, Outcome::Failure) if self.trips(&counts) => self.turn(State::Open, now),
            (State::HalfOpen, Outcome::Failure) => self.turn(State::Open, now),
            (State::HalfOpen, Outcome::Success)
                if counts.consecutive_successes >= self.policy.max_trials =>
            {
                self.turn(State::Closed, now);
            }
            _ => {}
        }
    }

    pub fn state(&mut self, now: u64) -> State {
        self.look(now);
        self.state
    }

    pub fn counts(&mut self, now: u64) -> Counts {
        self.look(now);
        self.count()
    }

    /// What time alone brings about.
    fn look(&mut self, now: u64) {
        let open_trials = self.current().filter(|call| call.ended.is_none());
        let oldest = open_trials.map(|call| call.at).min();
        let timeout = ms(self.policy.trial_timeout);
        if let (State::HalfOpen, Some(oldest)) = (self.state, oldest)
            && now > oldest + timeout
        {
            self.turn(State::Open, oldest + timeout);
        }
        match (self.state, self.policy.window) {
            (State::Open, _) if now > self.began + self.open_for() => {
                self.turn(State::HalfOpen, now);
            }
            (State::Closed, Window::Fixed(interval)) if now > self.began + ms(interval) => {
                self.begin(now);
            }
            (State::Closed, Window::Rolling { bucket, .. }) => {
                let latest = (now - self.began) / ms(bucket);
                if latest - self.bucket >= self.buckets() {
                    self.streaks_from = self.endings;
                }
                self.bucket = latest;
            }
            _ => {}
        }
    }

    fn turn(&mut self, to: State, at: u64) {
        match (self.state, to) {
            (State::HalfOpen, State::Open) => self.reopened += 1,
            (State::HalfOpen, State::Closed) => self.reopened = 0,
            _ => {}
        }
        self.state = to;
        self.begin(at);
    }

    fn begin(&mut self, at: u64) {
        self.generation += 1;
        self.began = at;
        self.bucket = 0;
        self.streaks_from = self.endings;
    }

    /// Base · growth^n, at most max.
    fn open_for(&self) -> u64 {
        let open = self.policy.open;
        let grown = ms(open.base) as f64 * open.growth.powi(self.reopened.min(60) as i32);
        (grown as u64).min(ms(open.max))
    }

    fn trips(&self, counts: &Counts) -> bool {
        match self.policy.trip {
            Trip::ConsecutiveFailures { more_than } => counts.consecutive_failures > more_than,
            Trip::FailureRatio { minimum, ratio } => {
                let valid = counts.requests - counts.exclusions;
                valid >= minimum && counts.failures as f64 >= ratio * valid as f64
            }
            Trip::When(_) => panic!("the model does not know the caller's law"),
        }
    }

    /// The calls of this generation.
    fn current(&self) -> impl Iterator<Item = &Call> {
        let generation = self.generation;
        self.calls
            .iter()
            .filter(move |call| call.generation == generation)
    }

    /// Whether the bucket of a call that began at `at` is among the last ones.
    fn in_window(&self, at: u64) -> bool {
        match (self.state, self.policy.window) {
            (State::Closed, Window::Rolling { bucket, .. }) => {
                (at - self.began) / ms(bucket) + self.buckets() > self.bucket
            }
            _ => true,
        }
    }

    fn buckets(&self) -> u64 {
        match self.policy.window {
            Window::Rolling { interval, bucket } => ms(interval).div_ceil(ms(bucket)),
            Window::Forever | Window::Fixed(_) => 1,
        }
    }

    fn count(&self) -> Counts {
        let counted: Vec<&Call> = self
            .current()
            .filter(|call| self.in_window(call.at))
            .collect();
        let of = |wanted: Outcome| {
            let same = counted
                .iter()
                .filter(|call| call.ended.is_some_and(|(_, o)| o == wanted));
            same.count() as u64
        };
        // Streaks outlive the buckets their calls were counted in.
        let ended = self.current().filter_map(|call| call.ended);
        let mut endings: Vec<(usize, Outcome)> = ended
            .filter(|(place, _)| *place > self.streaks_from)
            .collect();
        endings.sort_by_key(|(place, _)| *place);
        let streak = |wanted: Outcome| {
            let valid = endings
                .iter()
                .rev()
                .filter(|(_, o)| *o != Outcome::Excluded);
            valid.take_while(|(_, o)| *o == wanted).count() as u64
        };
        Counts {
            requests: counted.len() as u64,
            successes: of(Outcome::Success),
            failures: of(Outcome::Failure),
            exclusions: of(Outcome::Excluded),
            consecutive_successes: streak(Outcome::Success),
            consecutive_failures: streak(Outcome::Failure),
        }
    }
}

fn excluded(call: &Call) -> bool {
    call.ended
        .is_some_and(|(_, outcome)| outcome == Outcome::Excluded)
}

fn ms(time: Duration) -> u64 {
    time.as_millis() as u64
}
