//! A shared breaker's permits tell exactly one outcome each, also when they are dropped, and no trial
//! slot is lost whatever callers do.

use crate::fixed;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::{sync::Arc, time::Duration};
use tokio::{runtime, time};
use windtunnel_models::breaker::{Breaker, OpenTime, Outcome, Permit, Policy, State, Trip};

/// What a caller does.
#[derive(Clone, Debug)]
enum Operation {
    /// Asks.
    Ask,
    /// Comes to an end.
    End(prop::sample::Index, Outcome),
    /// Goes away.
    Leave(prop::sample::Index),
    /// Waits for so many milliseconds.
    Wait(u64),
}

fn operation() -> impl Strategy<Value = Operation> {
    let outcome = prop_oneof![
        2 => Just(Outcome::Failure),
        1 => Just(Outcome::Success),
        1 => Just(Outcome::Excluded),
        1 => Just(Outcome::Throttled { patience: None }),
    ];
    let which = any::<prop::sample::Index>;
    prop_oneof![
        4 => Just(Operation::Ask),
        3 => (which(), outcome).prop_map(|(which, outcome)| Operation::End(which, outcome)),
        2 => which().prop_map(Operation::Leave),
        2 => (1..=60u64).prop_map(Operation::Wait),
    ]
}

const OPEN_FOR: Duration = Duration::from_millis(40);
const TRIAL_TIMEOUT: Duration = Duration::from_millis(50);

fn breaker(max_trials: u64, more_than: u64) -> Breaker {
    let policy = Policy {
        max_trials,
        trial_timeout: TRIAL_TIMEOUT,
        trip: Trip::ConsecutiveFailures { more_than },
        open: OpenTime::fixed(OPEN_FOR),
        ..Policy::default()
    };
    let rng = ChaCha8Rng::seed_from_u64(0);
    Breaker::new("a", policy, rng, Arc::new(())).expect("the policy can be meant")
}

const fn column(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Success => 0,
        Outcome::Failure => 1,
        Outcome::Excluded | Outcome::Throttled { .. } => 2,
    }
}

/// Does `operations`; the answer is what is still open, and so many calls with each outcome:
/// success, failure, excluded.
async fn carry_out(breaker: &Breaker, operations: Vec<Operation>) -> (Vec<Permit>, [u64; 3]) {
    let (mut open, mut told): (Vec<Permit>, _) = (Vec::new(), [0; 3]);
    for operation in operations {
        match operation {
            Operation::Ask => open.extend(breaker.admit()),
            Operation::Wait(millis) => time::sleep(Duration::from_millis(millis)).await,
            _ if open.is_empty() => {}
            Operation::End(which, outcome) => {
                open.swap_remove(which.index(open.len())).report(outcome);
                told[column(outcome)] += 1;
            }
            Operation::Leave(which) => {
                drop(open.swap_remove(which.index(open.len())));
                told[column(Outcome::Excluded)] += 1;
            }
        }
    }
    (open, told)
}

fn holds<F>(property: impl Fn(Vec<Operation>) -> F)
where
    F: Future<Output = Result<(), TestCaseError>>,
{
    let outcome = fixed::runner(150, 1_000).run(&vec(operation(), 1..60), |operations| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(property(operations))
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_permit_of_a_closed_breaker_counts_once_and_as_what_became_of_it() {
    holds(async |operations| {
        let breaker = breaker(1, u64::MAX);
        let (open, told) = carry_out(&breaker, operations).await;
        let counts = breaker.counts();
        let ended = [counts.successes, counts.failures, counts.exclusions];
        prop_assert_eq!(ended, told);
        let all = open.len() as u64 + told.iter().sum::<u64>();
        prop_assert_eq!(counts.requests, all);
        let totals = breaker.totals();
        prop_assert_eq!(totals.offered, totals.refused + totals.admitted);
        prop_assert_eq!(totals.in_flight(), open.len() as u64);
        drop(open);
        prop_assert_eq!(breaker.counts().valid(), told[0] + told[1]);
        let totals = breaker.totals();
        prop_assert_eq!(totals.admitted, totals.ended());
        Ok(())
    });
}

#[test]
fn once_everybody_left_a_half_open_breaker_has_all_its_trial_slots() {
    for max_trials in 1..=3 {
        holds(async |operations| {
            let breaker = breaker(max_trials, 1);
            let (mut open, _) = carry_out(&breaker, operations).await;
            while breaker.state() == State::Closed {
                open.extend(breaker.admit());
                open.pop()
                    .expect("it was admitted")
                    .report(Outcome::Failure);
            }
            drop(open);
            time::sleep(OPEN_FOR + Duration::from_millis(1)).await;
            // Trials that somebody gave up are no reason to wait.
            let trials: Vec<_> = (0..2 * max_trials)
                .map_while(|_| breaker.admit().ok())
                .collect();
            prop_assert_eq!(breaker.state(), State::HalfOpen);
            let successes = breaker.counts().successes;
            prop_assert_eq!(trials.len() as u64 + successes, max_trials);
            Ok(())
        });
    }
}
