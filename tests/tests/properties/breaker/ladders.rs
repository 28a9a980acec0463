//! The breaker beside two others, step by step through 100,000 random courses each.
//!
//! The first is failsafe itself: its crate, on its own frozen clock. It does not tell late results apart
//! and does not bound its trials, so one call runs at a time here. The second is gobreaker's published
//! law (version 2), written down once more from its description, with calls that overlap: there is no
//! Rust crate of it.

use failsafe::{StateMachine, backoff, clock, failure_policy};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::time::Duration;
use tokio::time::Instant;
use windtunnel_models::breaker::{Machine, OpenTime, Outcome, Policy, State, Ticket, Trip, Window};

const COURSES: u64 = 100_000;
const STEPS: u32 = 24;
const SECOND: Duration = Duration::from_secs(1);

/// A number below `bound`.
fn draw(rng: &mut ChaCha8Rng, bound: u32) -> u32 {
    rng.next_u32() % bound
}

/// Whole and half seconds, which meet the edges, and a nanosecond beyond them.
fn pause(rng: &mut ChaCha8Rng) -> Duration {
    let halves = draw(rng, 9) * SECOND / 2;
    halves + Duration::from_nanos(u64::from(draw(rng, 4) == 0))
}

/// Fails more often than not, or little happens.
fn outcome(rng: &mut ChaCha8Rng) -> Outcome {
    match draw(rng, 8) {
        0..5 => Outcome::Failure,
        5..7 => Outcome::Success,
        _ => Outcome::Excluded,
    }
}

#[test]
fn the_ladder_of_failsafe_is_climbed_in_step_with_failsafe() {
    let mut opened = 0;
    for course in 0..COURSES {
        let mut rng = ChaCha8Rng::seed_from_u64(course);
        let failures = 1 + draw(&mut rng, 4);
        let base = (1 + draw(&mut rng, 2)) * SECOND;
        let max = base * (1 + draw(&mut rng, 8));
        let policy = Policy {
            trial_timeout: 1000 * SECOND,
            trip: Trip::ConsecutiveFailures {
                more_than: u64::from(failures) - 1,
            },
            open: OpenTime::doubling(base, max, 0.0),
            ..Policy::default()
        };
        clock::freeze(|time| {
            let ladder = backoff::exponential(base, max);
            let other = failure_policy::consecutive_failures(failures, ladder);
            let other = StateMachine::new(other, ());
            let mut now = Instant::now();
            let mut ours = Machine::new(policy, rng.clone(), now).expect("it can be meant");
            for step in 0..STEPS {
                let passed = pause(&mut rng);
                time.advance(passed);
                now += passed;
                let ticket = ours.admit(now);
                let permitted = other.is_call_permitted();
                assert_eq!(ticket.is_ok(), permitted, "course {course}, step {step}");
                let Ok(ticket) = ticket else {
                    opened += 1;
                    continue;
                };
                // It knows no exclusion.
                if draw(&mut rng, 8) < 5 {
                    ours.report(ticket, Outcome::Failure, now);
                    other.on_error();
                } else {
                    ours.report(ticket, Outcome::Success, now);
                    other.on_success();
                }
            }
        });
    }
    assert!(opened > COURSES, "only {opened} calls were refused");
}

/// gobreaker by its description. Requests, successes, failures, exclusions, and both streaks.
#[derive(Clone, Copy, Default)]
struct Tally {
    requests: u32,
    ok: u32,
    failed: u32,
    excluded: u32,
    ok_streak: u32,
    failed_streak: u32,
}

/// The state with the instant at which it is over, if any.
struct Gobreaker {
    max_requests: u32,
    interval: Option<Duration>,
    timeout: Duration,
    trips: fn(&Tally) -> bool,
    state: State,
    expiry: Option<Instant>,
    generation: u64,
    tally: Tally,
}

impl Gobreaker {
    fn new(
        policy: &Policy,
        interval: Option<Duration>,
        trips: fn(&Tally) -> bool,
        now: Instant,
    ) -> Self {
        Self {
            max_requests: policy.max_trials as u32,
            interval,
            timeout: policy.open.base,
            trips,
            state: State::Closed,
            expiry: interval.map(|interval| now + interval),
            generation: 0,
            tally: Tally::default(),
        }
    }

    fn enter(&mut self, state: State, now: Instant) {
        self.state = state;
        self.generation += 1;
        self.tally = Tally::default();
        self.expiry = match state {
            State::Closed => self.interval.map(|interval| now + interval),
            State::Open => Some(now + self.timeout),
            _ => None,
        };
    }

