//! What the detector promises.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::task::spawn;
use tokio::time::{Instant, sleep};

use super::*;
use crate::health::InvalidPolicy;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_nanos(1);

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn names(count: usize) -> Vec<Arc<str>> {
    (0..count).map(|n| format!("{n:03}").into()).collect()
}

fn answered(status: u16) -> Outcome {
    Outcome::Answered(StatusCode::from_u16(status).unwrap())
}

/// A machine, the instant it is looked at, and what happened.
struct Bench {
    machine: Outliers,
    now: Instant,
    events: Vec<Event>,
}

impl Bench {
    fn new(hosts: usize, policy: Policy) -> Self {
        let now = Instant::now();
        let mut machine = Outliers::new(policy, rng(), now).unwrap();
        machine.update(&names(hosts), now);
        Self {
            machine,
            now,
            events: Vec::new(),
        }
    }

    fn report(&mut self, host: usize, outcome: Outcome, times: usize) {
        for _ in 0..times {
            let name = &names(host + 1)[host];
            let events = self.machine.report(name, outcome, self.now);
            self.events.extend(events);
        }
    }

    /// So many calls in percent succeed, of 100.
    fn rate(&mut self, host: usize, percent: usize) {
        self.report(host, answered(500), 100 - percent);
        self.report(host, answered(200), percent);
    }

    fn sweep_after(&mut self, pause: Duration) {
        self.now += pause;
        let events = self.machine.sweep(self.now);
        self.events.extend(events);
    }

    fn is_ejected(&self, host: usize) -> bool {
        self.machine.is_ejected(&names(host + 1)[host])
    }

    fn ejections(&self, host: usize) -> u32 {
        let suspicion = self.machine.suspicion(&names(host + 1)[host]);
        suspicion.unwrap().ejections
    }
}

/// All may be out, and only streaks of 5xx put them there.
fn streaks_only() -> Policy {
    let mut policy = Policy {
        max_ejection_percent: 100,
        ..Policy::default()
    };
    policy.success_rate.enforced = 0;
    policy
}

/// All may be out, and only rates put them there.
fn rates_only() -> Policy {
    let mut policy = streaks_only();
    policy.server_errors.threshold = u32::MAX;
    policy.success_rate.enforced = 100;
    policy
}

#[test]
fn five_errors_in_a_row_eject_and_a_success_between_them_does_not() {
    let mut bench = Bench::new(10, Policy::default());
    bench.report(0, answered(500), 4);
    bench.report(0, answered(404), 1);
    bench.report(0, answered(500), 4);
    bench.report(0, Outcome::Cancelled, 9);
    assert!(!bench.is_ejected(0));
    bench.report(0, answered(599), 1);
    assert!(bench.is_ejected(0));
    let [Event::Ejected { reason, until, .. }] = &bench.events[..] else {
        panic!("{:?}", bench.events);
    };
    assert_eq!(*reason, Reason::ServerErrors);
    assert_eq!(*until, bench.now + 30 * SECOND);
}

#[test]
fn streaks_begin_anew_on_ejection_and_on_return() {
    let mut bench = Bench::new(1, streaks_only());
    bench.report(0, answered(500), 5);
    // Nobody counts what an ejected endpoint still answers.
    bench.report(0, answered(500), 4);
    bench.sweep_after(30 * SECOND);
    assert!(!bench.is_ejected(0));
    bench.report(0, answered(500), 4);
    assert!(!bench.is_ejected(0));
    bench.report(0, answered(500), 1);
    assert!(bench.is_ejected(0));
}

#[test]
fn gateway_failures_are_told_but_not_enforced_unless_asked_for() {
    let mut policy = streaks_only();
    policy.server_errors.threshold = 100;
    let mut bench = Bench::new(1, policy);
    bench.report(0, answered(502), 4);
    bench.report(0, answered(500), 1);
    bench.report(0, answered(504), 4);
    assert!(bench.events.is_empty());
    bench.report(0, answered(503), 1);
    assert!(!bench.is_ejected(0));
    let told = &bench.events[..];
    let expected = (Reason::GatewayFailures, Mercy::NotEnforced);
    assert!(
        matches!(told, [Event::Spared { reason, mercy, .. }] if (*reason, *mercy) == expected),
        "{told:?}"
    );
    policy.gateway_failures.enforced = 100;
    let mut bench = Bench::new(1, policy);
    bench.report(0, answered(503), 5);
    assert!(bench.is_ejected(0));
}

