//! The mistakes that clusters make: one test for each edge case of their specification.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::{Balancer, Endpoint, NoEndpoint};
use super::tests::{Bed, hosts, zoned};
use super::*;

#[test]
fn lb_23_a_panic_with_nobody_to_call_is_an_error_and_no_default() {
    let bed = Bed::new(Policy::default(), &hosts("a b 1/c"));
    bed.set("a b c", Health::Draining);
    let none = NoEndpoint::NoneEligible { endpoints: 3 };
    assert_eq!(bed.pick("").unwrap_err(), none);
    bed.set("a b c", Health::Unhealthy);
    assert_eq!(bed.pick("a b c").unwrap_err(), none);
    bed.cluster.clear();
    assert_eq!(bed.pick("").unwrap_err(), NoEndpoint::Empty);
    assert_eq!(bed.cluster.counters().refused, 3);
}

#[test]
fn lb_24_a_zone_is_never_in_panic_by_itself() {
    let policy = zoned(&[("x", 1), ("y", 1)]);
    let list = "0/x/a 0/x/b 0/x/c 0/y/d 0/y/e 0/y/f 0/y/g 0/y/h";
    let bed = Bed::new(policy, &hosts(list));
    // A third of zone x is healthy, and three quarters of the priority.
    bed.set("a b", Health::Unhealthy);
    let shares = bed.shares(6_000);
    assert!(
        !shares.contains_key("a") && !shares.contains_key("b"),
        "{shares:?}"
    );
    assert_eq!(shares.len(), 6);
    assert_eq!(bed.cluster.counters().in_panic, 0);
    // And if the priority is in panic, all of it is.
    bed.set("d e f", Health::Unhealthy);
    assert_eq!(bed.shares(6_000).len(), 8);
}

#[test]
fn lb_28_after_a_failure_the_others_share_equally() {
    let bed = Bed::new(Policy::default(), &hosts("a b c d e"));
    bed.shares(7);
    bed.set("c", Health::Unhealthy);
    let shares = bed.shares(400);
    for name in ["a", "b", "d", "e"] {
        assert_eq!(shares[name], 100, "{shares:?}");
    }
}

#[test]
fn lb_28_after_a_failure_in_a_zone_the_others_share_equally() {
    let policy = zoned(&[("x", 1), ("y", 1)]);
    let list = "0/x/a 0/x/b 0/x/c 0/x/d 0/y/e 0/y/f 0/y/g";
    let bed = Bed::new(policy, &hosts(list));
    bed.set("b", Health::Unhealthy);
    let shares = bed.shares(300);
    for name in ["a", "c", "d"] {
        assert_eq!(shares[name], 100, "{shares:?}");
    }
}

#[derive(Default)]
struct Alarms(AtomicUsize);

impl Observer for Alarms {
    fn empty_set_ignored(&self, kept: usize) {
        self.0.fetch_add(kept, Ordering::Relaxed);
    }
}

#[test]
fn lb_29_an_empty_set_keeps_the_last_good_one_and_raises_an_alarm() {
    let alarms = Arc::new(Alarms::default());
    let bed = Bed::watched(Policy::default(), &hosts("a 1/b"), alarms.clone());
    let held = bed.pick("").unwrap();
    assert_eq!(bed.cluster.replace(&[]), Err(EmptySet { kept: 2 }));
    assert_eq!(alarms.0.load(Ordering::Relaxed), 2);
    bed.cluster.update(&[]);
    assert_eq!(alarms.0.load(Ordering::Relaxed), 4);
    assert_eq!(bed.cluster.loads(), [("a".into(), 1), ("b".into(), 0)]);
    assert_eq!(&**bed.pick("a").unwrap().endpoint(), "b");
    drop(held);
    bed.cluster.clear();
    assert_eq!(bed.pick("").unwrap_err(), NoEndpoint::Empty);
    assert_eq!(bed.cluster.replace(&[]), Ok(()));
    bed.cluster.update(&[Endpoint::from("c")]);
    assert_eq!(bed.shares(2).len(), 1);
    assert_eq!(alarms.0.load(Ordering::Relaxed), 4);
}
