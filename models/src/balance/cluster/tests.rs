//! What a cluster promises, in small sets.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::super::{Balancer, Call, Endpoint, InFlight, NoEndpoint, RoundRobin};
use super::zone::ZonePolicy;
use super::*;

/// A cluster of turn takers, and the health of those that are not healthy.
pub(super) struct Bed {
    pub(super) cluster: Arc<Cluster>,
    health: Arc<Mutex<BTreeMap<Arc<str>, Health>>>,
}

impl Bed {
    pub(super) fn new(policy: Policy, hosts: &[Host]) -> Self {
        Self::watched(policy, hosts, Arc::new(()))
    }

    pub(super) fn watched(policy: Policy, hosts: &[Host], observer: Arc<dyn Observer>) -> Self {
        let health: Arc<Mutex<BTreeMap<Arc<str>, Health>>> = Arc::default();
        let known = health.clone();
        let turns =
            |endpoints: &[Endpoint]| -> Box<dyn Balancer> { Box::new(RoundRobin::new(endpoints)) };
        let cluster = Cluster::new(policy, turns, rng()).unwrap();
        let judge = move |name: &Arc<str>| {
            let known = known.lock().unwrap();
            known.get(name).copied().unwrap_or(Health::Healthy)
        };
        let cluster = cluster.judged_by(judge).watched_by(observer);
        cluster.replace(hosts).unwrap();
        Self {
            cluster: Arc::new(cluster),
            health,
        }
    }

    pub(super) fn set(&self, names: &str, health: Health) {
        for name in names.split_whitespace() {
            self.health.lock().unwrap().insert(name.into(), health);
        }
    }

    pub(super) fn pick(&self, barred: &str) -> Result<InFlight, NoEndpoint> {
        let barred: Vec<_> = barred.split_whitespace().collect();
        let call = Call {
            eligible: &|name| !barred.contains(&&**name),
            ..Call::default()
        };
        self.cluster.pick(&call, &mut |_| true)
    }

    /// How many of `calls` each gets; those that fail are not counted.
    pub(super) fn shares(&self, calls: usize) -> BTreeMap<String, usize> {
        let mut shares = BTreeMap::new();
        for picked in (0..calls).filter_map(|_| self.pick("").ok()) {
            *shares.entry(picked.endpoint().to_string()).or_insert(0) += 1;
        }
        shares
    }
}

pub(super) fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(11)
}

/// Names as `p/z/name`, `p/name` or `name`: priority and zone.
pub(super) fn hosts(list: &str) -> Vec<Host> {
    let host = |text: &str| match text.split('/').collect::<Vec<_>>()[..] {
        [name] => Host::new(name),
        [priority, name] => Host::new(name).at_priority(priority.parse().unwrap()),
        [priority, zone, name] => {
            let priority = priority.parse().unwrap();
            Host::new(name).at_priority(priority).in_zone(zone)
        }
        _ => panic!("{text}"),
    };
    list.split_whitespace().map(host).collect()
}

/// Zone-aware in zone `x`, with so many callers in each.
pub(super) fn zoned(callers: &[(&str, u32)]) -> Policy {
    let callers = callers.iter().map(|(zone, count)| ((*zone).into(), *count));
    Policy {
        zones: Some(ZonePolicy::new("x", callers.collect())),
        ..Policy::default()
    }
}

/// Within one percentage point.
#[track_caller]
pub(super) fn close(part: usize, all: usize, percent: f64) {
    let got = part as f64 * 100.0 / all as f64;
    assert!((got - percent).abs() <= 1.0, "{got} instead of {percent}");
}

#[test]
fn a_priority_spills_over_by_its_health() {
    let bed = Bed::new(Policy::default(), &hosts("a b 1/c 1/d"));
    assert_eq!(bed.shares(1000).keys().collect::<Vec<_>>(), ["a", "b"]);
    bed.set("b", Health::Unhealthy);
    let shares = bed.shares(20_000);
    close(shares["a"], 20_000, 70.0);
    assert!(shares["c"].abs_diff(shares["d"]) <= 1, "{shares:?}");
    assert!(!shares.contains_key("b"));
    bed.set("a", Health::Unhealthy);
    assert_eq!(bed.shares(1000).keys().collect::<Vec<_>>(), ["c", "d"]);
}

#[test]
fn all_in_panic_share_by_size_and_health_is_ignored() {
    let bed = Bed::new(Policy::default(), &hosts("a b c 1/d"));
    bed.set("a b c d", Health::Unhealthy);
    let shares = bed.shares(20_000);
    assert_eq!(shares.len(), 4, "{shares:?}");
    close(shares["d"], 20_000, 25.0);
    assert_eq!(bed.cluster.counters().in_panic, 20_000);
}

