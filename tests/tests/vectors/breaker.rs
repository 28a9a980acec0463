//! The breaker against gobreaker's own tests (version 2), and client-side throttling against its law.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;
use windtunnel_models::breaker::{
    Counts, Machine, OpenTime, Outcome, Policy, Rejected, State, Ticket, Trip, Window, adaptive,
};

use crate::row::Vector;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A machine and the instant it is looked at.
struct Bench {
    machine: Machine,
    now: Instant,
}

impl Bench {
    fn new(policy: Policy) -> Self {
        let now = Instant::now();
        let rng = ChaCha8Rng::seed_from_u64(0);
        Self {
            machine: Machine::new(policy, rng, now).unwrap(),
            now,
        }
    }

    fn call(&mut self, outcome: Outcome) {
        let ticket = self.start();
        self.end(ticket, outcome);
    }

    fn start(&mut self) -> Ticket {
        self.machine.admit(self.now).unwrap()
    }

    fn end(&mut self, ticket: Ticket, outcome: Outcome) {
        self.machine.report(ticket, outcome, self.now);
    }

    fn state(&mut self) -> State {
        self.machine.state(self.now)
    }

    fn counts(&mut self) -> Counts {
        self.machine.counts(self.now)
    }

    /// Requests, successes, failures, and both streaks.
    fn streaks(&mut self) -> (State, [u64; 5]) {
        let c = self.counts();
        let streaks = [c.consecutive_successes, c.consecutive_failures];
        let [ok, failed] = streaks;
        (
            self.state(),
            [c.requests, c.successes, c.failures, ok, failed],
        )
    }

    /// Requests, successes, failures, exclusions.
    fn totals(&mut self) -> (State, [u64; 4]) {
        let c = self.counts();
        (
            self.state(),
            [c.requests, c.successes, c.failures, c.exclusions],
        )
    }
}

#[test]
fn v13_a_breaker_with_default_settings() {
    let v = Vector::new("V-13", "gobreaker v2, default settings");
    let mut bench = Bench::new(Policy::default());
    (0..5).for_each(|_| bench.call(Outcome::Failure));
    let closed = State::Closed;
    v.exact("5 failures", (closed, [5, 0, 5, 0, 5]), bench.streaks());
    bench.call(Outcome::Success);
    v.exact("1 success", (closed, [6, 1, 5, 1, 0]), bench.streaks());
    bench.call(Outcome::Failure);
    v.exact("1 failure", (closed, [7, 1, 6, 0, 1]), bench.streaks());
    (0..4).for_each(|_| bench.call(Outcome::Failure));
    v.exact("5 in a row", (closed, [11, 1, 10, 0, 5]), bench.streaks());
    bench.call(Outcome::Failure);
    v.exact("6 in a row", (State::Open, [0; 5]), bench.streaks());

    let minute = 60 * SECOND;
    bench.now += minute - MS;
    v.exact("timeout - 1 ms", State::Open, bench.state());
    bench.now += MS;
    v.exact("at the timeout", State::Open, bench.state());
    bench.now += MS;
    v.exact("timeout + 1 ms", State::HalfOpen, bench.state());
    bench.call(Outcome::Failure);
    v.exact("a failed trial", (State::Open, [0; 5]), bench.streaks());
    bench.now += minute + MS;
    bench.call(Outcome::Success);
    v.exact("a good trial", (closed, [0; 5]), bench.streaks());
}

fn custom() -> Policy {
    Policy {
        max_trials: 3,
        window: Window::Fixed(30 * SECOND),
        trip: Trip::FailureRatio {
            minimum: 3,
            ratio: 0.6,
        },
        open: OpenTime::fixed(90 * SECOND),
        ..Policy::default()
    }
}

