//! Every permit of a shared guard comes back, whatever callers do, and no waiter is lost.

use crate::fixed;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Instant;
use windtunnel_models::overload::bulkhead::{Acquire, Bulkhead, Compartment, Permit, Policy};
use windtunnel_models::overload::concurrency::{
    Aimd, AimdPolicy, Controller, Gradient, Gradient2, Gradient2Policy, GradientPolicy, Limiter,
    Vegas, VegasPolicy,
};
use windtunnel_models::overload::{Call, Outcome, Priority};

/// What a caller does.
#[derive(Clone, Debug)]
enum Operation {
    /// Asks.
    Ask,
    /// Looks whether its turn has come.
    Look(prop::sample::Index),
    /// Goes away while it waits.
    Leave(prop::sample::Index),
    /// Comes to an end.
    End(prop::sample::Index, Option<Outcome>),
}

fn operation() -> impl Strategy<Value = Operation> {
    let outcome = prop_oneof![
        3 => Just(Some(Outcome::Success)),
        1 => Just(Some(Outcome::Failure)),
        1 => Just(Some(Outcome::Overload)),
        1 => Just(None),
    ];
    let which = any::<prop::sample::Index>;
    prop_oneof![
        4 => Just(Operation::Ask),
        3 => which().prop_map(Operation::Look),
        1 => which().prop_map(Operation::Leave),
        3 => (which(), outcome).prop_map(|(which, outcome)| Operation::End(which, outcome)),
    ]
}

/// A bulkhead, those who have a slot and those who wait for one.
struct Bench {
    bulkhead: Bulkhead,
    slots: u64,
    running: Vec<Permit>,
    waiting: Vec<Acquire>,
}

impl Bench {
    fn new(concurrency: usize, pending: usize) -> Self {
        let policy = Policy::each(Compartment {
            concurrency,
            pending,
            ..Compartment::envoy()
        });
        Self {
            bulkhead: Bulkhead::new("a", &policy, Arc::new(())).expect("it can be meant"),
            slots: concurrency as u64,
            running: Vec::new(),
            waiting: Vec::new(),
        }
    }

    fn apply(&mut self, operation: Operation) -> Result<(), TestCaseError> {
        match operation {
            Operation::Ask => {
                let call = self.bulkhead.acquire(&Call::default());
                self.look(call);
            }
            Operation::Look(which) if !self.waiting.is_empty() => {
                let call = self.waiting.remove(which.index(self.waiting.len()));
                self.look(call);
            }
            Operation::Leave(which) if !self.waiting.is_empty() => {
                drop(self.waiting.remove(which.index(self.waiting.len())));
            }
            Operation::End(which, outcome) if !self.running.is_empty() => {
                let permit = self.running.swap_remove(which.index(self.running.len()));
                match outcome {
                    Some(outcome) => permit.report(outcome),
                    None => drop(permit),
                }
            }
            _ => {}
        }
        let tally = self.bulkhead.tally(Priority::Normal);
        prop_assert!(tally.is_balanced(), "{:?}", tally);
        prop_assert!(tally.in_flight <= self.slots, "{:?}", tally);
        prop_assert!(tally.in_flight >= self.running.len() as u64);
        // Those who were given a slot and have not looked yet are under way already.
        let held = self.running.len() + self.waiting.len();
        prop_assert_eq!(tally.in_flight + tally.waiting, held as u64);
        prop_assert!(tally.waiting == 0 || tally.in_flight == self.slots);
        Ok(())
    }

    fn look(&mut self, mut call: Acquire) {
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(&mut call).poll(&mut context) {
            Poll::Ready(Ok(permit)) => self.running.push(permit),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.waiting.push(call),
        }
    }

    /// Once everybody has gone, all slots are there again.
    fn leave(mut self) -> Result<(), TestCaseError> {
        self.waiting.clear();
        self.running.clear();
        let tally = self.bulkhead.tally(Priority::Normal);
        prop_assert!(tally.is_balanced(), "{:?}", tally);
        prop_assert_eq!((tally.in_flight, tally.waiting), (0, 0));
        for _ in 0..self.slots {
            self.apply(Operation::Ask)?;
        }
        prop_assert_eq!(self.running.len() as u64, self.slots);
        Ok(())
    }
}