#[test]
fn failures_of_our_side_count_as_answers_of_503_unless_they_are_split() {
    let mut bench = Bench::new(1, streaks_only());
    bench.report(0, Outcome::Failed(Local::Connect), 2);
    bench.report(0, answered(500), 1);
    bench.report(0, Outcome::Failed(Local::Timeout), 2);
    assert!(bench.is_ejected(0));

    let mut policy = streaks_only();
    policy.split_local_origin = true;
    policy.local_failures.threshold = 3;
    let mut bench = Bench::new(1, policy);
    bench.report(0, Outcome::Failed(Local::Connect), 2);
    bench.report(0, answered(500), 4);
    bench.report(0, Outcome::Failed(Local::Reset), 2);
    assert!(!bench.is_ejected(0));
    bench.report(0, Outcome::Failed(Local::Timeout), 1);
    let ejected = bench.events.pop();
    assert!(
        matches!(
            ejected,
            Some(Event::Ejected {
                reason: Reason::LocalFailures,
                ..
            })
        ),
        "{ejected:?}"
    );
}

/// How many are out after all of a set failed.
fn out_of(hosts: usize, policy: Policy) -> usize {
    let mut bench = Bench::new(hosts, policy);
    for host in 0..hosts {
        bench.report(host, answered(500), 5);
    }
    let counters = bench.machine.counters();
    assert_eq!(counters.ejections + counters.capped, hosts as u64);
    bench.machine.ejected()
}

#[test]
fn the_cap_is_never_rounded_up_nor_down() {
    let out = [3, 9, 10, 19, 20, 100, 1000].map(|hosts| out_of(hosts, Policy::default()));
    assert_eq!(out, [0, 0, 1, 1, 2, 10, 100]);
    let third = Policy {
        max_ejection_percent: 34,
        ..Policy::default()
    };
    assert_eq!(
        [1, 2, 3, 5, 6].map(|hosts| out_of(hosts, third)),
        [0, 0, 1, 1, 2]
    );
    let all = Policy {
        max_ejection_percent: 100,
        ..Policy::default()
    };
    assert_eq!([1, 3, 7].map(|hosts| out_of(hosts, all)), [1, 3, 7]);
}

#[test]
fn a_small_set_ejects_one_if_that_is_asked_for_and_never_two() {
    let policy = Policy {
        always_eject_one: true,
        ..Policy::default()
    };
    assert_eq!(
        [1, 2, 3, 9, 10, 20].map(|hosts| out_of(hosts, policy)),
        [1, 1, 1, 1, 1, 2]
    );
    let none = Policy {
        max_ejection_percent: 0,
        ..policy
    };
    assert_eq!(out_of(50, none), 1);
}

#[test]
fn of_equals_none_is_an_outlier_however_bad() {
    // One success in three is no round number: the mean of equal rates is not always their value.
    for deviations in [0.1, 0.5, 1.0, 1.9] {
        for (failed, good) in [(100, 0), (200, 100), (90, 210), (0, 100)] {
            for hosts in 5..=20 {
                let mut policy = rates_only();
                policy.success_rate.deviations = deviations;
                let mut bench = Bench::new(hosts, policy);
                for host in 0..hosts {
                    bench.report(host, answered(500), failed);
                    bench.report(host, answered(200), good);
                }
                bench.sweep_after(10 * SECOND);
                let spared = |event: &Event| {
                    matches!(
                        event,
                        Event::Spared {
                            reason: Reason::FailurePercentage { .. },
                            ..
                        }
                    )
                };
                assert!(bench.events.iter().all(spared), "{:?}", bench.events);
                assert_eq!(bench.machine.ejected(), 0);
            }
        }
    }
}

