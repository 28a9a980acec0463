//! A second of trouble: with a guard goodput returns within a second of its end, without one the retries
//! of the callers keep the service down for good.

use super::service::{Course, run};
use windtunnel_models::overload::bulkhead::{Compartment, Order};
use windtunnel_models::overload::shed::CodelPolicy;

const SEEDS: u64 = 10;
/// Seconds: the trouble ends, and so long it is looked at.
const ENDS: u64 = 3;
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
        trouble: (2, ENDS),
        lasts: LASTS,
    }
}

/// Which part of the calls begun between two seconds was answered in time, roughly.
fn goodput(course: Course, seed: u64, (from, to): (u64, u64)) -> f64 {
    let run = run(course, seed);
    let seconds = from as usize * 10..to as usize * 10;
    let sum = |tenths: &[u32]| f64::from(tenths[seconds.clone()].iter().sum::<u32>());
    sum(&run.done) / sum(&run.begun)
}

/// A second after the trouble it is as good as before it.
fn comes_back(course: Course) {
    for seed in 0..SEEDS {
        let before = goodput(course, seed, (0, 2));
        assert!(before > 0.95, "seed {seed}: {before} before");
        for second in ENDS + 1..LASTS {
            let after = goodput(course, seed, (second, second + 1));
            assert!(after > 0.9, "seed {seed}: {after} in second {second}");
        }
    }
}

/// It does not come back in the half minute that is looked at.
fn stays_down(course: Course) {
    for seed in 0..SEEDS {
        let before = goodput(course, seed, (0, 2));
        assert!(before > 0.95, "seed {seed}: {before} before");
        let after = goodput(course, seed, (ENDS + 1, LASTS));
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
