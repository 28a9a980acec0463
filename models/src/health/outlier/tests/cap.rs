//! How many may be out.

use super::*;

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