#[test]
fn a_rate_is_judged_strictly_below_the_threshold() {
    // Mean 90, deviation 20: two deviations below is exactly 50.
    for (deviations, ejected) in [(2.0, false), (1.999, true)] {
        let mut policy = rates_only();
        policy.success_rate.deviations = deviations;
        let mut bench = Bench::new(5, policy);
        bench.rate(0, 50);
        (1..5).for_each(|host| bench.rate(host, 100));
        bench.sweep_after(10 * SECOND);
        assert_eq!(bench.is_ejected(0), ejected, "{deviations}");
    }
}

#[test]
fn exactly_the_failure_percentage_ejects() {
    for (percent, ejected) in [(15, true), (16, false)] {
        let mut policy = rates_only();
        policy.success_rate.enforced = 0;
        policy.failure_percentage.enforced = 100;
        let mut bench = Bench::new(5, policy);
        bench.rate(0, percent);
        (1..5).for_each(|host| bench.rate(host, 100));
        bench.sweep_after(10 * SECOND);
        assert_eq!(bench.is_ejected(0), ejected, "{percent}");
    }
}

#[test]
fn too_few_calls_or_endpoints_decide_nothing() {
    let one_less = |hosts: usize, calls: usize| {
        let mut bench = Bench::new(hosts, rates_only());
        bench.report(0, answered(500), calls);
        (1..hosts).for_each(|host| bench.report(host, answered(200), 100));
        bench.sweep_after(10 * SECOND);
        bench.machine.ejected()
    };
    assert_eq!(one_less(5, 100), 1);
    assert_eq!(one_less(4, 100), 0);
    assert_eq!(one_less(5, 99), 0);
    assert_eq!(one_less(6, 99), 0);
}

#[test]
fn calls_count_in_the_sweep_that_ends_their_interval_and_in_no_other() {
    let mut bench = Bench::new(5, rates_only());
    (0..5).for_each(|host| bench.report(host, answered(200), 99));
    bench.sweep_after(10 * SECOND);
    bench.report(0, answered(500), 99);
    bench.sweep_after(10 * SECOND);
    assert!(bench.events.is_empty(), "{:?}", bench.events);
    let suspicion = bench.machine.suspicion("000").unwrap();
    assert_eq!(suspicion.success_rate, Some(0.0));
    bench.sweep_after(10 * SECOND);
    let suspicion = bench.machine.suspicion("000").unwrap();
    assert_eq!(suspicion.success_rate, None);
}

#[test]
fn who_is_out_is_no_measure_for_the_others() {
    let mut bench = Bench::new(6, rates_only());
    bench.rate(0, 0);
    (1..6).for_each(|host| bench.rate(host, 100));
    bench.sweep_after(10 * SECOND);
    assert!(bench.is_ejected(0));
    // With its 0 % among them, 90 % would pass for normal.
    bench.rate(0, 0);
    bench.rate(1, 90);
    (2..6).for_each(|host| bench.rate(host, 100));
    bench.sweep_after(10 * SECOND);
    assert!(bench.is_ejected(1));
}

#[test]
fn with_room_for_one_the_worst_goes() {
    let mut policy = rates_only();
    policy.max_ejection_percent = 10;
    policy.success_rate.deviations = 1.0;
    let mut bench = Bench::new(10, policy);
    (0..10).for_each(|host| bench.rate(host, if host == 7 { 30 } else { 100 }));
    bench.report(3, answered(500), 200);
    bench.sweep_after(10 * SECOND);
    let out: Vec<_> = (0..10).filter(|&host| bench.is_ejected(host)).collect();
    assert_eq!(out, [7]);
    assert_eq!(bench.machine.counters().capped, 1);
}

#[test]
fn an_endpoint_returns_at_the_first_sweep_at_its_time_not_before() {
    let mut bench = Bench::new(1, streaks_only());
    bench.report(0, answered(500), 5);
    bench.sweep_after(30 * SECOND - TICK);
    assert!(bench.is_ejected(0));
    bench.sweep_after(TICK);
    assert!(!bench.is_ejected(0));
    // A clock that steps back brings nobody back, and no time counts twice.
    bench.report(0, answered(500), 5);
    bench.now -= 20 * SECOND;
    bench.sweep_after(60 * SECOND);
    assert!(bench.is_ejected(0));
    bench.sweep_after(40 * SECOND - TICK);
    assert!(bench.is_ejected(0));
    bench.sweep_after(TICK);
    assert!(!bench.is_ejected(0));
}