#[test]
fn v14_a_breaker_with_an_interval_exclusions_and_three_trials() {
    let v = Vector::new("V-14", "gobreaker v2, custom settings");
    let mut bench = Bench::new(custom());
    let began = bench.now;
    for _ in 0..5 {
        bench.call(Outcome::Success);
        bench.call(Outcome::Failure);
        bench.call(Outcome::Excluded);
    }
    let closed = State::Closed;
    v.exact("5 of each", (closed, [15, 5, 5, 5]), bench.totals());
    bench.now = began + 30 * SECOND - MS;
    bench.call(Outcome::Success);
    v.exact("interval - 1 ms", (closed, [16, 6, 5, 5]), bench.totals());
    bench.now = began + 30 * SECOND + MS;
    bench.call(Outcome::Failure);
    v.exact("interval + 1 ms", (closed, [1, 0, 1, 0]), bench.totals());
    bench.call(Outcome::Success);
    bench.call(Outcome::Failure);
    v.exact("2 of 3 failed", (State::Open, [0; 4]), bench.totals());

    bench.now += 90 * SECOND + MS;
    (0..4).for_each(|_| bench.call(Outcome::Excluded));
    let half = State::HalfOpen;
    v.exact("4 excluded trials", (half, [4, 0, 0, 4]), bench.totals());
    bench.call(Outcome::Failure);
    v.exact("a failed trial", State::Open, bench.state());

    bench.now += 90 * SECOND + MS;
    let slow = bench.start();
    (0..2).for_each(|_| bench.call(Outcome::Success));
    v.exact("2 good, 1 slow", (half, [3, 2, 0, 0]), bench.totals());
    let fourth = bench.machine.admit(bench.now);
    v.exact("the next call", Err(Rejected::TooManyTrials), fourth);
    bench.end(slow, Outcome::Success);
    v.exact("the slow one ends", (closed, [0; 4]), bench.totals());
}

#[test]
fn v16_a_result_of_an_earlier_interval_counts_nowhere() {
    let v = Vector::new("V-16", "gobreaker v2, a call across an interval");
    for outcome in [Outcome::Success, Outcome::Failure, Outcome::Excluded] {
        let mut bench = Bench::new(custom());
        bench.now += 29 * SECOND;
        let late = bench.start();
        bench.now += 2 * SECOND;
        bench.end(late, outcome);
        let what = format!("{outcome:?} comes late");
        v.exact(&what, Counts::default(), bench.counts());
    }
}

fn throttle(accepted: u32, failed: u32, now: Instant) -> adaptive::Law {
    let rng = ChaCha8Rng::seed_from_u64(0);
    let mut law = adaptive::Law::new(adaptive::Policy::sre(), rng, now).unwrap();
    (0..accepted).for_each(|_| law.report(Outcome::Success, now));
    (0..failed).for_each(|_| law.report(Outcome::Failure, now));
    law
}

#[test]
fn v23e_client_side_throttling_drops_what_the_book_says() {
    let v = Vector::new("V-23e", "SRE book, chapter 21, K = 2");
    for (accepts, expected) in [(40, 0.198), (10, 0.792), (0, 0.990)] {
        let now = Instant::now();
        let got = throttle(accepts, 100 - accepts, now).probability(now);
        let off = (got - expected).abs();
        v.at_most(&format!("{accepts} of 100: {got:.4}"), 0.001, off);
    }
    // An endpoint that accepts 10 calls a second is offered 100, for ten minutes.
    let mut now = Instant::now();
    let mut law = throttle(0, 0, now);
    let (mut sent, mut accepted) = (0, 0);
    for second in 0..600 {
        let mut room = 10;
        for _ in 0..100 {
            now += 10 * MS;
            if law.admit(now).is_err() {
                continue;
            }
            let outcome = if room > 0 {
                Outcome::Success
            } else {
                Outcome::Failure
            };
            room -= i32::from(room > 0);
            law.report(outcome, now);
            if second >= 240 {
                sent += 1;
                accepted += u32::from(outcome == Outcome::Success);
            }
        }
    }
    let ratio = f64::from(sent) / f64::from(accepted);
    v.within("sent / accepted in the steady state", 2.0, ratio, 0.05);
}