#[test]
fn an_unhealthy_endpoint_gets_nothing_outside_of_a_panic() {
    let bed = Bed::new(Policy::default(), &hosts("a b c d"));
    bed.set("a b", Health::Unhealthy);
    assert_eq!(bed.shares(500).keys().collect::<Vec<_>>(), ["c", "d"]);
    assert_eq!(
        bed.pick("c d").unwrap_err(),
        NoEndpoint::NoneEligible { endpoints: 4 }
    );
}

#[test]
fn a_draining_endpoint_counts_as_one_that_left() {
    let bed = Bed::new(Policy::default(), &hosts("a b c d 1/e"));
    bed.set("a b c", Health::Draining);
    assert_eq!(bed.shares(500).keys().collect::<Vec<_>>(), ["d"]);
    bed.set("d e", Health::Unhealthy);
    assert_eq!(bed.shares(500).keys().collect::<Vec<_>>(), ["d", "e"]);
}

#[test]
fn a_call_falls_to_the_next_priority_if_nobody_is_eligible() {
    let bed = Bed::new(Policy::default(), &hosts("a b 1/c 2/d"));
    assert_eq!(&**bed.pick("a b").unwrap().endpoint(), "c");
    assert_eq!(&**bed.pick("a b c").unwrap().endpoint(), "d");
    assert_eq!(
        bed.pick("a b c d").unwrap_err(),
        NoEndpoint::NoneEligible { endpoints: 4 }
    );
}

#[test]
fn everybody_is_asked_once_and_a_refusal_keeps_no_slot() {
    let policy = zoned(&[("x", 1), ("y", 1)]);
    let list = "0/x/a 0/x/b 0/x/c 0/y/d 0/y/e 0/y/f 1/g";
    let bed = Bed::new(policy, &hosts(list));
    let mut asked = Vec::new();
    let refused = bed.cluster.pick(&Call::default(), &mut |name| {
        asked.push(name.to_string());
        false
    });
    assert_eq!(refused.unwrap_err(), NoEndpoint::NoneAdmits { asked: 7 });
    asked.sort();
    assert_eq!(asked, ["a", "b", "c", "d", "e", "f", "g"]);
    assert!(bed.cluster.loads().iter().all(|(_, load)| *load == 0));
    let Counters {
        picked, refused, ..
    } = bed.cluster.counters();
    assert_eq!((picked, refused), (0, 1));
}

#[test]
fn calls_of_one_key_stay_together_also_when_they_spill() {
    let bed = Bed::new(Policy::default(), &hosts("a b 1/c 1/d"));
    bed.set("b", Health::Unhealthy);
    let mut spilt = 0;
    for key in 0..10_000 {
        let call = Call {
            key: Some(key),
            ..Call::default()
        };
        let tier = || {
            let picked = bed.cluster.pick(&call, &mut |_| true).unwrap();
            matches!(&**picked.endpoint(), "c" | "d")
        };
        let first = tier();
        assert!((0..3).all(|_| tier() == first));
        spilt += usize::from(first);
    }
    close(spilt, 10_000, 30.0);
}

#[test]
fn zones_share_by_the_capacity_they_have_left() {
    // Callers 40, 40, 20 %; hosts 25, 50, 25 %: of x 62.5 % stay, y and z take two to one.
    let policy = zoned(&[("x", 4), ("y", 4), ("z", 2)]);
    let list = "0/x/a 0/x/b 0/y/c 0/y/d 0/y/e 0/y/f 0/z/g 0/z/h";
    let bed = Bed::new(policy, &hosts(list));
    let shares = bed.shares(40_000);
    let of = |names: [&str; 2]| names.map(|name| shares[name]).iter().sum();
    close(of(["a", "b"]), 40_000, 62.5);
    close(of(["c", "d"]) + of(["e", "f"]), 40_000, 25.0);
    close(of(["g", "h"]), 40_000, 12.5);
}

#[test]
fn the_turns_of_a_zone_are_not_disturbed_by_calls_to_others() {
    let policy = zoned(&[("x", 2), ("y", 1)]);
    let list = "0/x/a 0/y/d 0/x/b 0/y/e 0/x/c 0/y/f";
    let bed = Bed::new(policy, &hosts(list));
    let shares = bed.shares(9_999);
    for zone in [["a", "b", "c"], ["d", "e", "f"]] {
        let counts = zone.map(|name| shares[name]);
        let spread = counts.iter().max().unwrap() - counts.iter().min().unwrap();
        assert!(spread <= 1, "{shares:?}");
    }
}

