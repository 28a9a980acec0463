//! The law of the breaker without any cleverness: every call is kept, and counted at each look.

use std::time::Duration;
use windtunnel_models::breaker::{
    Counts, Outcome, Policy, Recovery, Rejected, State, Throttling, Trip, Window,
};

/// One admitted call.
struct Call {
    at: u64,
    /// None if it is let through without being counted.
    generation: Option<usize>,
    /// None while it goes on, and none for good if it came too late to count.
    ended: Option<Ended>,
}

/// How a call ended.
#[derive(Clone, Copy)]
struct Ended {
    /// Its place in the order of endings.
    place: usize,
    outcome: Outcome,
    slow: bool,
}

impl Ended {
    fn is_valid(&self) -> bool {
        self.outcome != Outcome::Excluded
    }

    fn speaks_against(&self) -> bool {
        self.slow || (self.is_valid() && self.outcome != Outcome::Success)
    }
}

/// A breaker by the book; times are milliseconds, and do not step back.
pub struct Model {
    policy: Policy,
    /// What an operator set; closed means that the law decides.
    mode: State,
    state: State,
    /// When this state, or this interval of a fixed window, began.
    began: u64,
    /// The end of an open state.
    until: u64,
    generation: usize,
    reopened: u32,
    /// Until when the endpoint asked to be left alone.
    asked: u64,
    calls: Vec<Call>,
    endings: usize,
    /// The bucket of the last look, and the place in the endings from which streaks count.
    bucket: u64,
    streaks_from: usize,
    /// What the law would have done while it was only measured.
    pub would_have: Vec<(State, State)>,
}

