//! What the checks promise: the machine of one endpoint, and the future that probes a set.

mod driver;
mod probes;

use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::*;
use crate::health::InvalidPolicy;

const SECOND: Duration = Duration::from_secs(1);

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn set(list: &str) -> Vec<Arc<str>> {
    list.split_whitespace().map(Into::into).collect()
}

/// Without jitter: 3 failures out, 2 successes in.
fn plain() -> Policy {
    Policy {
        initial_jitter: Duration::ZERO,
        ..Policy::default()
    }
}

/// A check whose probes answer at once, when they are due.
struct Bench {
    check: Check,
    rng: ChaCha8Rng,
    traffic: bool,
}

impl Bench {
    fn new(policy: Policy) -> Self {
        let mut rng = rng();
        Self {
            check: Check::new(policy, &mut rng, Instant::now()).unwrap(),
            rng,
            traffic: true,
        }
    }

    /// Makes the next probe; the answer is how long it then is to the next.
    fn probe(&mut self, probed: Probed) -> Duration {
        let at = self.check.due();
        let traffic = self.traffic;
        self.check.ended(probed, at, at, traffic, &mut self.rng);
        self.check.due() - at
    }

    /// After each probe of `.` (passed), `x` (failed) and `!` (condemned): healthy or not.
    fn course(&mut self, probes: &str) -> String {
        let each = probes.chars().map(|probe| {
            self.probe(match probe {
                '.' => Probed::Passed,
                'x' => Probed::Failed,
                _ => Probed::Condemned,
            });
            if self.check.is_healthy() { '+' } else { '-' }
        });
        each.collect()
    }
}

#[test]
fn on_start_one_success_is_enough_and_only_as_the_very_first() {
    assert_eq!(Bench::new(plain()).course("."), "+");
    assert_eq!(Bench::new(plain()).course("x.."), "--+");
    assert_eq!(Bench::new(plain()).course("!.."), "--+");
}

#[test]
fn thresholds_count_in_a_row_and_both_ways() {
    assert_eq!(Bench::new(plain()).course(".xx.xxx"), "++++++-");
    assert_eq!(Bench::new(plain()).course(".xxx.x.."), "+++----+");
}

#[test]
fn a_wrong_status_is_enough_whatever_the_threshold() {
    assert_eq!(Bench::new(plain()).course(".!.."), "+--+");
    assert_eq!(Bench::new(plain()).course(".x!"), "++-");
}

#[test]
fn edge_intervals_hold_once_right_after_a_change() {
    let policy = Policy {
        unhealthy_interval: Some(30 * SECOND),
        unhealthy_edge_interval: Some(2 * SECOND),
        healthy_edge_interval: Some(3 * SECOND),
        ..plain()
    };
    let mut bench = Bench::new(policy);
    let mut waits = |probes: &[Probed]| -> Vec<u64> {
        probes
            .iter()
            .map(|&probed| bench.probe(probed).as_secs())
            .collect()
    };
    use Probed::{Condemned, Failed, Passed};
    assert_eq!(waits(&[Passed, Passed, Failed, Failed]), [3, 10, 10, 10]);
    assert_eq!(waits(&[Failed, Failed, Passed]), [2, 30, 30]);
    assert_eq!(waits(&[Passed, Condemned]), [3, 2]);
}

#[test]
fn without_traffic_the_interval_is_long_until_there_is_some() {
    let mut bench = Bench::new(plain().idle_until_traffic());
    bench.traffic = false;
    assert_eq!(bench.probe(Probed::Passed), 60 * SECOND);
    let now = bench.check.due() - 50 * SECOND;
    bench.check.hurry(now);
    assert_eq!(bench.check.due(), now + 10 * SECOND);
    bench.traffic = true;
    assert_eq!(bench.probe(Probed::Passed), 10 * SECOND);
    // What is due sooner anyway is not put off.
    let due = bench.check.due();
    bench.check.hurry(due - SECOND);
    assert_eq!(bench.check.due(), due);
}

#[test]
fn intervals_run_from_start_to_start_and_never_into_the_past() {
    let mut bench = Bench::new(plain());
    let began = bench.check.due();
    let ended = began + 4 * SECOND;
    bench
        .check
        .ended(Probed::Passed, began, ended, true, &mut bench.rng);
    assert_eq!(bench.check.due(), began + 10 * SECOND);
    let late = began + 25 * SECOND;
    bench
        .check
        .ended(Probed::Passed, began, late, true, &mut bench.rng);
    assert_eq!(bench.check.due(), late);
}

#[test]
fn jitter_parts_the_first_probes_and_every_interval() {
    let policy = Policy {
        initial_jitter: SECOND,
        interval_jitter: SECOND,
        ..Policy::default()
    };
    let (mut rng, now) = (rng(), Instant::now());
    let mut firsts: Vec<_> = (0..50)
        .map(|_| Check::new(policy, &mut rng, now).unwrap().due() - now)
        .collect();
    firsts.sort();
    firsts.dedup();
    assert_eq!(firsts.len(), 50);
    assert!(firsts[49] <= SECOND);
    let mut bench = Bench::new(policy);
    let mut waits: Vec<_> = (0..50).map(|_| bench.probe(Probed::Passed)).collect();
    waits.sort();
    waits.dedup();
    assert_eq!(waits.len(), 50);
    assert!(waits[0] >= 10 * SECOND && waits[49] <= 11 * SECOND);
}

#[test]
fn the_bound_of_detection_is_stated() {
    assert_eq!(plain().longest_detection(), 31 * SECOND);
    let jittered = Policy {
        interval_jitter: SECOND,
        ..plain()
    };
    assert_eq!(jittered.longest_detection(), 34 * SECOND);
    let edge = Policy {
        healthy_edge_interval: Some(15 * SECOND),
        ..plain()
    };
    assert_eq!(edge.longest_detection(), 36 * SECOND);
}

#[test]
fn policies_that_cannot_be_meant_are_refused() {
    let refused = |change: fn(&mut Policy)| {
        let mut policy = plain();
        change(&mut policy);
        Check::new(policy, &mut rng(), Instant::now()).err()
    };
    assert_eq!(refused(|_| ()), None);
    assert_eq!(refused(|p| p.timeout = p.interval), None);
    let zero = |name| Some(InvalidPolicy::Zero(name));
    assert_eq!(refused(|p| p.interval = Duration::ZERO), zero("interval"));
    assert_eq!(
        refused(|p| p.healthy_threshold = 0),
        zero("healthy_threshold")
    );
    assert_eq!(
        refused(|p| p.unhealthy_threshold = 0),
        zero("unhealthy_threshold")
    );
    let edge = |p: &mut Policy| p.healthy_edge_interval = Some(Duration::ZERO);
    assert_eq!(refused(edge), zero("healthy_edge_interval"));
    assert_eq!(
        refused(|p| p.timeout = p.interval + Duration::from_nanos(1)),
        Some(InvalidPolicy::Exceeds("timeout", "interval"))
    );
    assert_eq!(
        refused(|p| p.interval_jitter = Duration::MAX),
        Some(InvalidPolicy::TooLong("interval_jitter"))
    );
}