#[test]
fn a_zone_that_cannot_take_its_call_hands_it_to_another() {
    let policy = zoned(&[("x", 1), ("y", 1)]);
    let bed = Bed::new(policy, &hosts("0/x/a 0/x/b 0/x/c 0/y/d 0/y/e 0/y/f"));
    assert_eq!(bed.shares(100).keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    let elsewhere = bed.pick("a b c").unwrap();
    assert!(["d", "e", "f"].contains(&&**elsewhere.endpoint()));
}

#[test]
fn zones_count_in_priority_zero_only() {
    let policy = zoned(&[("x", 1), ("y", 1)]);
    let list = "1/x/a 1/x/b 1/x/c 1/y/d 1/y/e 1/y/f";
    let bed = Bed::new(policy.clone(), &hosts(list));
    assert_eq!(bed.shares(600).len(), 6);
    let bed = Bed::new(policy, &hosts(&list.replace("1/", "0/")));
    assert_eq!(bed.shares(600).len(), 3);
}

#[test]
fn zones_do_not_count_in_a_panic() {
    let policy = zoned(&[("x", 1), ("y", 1)]);
    let names = |zone: &str, count| (0..count).map(|i| format!("{zone}{i}")).collect::<Vec<_>>();
    let list = [names("0/x/x", 7), names("0/y/y", 7)].concat().join(" ");
    let bed = Bed::new(policy, &hosts(&list));
    // Six healthy ones are enough for zones, and four of them are in x.
    bed.set("x0 x1 x2 y0 y1 y2 y3", Health::Unhealthy);
    assert_eq!(
        bed.shares(600).keys().collect::<Vec<_>>(),
        ["x3", "x4", "x5", "x6"]
    );
    bed.set("y4", Health::Unhealthy);
    assert_eq!(bed.shares(600).len(), 14);
}

#[test]
fn callers_that_come_to_a_zone_push_calls_out_of_it() {
    let policy = zoned(&[("x", 1), ("y", 1)]);
    let bed = Bed::new(policy, &hosts("0/x/a 0/x/b 0/x/c 0/y/d 0/y/e 0/y/f"));
    let callers = |x, y| BTreeMap::from([("x".into(), x), ("y".into(), y)]);
    bed.cluster.set_callers(callers(3, 1)).unwrap();
    let shares = bed.shares(30_000);
    let local = ["a", "b", "c"].map(|name| shares[name]).iter().sum();
    close(local, 30_000, 66.67);
    let wrong = bed.cluster.set_callers(callers(0, 1));
    assert_eq!(wrong, Err(InvalidPolicy::OwnZoneUnknown));
}

#[test]
fn an_update_keeps_loads_turns_and_places() {
    let bed = Bed::new(Policy::default(), &hosts("a b c 1/d"));
    let held: Vec<_> = ["", "", "a b c"]
        .map(|barred| bed.pick(barred).unwrap())
        .into();
    let names: Vec<_> = held
        .iter()
        .map(|held| held.endpoint().to_string())
        .collect();
    assert_eq!(names, ["a", "b", "d"]);
    bed.cluster
        .update(&["x", "b", "c", "d"].map(Endpoint::from));
    let loads = bed.cluster.loads();
    let expected = [("x", 0), ("b", 1), ("c", 0), ("d", 1)];
    assert_eq!(loads, expected.map(|(name, load)| (name.into(), load)));
    assert_eq!(&**bed.pick("").unwrap().endpoint(), "c");
    assert_eq!(bed.shares(300).len(), 3);
    drop(held);
    assert!(bed.cluster.loads().iter().all(|(_, load)| *load == 0));
}

#[test]
fn a_host_that_moves_begins_anew_and_is_in_one_place() {
    let bed = Bed::new(Policy::default(), &hosts("a b 1/c"));
    let held = bed.pick("b c").unwrap();
    bed.cluster.replace(&hosts("1/a b 1/c")).unwrap();
    assert_eq!(bed.shares(100).keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(bed.cluster.loads()[0], ("a".into(), 0));
    drop(held);
    assert_eq!(bed.cluster.loads()[0], ("a".into(), 0));
}

#[test]
fn of_two_hosts_of_one_name_the_first_counts() {
    let bed = Bed::new(Policy::default(), &hosts("1/a b 0/a"));
    assert_eq!(bed.shares(10).keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(bed.cluster.loads().len(), 2);
}

#[test]
fn a_call_between_two_sets_finds_the_new_one() {
    let bed = Bed::new(Policy::default(), &hosts("a b"));
    let mut asked = Vec::new();
    let picked = bed.cluster.pick(&Call::default(), &mut |name| {
        asked.push(name.to_string());
        bed.cluster.replace(&hosts("c d")).unwrap();
        asked.len() > 1
    });
    assert_eq!(&**picked.unwrap().endpoint(), "c");
    assert_eq!(asked, ["a", "c"]);
}

#[test]
fn a_place_that_is_gone_picks_nobody() {
    let bed = Bed::new(Policy::default(), &hosts("a 1/b"));
    let mut asked = Vec::new();
    let picked = bed.cluster.pick(&Call::default(), &mut |name| {
        asked.push(name.to_string());
        bed.cluster.replace(&hosts("c")).unwrap();
        &**name != "a"
    });
    assert_eq!(&**picked.unwrap().endpoint(), "c");
    assert_eq!(asked, ["a", "c"]);
}

#[test]
fn a_panic_in_the_callers_code_leaves_nothing_behind() {
    let bed = Bed::new(Policy::default(), &hosts("a b"));
    let broken = catch_unwind(AssertUnwindSafe(|| {
        bed.cluster
            .pick(&Call::default(), &mut |_| panic!("in admits"))
    }));
    assert!(broken.is_err());
    assert!(bed.cluster.loads().iter().all(|(_, load)| *load == 0));
    assert_eq!(bed.shares(4).len(), 2);
}

#[test]
fn a_panic_in_the_factory_changes_nothing() {
    let mut made = 0;
    let factory = move |endpoints: &[Endpoint]| -> Box<dyn Balancer> {
        made += 1;
        assert_ne!(made, 2, "in the factory");
        Box::new(RoundRobin::new(endpoints))
    };
    let cluster = Cluster::new(Policy::default(), factory, rng()).unwrap();
    cluster.replace(&hosts("a b")).unwrap();
    let broken = catch_unwind(AssertUnwindSafe(|| cluster.replace(&hosts("c 1/d"))));
    assert!(broken.is_err());
    let picked = cluster.pick(&Call::default(), &mut |_| true).unwrap();
    assert_eq!(&**picked.endpoint(), "a");
    cluster.replace(&hosts("c 1/d")).unwrap();
    assert_eq!(cluster.loads().len(), 2);
}

#[test]
fn an_observer_hears_once_that_a_panic_began_and_ended() {
    #[derive(Default)]
    struct Log(Mutex<Vec<(u32, bool)>>);
    impl Observer for Log {
        fn panic_began(&self, priority: u32) {
            self.0.lock().unwrap().push((priority, true));
        }
        fn panic_ended(&self, priority: u32) {
            self.0.lock().unwrap().push((priority, false));
        }
    }
    let log = Arc::new(Log::default());
    let bed = Bed::watched(Policy::default(), &hosts("a b 3/c 4/d"), log.clone());
    bed.set("d", Health::Draining);
    bed.shares(10);
    bed.set("a b c", Health::Unhealthy);
    bed.shares(10);
    bed.set("c", Health::Healthy);
    bed.shares(10);
    let told = log.0.lock().unwrap().clone();
    assert_eq!(told, [(0, true), (3, true), (0, false), (3, false)]);
}

#[test]
fn a_cluster_has_its_subset_of_each_priority() {
    let policy = Policy {
        subset: Some(Subset::Random { seed: 5, size: 2 }),
        ..Policy::default()
    };
    let bed = Bed::new(policy, &hosts("a b c d 1/e 1/f 1/g"));
    assert_eq!(bed.cluster.loads().len(), 4);
    let first: Vec<_> = bed.shares(10).into_keys().collect();
    assert_eq!(first.len(), 2);
    bed.set(&first.join(" "), Health::Unhealthy);
    assert!(
        bed.shares(10)
            .keys()
            .all(|name| "efg".contains(name.as_str()))
    );
    // One that was left out keeps its place until it is chosen.
    bed.cluster.update(&["e", "f", "g"].map(Endpoint::from));
    assert_eq!(bed.cluster.loads().len(), 2);
}

#[test]
fn policies_that_cannot_be_meant_are_refused() {
    let refuse = |policy: Policy| policy.validate().unwrap_err();
    let fine = Policy::default;
    let overprovisioning = 0;
    assert_eq!(
        refuse(Policy {
            overprovisioning,
            ..fine()
        }),
        InvalidPolicy::Zero("overprovisioning")
    );
    let overprovisioning = u32::MAX;
    assert_eq!(
        refuse(Policy {
            overprovisioning,
            ..fine()
        }),
        InvalidPolicy::OutOfRange("overprovisioning")
    );
    let panic_threshold = 101;
    assert_eq!(
        refuse(Policy {
            panic_threshold,
            ..fine()
        }),
        InvalidPolicy::OutOfRange("panic_threshold")
    );
    assert_eq!(refuse(zoned(&[("y", 1)])), InvalidPolicy::OwnZoneUnknown);
    let subset = Some(Subset::Random { seed: 0, size: 0 });
    assert_eq!(
        refuse(Policy { subset, ..fine() }),
        InvalidPolicy::Zero("subset.size")
    );
    assert_eq!(fine().validate(), Ok(()));
}