impl Model {
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            mode: State::Closed,
            state: State::Closed,
            began: 0,
            until: 0,
            generation: 0,
            reopened: 0,
            asked: 0,
            calls: Vec::new(),
            endings: 0,
            bucket: 0,
            streaks_from: 0,
            would_have: Vec::new(),
        }
    }

    pub fn ask(&mut self, now: u64) -> Result<usize, Rejected> {
        let lawful = self.lawful(now);
        let generation = match (self.mode, lawful) {
            (State::ForcedOpen, _) => return Err(Rejected::ForcedOpen),
            (State::Disabled, _) | (State::MetricsOnly, Err(_)) => None,
            (_, Err(rejected)) => return Err(rejected),
            (_, Ok(())) => Some(self.generation),
        };
        self.calls.push(Call {
            at: now,
            generation,
            ended: None,
        });
        Ok(self.calls.len() - 1)
    }

    fn lawful(&mut self, now: u64) -> Result<(), Rejected> {
        self.look(now);
        if self.state == State::Open {
            let remaining = Duration::from_millis(self.until - now);
            return Err(Rejected::Open { remaining });
        }
        let excluded = |call: &&Call| call.ended.is_some_and(|ended| !ended.is_valid());
        let occupied = self.current().filter(|call| !excluded(call)).count() as u64;
        if self.state == State::HalfOpen && occupied >= self.policy.max_trials {
            return Err(Rejected::TooManyTrials);
        }
        Ok(())
    }

    pub fn end(&mut self, number: usize, outcome: Outcome, now: u64) {
        self.look(now);
        let (at, generation) = (self.calls[number].at, self.calls[number].generation);
        if generation != Some(self.generation) {
            return;
        }
        if let Outcome::Throttled {
            patience: Some(patience),
        } = outcome
        {
            let patience = ms(patience.min(self.policy.open.max));
            self.asked = self.asked.max(now + patience);
        }
        if !self.in_window(at) {
            return;
        }
        self.endings += 1;
        let ended = self.ended(outcome, now - at);
        self.calls[number].ended = Some(ended);
        if let Some(next) = self.next(ended) {
            self.turn(next, now);
        }
    }

    fn ended(&self, outcome: Outcome, took: u64) -> Ended {
        let uncounted = self.policy.throttling == Throttling::Excluded;
        let outcome = match outcome {
            Outcome::Throttled { .. } if uncounted => Outcome::Excluded,
            outcome => outcome,
        };
        let limit = match self.policy.trip {
            Trip::Thresholds(thresholds) => thresholds.slow.map(|slow| ms(slow.longer_than)),
            _ => None,
        };
        Ended {
            place: self.endings,
            outcome,
            slow: outcome != Outcome::Excluded && limit.is_some_and(|limit| took > limit),
        }
    }

    /// Where the end of a call leads.
    fn next(&self, ended: Ended) -> Option<State> {
        let counts = self.count();
        let max = self.policy.max_trials;
        match self.state {
            State::Closed => {
                let opens = ended.speaks_against() && self.trips(&counts, true);
                opens.then_some(State::Open)
            }
            State::HalfOpen if !ended.is_valid() => None,
            State::HalfOpen if self.policy.recovery == Recovery::EveryTrial => {
                if ended.speaks_against() {
                    return Some(State::Open);
                }
                (counts.consecutive_successes >= max).then_some(State::Closed)
            }
            State::HalfOpen if counts.ended() < max => None,
            State::HalfOpen if self.trips(&counts, false) => Some(State::Open),
            State::HalfOpen => Some(State::Closed),
            other => panic!("nothing ends in {other:?}"),
        }
    }

    /// An operator sets `mode`; closed is a reset.
    pub fn set(&mut self, mode: State, now: u64) {
        self.look(now);
        self.mode = mode;
        self.state = State::Closed;
        self.recover();
        self.begin(now);
    }

    pub fn state(&mut self, now: u64) -> State {
        self.look(now);
        match self.mode {
            State::Closed => self.state,
            mode => mode,
        }
    }

    pub fn lawful_state(&mut self, now: u64) -> State {
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
            (State::Open, _) if now > self.until => self.turn(State::HalfOpen, now),
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
            (State::HalfOpen, State::Closed) => self.recover(),
            _ => {}
        }
        if self.mode == State::MetricsOnly {
            self.would_have.push((self.state, to));
        }
        self.state = to;
        self.begin(at);
        self.until = (at + self.open_for()).max(self.asked);
    }

    fn recover(&mut self) {
        self.reopened = 0;
        self.asked = 0;
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

    fn trips(&self, counts: &Counts, with_minimum: bool) -> bool {
        let ratio = |part: u64, whole: u64| part as f64 / whole as f64;
        match self.policy.trip {
            Trip::ConsecutiveFailures { more_than } => counts.consecutive_failures > more_than,
            Trip::FailureRatio {
                minimum,
                ratio: bound,
            } => {
                let valid = counts.requests - counts.exclusions;
                let enough = valid >= minimum || !with_minimum;
                enough && ratio(counts.failures + counts.throttled, valid) >= bound
            }
            Trip::Thresholds(t) => {
                let ended = counts.successes + counts.failures + counts.throttled;
                let enough = ended > 0 && (ended >= t.minimum || !with_minimum);
                let bad = ratio(counts.failures + counts.throttled, ended);
                let slow = ratio(counts.slow, ended);
                let streak = t.failures_in_a_row;
                let good = ratio(counts.successes, ended);
                streak.is_some_and(|n| counts.consecutive_failures >= n)
                    || (enough && t.failed.is_some_and(|bound| bad >= bound))
                    || (enough && t.slow.is_some_and(|bound| slow >= bound.ratio))
                    || (enough && t.succeeded.is_some_and(|bound| good < bound))
            }
            Trip::When(_) => panic!("the model does not know the caller's law"),
        }
    }

    /// The calls of this generation.
    fn current(&self) -> impl Iterator<Item = &Call> {
        let generation = Some(self.generation);
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
            Window::Forever | Window::Fixed(_) | Window::Calls(_) => 1,
        }
    }

    /// The calls that count now.
    fn counted(&self) -> Vec<&Call> {
        let mut counted: Vec<&Call> = self
            .current()
            .filter(|call| self.in_window(call.at))
            .collect();
        if let (State::Closed, Window::Calls(size)) = (self.state, self.policy.window) {
            counted.retain(|call| call.ended.is_none_or(|ended| ended.is_valid()));
            // Those in flight first, then the latest endings.
            counted
                .sort_by_key(|call| std::cmp::Reverse(call.ended.map_or(usize::MAX, |e| e.place)));
            let flying = counted.iter().filter(|call| call.ended.is_none()).count();
            counted.truncate(flying + size as usize);
        }
        counted
    }

    fn count(&self) -> Counts {
        let counted = self.counted();
        let of = |wanted: fn(&Ended) -> bool| {
            let same = counted
                .iter()
                .filter(|call| call.ended.as_ref().is_some_and(wanted));
            same.count() as u64
        };
        // Streaks outlive the places their calls were counted in.
        let ended = self.current().filter_map(|call| call.ended);
        let mut endings: Vec<Ended> = ended
            .filter(|ended| ended.place > self.streaks_from && ended.is_valid())
            .collect();
        endings.sort_by_key(|ended| ended.place);
        let streak = |wanted: Outcome| {
            let newest = endings.iter().rev();
            newest.take_while(|ended| ended.outcome == wanted).count() as u64
        };
        Counts {
            requests: counted.len() as u64,
            successes: of(|ended| ended.outcome == Outcome::Success),
            failures: of(|ended| ended.outcome == Outcome::Failure),
            throttled: of(|ended| matches!(ended.outcome, Outcome::Throttled { .. })),
            exclusions: of(|ended| ended.outcome == Outcome::Excluded),
            slow: of(|ended| ended.slow),
            consecutive_successes: streak(Outcome::Success),
            consecutive_failures: streak(Outcome::Failure),
        }
    }
}

fn ms(time: Duration) -> u64 {
    time.as_millis() as u64
}
