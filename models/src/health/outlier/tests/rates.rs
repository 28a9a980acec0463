//! Rates among peers and by themselves.

use super::*;

#[test]
fn of_equals_none_is_an_outlier_however_bad() {
    // The mean of equal rates is not always exactly their value: with 1 of 101 it comes out above.
    for deviations in [0.1, 0.5, 1.0, 1.9] {
        for (failed, good) in [(100, 0), (200, 100), (100, 1), (94, 7), (0, 100)] {
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
