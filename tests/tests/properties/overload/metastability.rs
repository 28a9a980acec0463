//! A second of trouble: with a guard goodput returns within a second of its end, without one the retries
//! of the callers keep the service down for good.

use super::service::{Course, Goodput, run};
use windtunnel_models::overload::bulkhead::{Compartment, Order};
use windtunnel_models::overload::shed::CodelPolicy;

const SEEDS: u64 = 10;
/// The second in which there is trouble, and how many are looked at.
const TROUBLE: (u64, u64) = (2, 3);
const LASTS: u64 = 30;

fn course(pending: usize, order: Order, knows_deadlines: bool) -> Course {
    Course {
        compartment: Compartment {
            concurrency: 4,
            pending,
            max_wait: None,
            order,
        },
        knows_deadlines,
        trouble: TROUBLE,
        lasts: LASTS,
    }
}

/// Which part of the calls begun between two seconds was answered in time, roughly.
fn part(run: &Goodput, from: u64, to: u64) -> f64 {
    let tenths = from as usize * 10..to as usize * 10;
    let sum = |counts: &[u32]| f64::from(counts[tenths.clone()].iter().sum::<u32>());
    sum(&run.done) / sum(&run.begun)
}

/// A run of each seed, all of which were good before the trouble.
fn runs(course: Course) -> impl Iterator<Item = (u64, Goodput)> {
    (0..SEEDS).map(move |seed| {
        let run = run(course, seed);
        let before = part(&run, 0, TROUBLE.0);
        assert!(before > 0.95, "seed {seed}: {before} before");
        (seed, run)
    })
}

/// A second after the trouble it is as good as before it, and stays so.
fn comes_back(course: Course) {
    for (seed, run) in runs(course) {
        for second in TROUBLE.1 + 1..LASTS {
            let after = part(&run, second, second + 1);
            assert!(after > 0.9, "seed {seed}: {after} in second {second}");
        }
    }
}

/// It does not come back in the half minute that is looked at.
fn stays_down(course: Course) {
    for (seed, run) in runs(course) {
        let after = part(&run, TROUBLE.1 + 1, LASTS);
        assert!(after < 0.1, "seed {seed}: {after}");
    }
}

#[test]
fn without_a_guard_retries_keep_a_service_down_after_the_trouble_has_ended() {
    stays_down(course(1 << 20, Order::Fifo, false));
}

#[test]
fn with_a_short_queue_it_comes_back_within_a_second() {
    comes_back(course(20, Order::Fifo, false));
}

#[test]
fn with_a_queue_that_turns_round_and_knows_deadlines_it_comes_back_within_a_second() {
    let adaptive = Order::Adaptive(CodelPolicy::default());
    comes_back(course(1 << 20, adaptive, true));
}