#[test]
fn ejections_grow_up_to_the_cap_and_shrink_with_rest() {
    let policy = Policy {
        max_ejection: 100 * SECOND,
        ..streaks_only()
    };
    let mut bench = Bench::new(1, policy);
    for (nth, seconds) in [(1, 30), (2, 60), (3, 90), (4, 100), (5, 100), (5, 100)] {
        bench.report(0, answered(500), 5);
        assert_eq!(bench.ejections(0), nth);
        bench.sweep_after(seconds * SECOND - TICK);
        assert!(bench.is_ejected(0), "{nth}");
        bench.sweep_after(TICK);
        assert!(!bench.is_ejected(0), "{nth}");
    }
    bench.sweep_after(10 * SECOND - TICK);
    assert_eq!(bench.ejections(0), 5);
    bench.sweep_after(TICK);
    assert_eq!(bench.ejections(0), 4);
    (0..9).for_each(|_| bench.sweep_after(10 * SECOND));
    assert_eq!(bench.ejections(0), 0);
}

#[test]
fn jitter_only_lengthens_and_parts_those_that_went_together() {
    let policy = Policy {
        ejection_jitter: 5 * SECOND,
        ..streaks_only()
    };
    let mut bench = Bench::new(20, policy);
    (0..20).for_each(|host| bench.report(host, answered(500), 5));
    let mut longer: Vec<_> = bench
        .events
        .iter()
        .map(|event| match event {
            Event::Ejected { at, until, .. } => *until - *at - 30 * SECOND,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(longer.iter().all(|longer| *longer <= 5 * SECOND));
    longer.sort();
    longer.dedup();
    assert_eq!(longer.len(), 20);
}

#[test]
fn an_update_keeps_those_that_stay_and_forgets_those_that_leave() {
    let mut bench = Bench::new(3, streaks_only());
    bench.report(0, answered(500), 4);
    bench.report(1, answered(500), 5);
    bench.report(2, answered(500), 5);
    let now = bench.now;
    let stay: Vec<Arc<str>> = ["000", "001", "001", "new"].map(Into::into).to_vec();
    bench.machine.update(&stay, now);
    assert!(bench.is_ejected(1));
    assert!(!bench.is_ejected(2));
    bench.report(2, answered(500), 1);
    assert_eq!(bench.machine.counters().unknown, 1);
    bench.report(0, answered(500), 1);
    assert!(bench.is_ejected(0));
    bench.machine.update(&names(3), now);
    assert!(!bench.is_ejected(2), "it came back as another");
    let counters = *bench.machine.counters();
    assert_eq!(counters.left, 1);
    assert_eq!(counters.ejections, counters.left + counters.returns + 2);
    assert_eq!(counters.reports, counters.failed + counters.unknown);
}

#[test]
fn policies_that_cannot_be_meant_are_refused() {
    let refused = |change: fn(&mut Policy)| {
        let mut policy = Policy::default();
        change(&mut policy);
        Outliers::new(policy, rng(), Instant::now()).err()
    };
    assert_eq!(refused(|_| ()), None);
    let zero = |name| Some(InvalidPolicy::Zero(name));
    assert_eq!(refused(|p| p.interval = Duration::ZERO), zero("interval"));
    assert_eq!(
        refused(|p| p.server_errors.threshold = 0),
        zero("server_errors.threshold")
    );
    assert_eq!(
        refused(|p| p.failure_percentage.threshold = 0),
        zero("failure_percentage.threshold")
    );
    assert_eq!(
        refused(|p| p.success_rate.request_volume = 0),
        zero("success_rate.request_volume")
    );
    let range = |name| Some(InvalidPolicy::OutOfRange(name));
    assert_eq!(
        refused(|p| p.max_ejection_percent = 101),
        range("max_ejection_percent")
    );
    assert_eq!(
        refused(|p| p.gateway_failures.enforced = 101),
        range("gateway_failures.enforced")
    );
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut policy = Policy::default();
        policy.success_rate.deviations = bad;
        assert_eq!(policy.validate().err(), range("success_rate.deviations"));
    }
    assert_eq!(
        refused(|p| p.max_ejection = SECOND),
        Some(InvalidPolicy::Exceeds("base_ejection", "max_ejection"))
    );
    assert_eq!(
        refused(|p| p.ejection_jitter = Duration::MAX),
        Some(InvalidPolicy::TooLong("ejection_jitter"))
    );
}

/// Asks the detector from within the observer, and panics if told to.
#[derive(Default)]
struct Curious {
    detector: Mutex<Option<OutlierDetector>>,
    seen: AtomicUsize,
}

impl Observer for Curious {
    fn happened(&self, name: &str, event: &Event) {
        assert_eq!(name, "set");
        let detector = self.detector.lock().unwrap().clone().unwrap();
        if let Event::Ejected { endpoint, .. } = event {
            assert!(detector.is_ejected(endpoint));
        }
        self.seen.fetch_add(1, Ordering::Relaxed);
    }
}

fn swift() -> Policy {
    Policy {
        interval: Duration::from_millis(20),
        base_ejection: Duration::from_millis(40),
        ..streaks_only()
    }
}

fn detector(policy: Policy, observer: Arc<dyn Observer>) -> OutlierDetector {
    let detector = OutlierDetector::new("set", policy, rng(), observer).unwrap();
    detector.update(&names(3));
    detector
}

#[tokio::test]
async fn the_driver_brings_back_what_was_ejected_and_stops_when_dropped() {
    let observer = Arc::new(Curious::default());
    let detector = detector(swift(), observer.clone());
    *observer.detector.lock().unwrap() = Some(detector.clone());
    let fail = || (0..5).for_each(|_| detector.report("001", answered(500)));
    fail();
    assert!(detector.is_ejected("001"));
    let driver = spawn(detector.clone().run());
    while detector.is_ejected("001") {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(observer.seen.load(Ordering::Relaxed), 2);
    driver.abort();
    assert!(driver.await.unwrap_err().is_cancelled());
    fail();
    sleep(Duration::from_millis(200)).await;
    assert!(detector.is_ejected("001"), "nobody sweeps");
    let _again = spawn(detector.clone().run());
    while detector.is_ejected("001") {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(detector.counters().returns, 2);
}

#[test]
fn a_panic_of_the_observer_poisons_nothing() {
    struct Panics;
    impl Observer for Panics {
        fn happened(&self, _: &str, _: &Event) {
            panic!("asked for");
        }
    }
    let detector = detector(streaks_only(), Arc::new(Panics));
    (0..4).for_each(|_| detector.report("001", answered(500)));
    let last = std::panic::AssertUnwindSafe(|| detector.report("001", answered(500)));
    assert!(std::panic::catch_unwind(last).is_err());
    assert!(detector.is_ejected("001"));
    detector.report("002", answered(200));
    assert_eq!(detector.counters().reports, 6);
}

#[test]
fn a_result_of_the_client_says_what_it_says_of_the_endpoint() {
    use crate::http::{Error, Sent};
    let of = |error| Outcome::of::<()>(&Err(error));
    let sent = Sent::Maybe;
    assert_eq!(of(Error::ConnectRefused), Outcome::Failed(Local::Connect));
    assert_eq!(
        of(Error::ConnectTimeout(SECOND)),
        Outcome::Failed(Local::Connect)
    );
    assert_eq!(
        of(Error::Deadline { sent }),
        Outcome::Failed(Local::Timeout)
    );
    assert_eq!(of(Error::Closed { sent }), Outcome::Failed(Local::Reset));
    assert_eq!(of(Error::BodyTooLarge { limit: 1 }), Outcome::Cancelled);
    assert_eq!(of(Error::Canceled), Outcome::Cancelled);
    let mut answer = http::Response::new(());
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    assert_eq!(Outcome::of(&Ok(answer)), answered(502));
}
