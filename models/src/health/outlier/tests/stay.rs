//! How long an ejection lasts, what an update keeps, and which policies are refused.

use super::*;

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
    bench.sweep_after(20 * SECOND - TICK);
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