#[test]
fn every_slot_of_a_bulkhead_comes_back_and_no_waiter_is_lost() {
    let cases = (1..4usize, 0..5usize, vec(operation(), 1..120));
    let outcome = fixed::runner(1_500, 10_000).run(&cases, |(slots, pending, operations)| {
        let mut bench = Bench::new(slots, pending);
        operations
            .into_iter()
            .try_for_each(|step| bench.apply(step))?;
        bench.leave()
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

fn limiter(law: u8) -> Limiter {
    let rng = ChaCha8Rng::seed_from_u64(1);
    let observer = Arc::new(());
    match law {
        0 => {
            let gradient = Gradient::new(GradientPolicy::default(), rng, Instant::now());
            Limiter::new("a", gradient.expect("its defaults"), observer)
        }
        1 => {
            let vegas = Vegas::new(VegasPolicy::default(), rng).expect("its defaults");
            Limiter::new("a", vegas, observer)
        }
        2 => {
            let gradient2 = Gradient2::new(Gradient2Policy::default()).expect("its defaults");
            Limiter::new("a", gradient2, observer)
        }
        _ => {
            let aimd = Aimd::new(AimdPolicy {
                min: 1,
                initial: 3,
                ..AimdPolicy::default()
            });
            Limiter::new("a", aimd.expect("it can be meant"), observer)
        }
    }
}

#[test]
fn a_limiter_never_admits_above_its_limit_and_every_permit_comes_back() {
    let cases = (0..4u8, vec(operation(), 1..300));
    let outcome = fixed::runner(1_000, 10_000).run(&cases, |(law, operations)| {
        let limiter = limiter(law);
        let mut running = Vec::new();
        for operation in operations {
            match operation {
                Operation::Ask => {
                    let limit = limiter.limit();
                    let admitted = limiter.admit();
                    prop_assert_eq!(admitted.is_ok(), running.len() < limit);
                    running.extend(admitted);
                }
                Operation::End(which, outcome) if !running.is_empty() => {
                    let permit = running.swap_remove(which.index(running.len()));
                    match outcome {
                        Some(outcome) => permit.report(outcome),
                        None => drop(permit),
                    }
                }
                _ => {}
            }
            let tally = limiter.tally();
            prop_assert!(tally.is_balanced(), "{:?}", tally);
            prop_assert_eq!(tally.in_flight, running.len() as u64);
        }
        running.clear();
        prop_assert_eq!(limiter.tally().in_flight, 0);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// A latency in microseconds, how much of the limit is used in percent, how it ended, and the pause
/// before it in milliseconds.
type Sample = (u64, usize, Outcome, u64);

fn sample() -> impl Strategy<Value = Sample> {
    let outcome = prop_oneof![
        6 => Just(Outcome::Success),
        1 => Just(Outcome::Failure),
        1 => Just(Outcome::Overload),
    ];
    let rtt = prop_oneof![Just(0), 1..2_000u64, 1_000..10_000_000u64];
    (rtt, 0..=100usize, outcome, 0..300u64)
}

#[test]
fn no_samples_bring_a_limit_out_of_its_bounds() {
    let cases = vec(sample(), 1..200);
    let outcome = fixed::runner(500, 10_000).run(&cases, |samples| {
        let began = Instant::now() + Duration::from_secs(3600);
        let rng = || ChaCha8Rng::seed_from_u64(1);
        let gradient = Gradient::new(GradientPolicy::default(), rng(), began);
        let vegas = Vegas::new(VegasPolicy::default(), rng());
        let gradient2 = Gradient2::new(Gradient2Policy::default());
        let aimd = Aimd::new(AimdPolicy::default());
        let laws: [(Box<dyn Controller>, usize, usize); 4] = [
            (Box::new(gradient.expect("its defaults")), 3, 1000),
            (Box::new(vegas.expect("its defaults")), 1, 1000),
            (Box::new(gradient2.expect("its defaults")), 20, 200),
            (Box::new(aimd.expect("its defaults")), 20, 200),
        ];
        for (mut law, min, max) in laws {
            let mut now = began;
            for (rtt, used, outcome, pause) in &samples {
                now += Duration::from_millis(*pause);
                let in_flight = (law.limit() * used / 100).max(1);
                let rtt = Duration::from_micros(*rtt);
                law.on_sample(rtt, in_flight, *outcome, now);
                prop_assert!((min..=max).contains(&law.limit()), "{law:?}");
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