    fn look(&mut self, now: Instant) {
        if self.expiry.is_some_and(|expiry| expiry < now) {
            let next = match self.state {
                State::Open => State::HalfOpen,
                state => state,
            };
            self.enter(next, now);
        }
    }

    fn before(&mut self, now: Instant) -> Option<u64> {
        self.look(now);
        let taken = self.tally.requests - self.tally.excluded;
        let full = self.state == State::HalfOpen && taken >= self.max_requests;
        if self.state == State::Open || full {
            return None;
        }
        self.tally.requests += 1;
        Some(self.generation)
    }

    fn after(&mut self, generation: u64, outcome: Outcome, now: Instant) {
        self.look(now);
        if generation != self.generation {
            return;
        }
        let tally = &mut self.tally;
        match outcome {
            Outcome::Success => {
                tally.ok += 1;
                tally.ok_streak += 1;
                tally.failed_streak = 0;
                let recovered = tally.ok_streak >= self.max_requests;
                if self.state == State::HalfOpen && recovered {
                    self.enter(State::Closed, now);
                }
            }
            Outcome::Failure => {
                tally.failed += 1;
                tally.failed_streak += 1;
                tally.ok_streak = 0;
                if self.state == State::HalfOpen || (self.trips)(&self.tally) {
                    self.enter(State::Open, now);
                }
            }
            _ => tally.excluded += 1,
        }
    }

    fn counts(&self) -> [u32; 6] {
        let t = self.tally;
        let totals = [t.requests, t.ok, t.failed, t.excluded];
        let [requests, ok, failed, excluded] = totals;
        [requests, ok, failed, excluded, t.ok_streak, t.failed_streak]
    }
}

/// Two of its policies: the default, and that of its tests.
fn published(custom: bool) -> (Policy, Option<Duration>, fn(&Tally) -> bool) {
    if !custom {
        let policy = Policy {
            open: OpenTime::fixed(3 * SECOND),
            trial_timeout: 1000 * SECOND,
            ..Policy::gobreaker()
        };
        return (policy, None, |tally| tally.failed_streak > 5);
    }
    let interval = 4 * SECOND;
    let policy = Policy {
        max_trials: 3,
        trial_timeout: 1000 * SECOND,
        window: Window::Fixed(interval),
        trip: Trip::FailureRatio {
            minimum: 3,
            ratio: 0.6,
        },
        open: OpenTime::fixed(3 * SECOND),
        ..Policy::default()
    };
    let trips = |tally: &Tally| {
        let valid = tally.requests - tally.excluded;
        valid >= 3 && f64::from(tally.failed) / f64::from(valid) >= 0.6
    };
    (policy, Some(interval), trips)
}

fn walk(course: u64, custom: bool) -> u64 {
    let mut rng = ChaCha8Rng::seed_from_u64(course);
    let mut now = Instant::now();
    let (policy, interval, trips) = published(custom);
    let mut other = Gobreaker::new(&policy, interval, trips, now);
    let mut ours = Machine::new(policy, rng.clone(), now).expect("it can be meant");
    let mut flying: Vec<(Ticket, u64)> = Vec::new();
    let mut refused = 0;
    for step in 0..STEPS {
        match draw(&mut rng, 5) {
            0 => now += pause(&mut rng),
            1 | 2 if !flying.is_empty() => {
                let which = draw(&mut rng, flying.len() as u32) as usize;
                let (ticket, generation) = flying.swap_remove(which);
                let outcome = outcome(&mut rng);
                ours.report(ticket, outcome, now);
                other.after(generation, outcome, now);
            }
            _ => match (ours.admit(now), other.before(now)) {
                (Ok(ticket), Some(generation)) => flying.push((ticket, generation)),
                (Err(_), None) => refused += 1,
                (ours, other) => panic!("course {course}, step {step}: {ours:?} and {other:?}"),
            },
        }
        other.look(now);
        let c = ours.counts(now);
        let totals = [c.requests, c.successes, c.failures, c.exclusions];
        let [requests, ok, failed, excluded] = totals;
        let streaks = [c.consecutive_successes, c.consecutive_failures];
        let counts = [requests, ok, failed, excluded, streaks[0], streaks[1]];
        assert_eq!(
            counts,
            other.counts().map(u64::from),
            "course {course}, step {step}"
        );
        assert_eq!(ours.state(now), other.state, "course {course}, step {step}");
    }
    refused
}

#[test]
fn gobreakers_law_is_kept_in_step_with_overlapping_calls() {
    for custom in [false, true] {
        let refused: u64 = (0..COURSES / 2).map(|course| walk(course, custom)).sum();
        assert!(refused > 1000, "only {refused} calls were refused");
    }
}
