//! Random fault plans that shrink: fewer faults, fewer hosts, shorter times, gentler kinds.

use proptest::{collection::vec, prelude::*, sample::subsequence};
use std::collections::BTreeMap;
use windtunnel_record::{
    Distribution, FaultPlan, Inject, Moment, PlannedFault, Span, Target, fault::Partition,
    target::Targets,
};

/// The most faults of one plan.
const MOST: usize = 8;

/// The hosts that faults may hit.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// Those that run a service: they crash, pause, answer with errors.
    pub servers: Vec<String>,
    /// Those that only send and receive.
    pub clients: Vec<String>,
}

impl Hosts {
    fn on_the_network(&self) -> Vec<String> {
        [&self.servers[..], &self.clients[..]].concat()
    }
}

/// Plans of up to [`MOST`] faults, all of them over within `load`.
///
/// A fault keeps its number while others are removed: its random stream is named after it.
pub fn plans(hosts: &Hosts, load: Span) -> impl Strategy<Value = FaultPlan> + use<> {
    let numbered = ((0..1_000u32).no_shrink(), fault(hosts, load));
    vec(numbered, 0..=MOST).prop_map(|faults| {
        let unique: BTreeMap<u32, PlannedFault> = faults.into_iter().collect();
        let named = unique.into_iter().map(|(number, mut fault)| {
            fault.id = format!("{}-{number}", fault.inject.kind());
            fault
        });
        FaultPlan::new(named.collect())
    })
}

fn fault(hosts: &Hosts, load: Span) -> impl Strategy<Value = PlannedFault> + use<> {
    let load = load.as_nanos() / 1_000_000;
    (0..load, 1..=load, inject(hosts)).prop_map(move |(at, lasting, inject)| PlannedFault {
        id: String::new(),
        at: Moment::START + Span::from_millis(at),
        lasting: Span::from_millis(lasting.min(load - at)),
        inject,
    })
}

/// Every kind of fault; a kind shrinks to those before it.
fn inject(hosts: &Hosts) -> impl Strategy<Value = Inject> + use<> {
    let two_sides = || (some(hosts.on_the_network()), some(hosts.on_the_network()));
    let servers = || some(hosts.servers.clone());
    prop_oneof![
        (two_sides(), 1..2_000u64).prop_map(|((from, to), most)| {
            let (min, max) = (Span::from_millis(most / 4), Span::from_millis(most));
            let by = Distribution::Uniform { min, max };
            Inject::Slow { from, to, by }
        }),
        (servers(), status(), percent()).prop_map(|(target, status, rate)| Inject::Errors {
            target,
            status,
            rate,
        }),
        (two_sides(), percent()).prop_map(|((from, to), rate)| Inject::Loss { from, to, rate }),
        two_sides().prop_map(|(from, to)| Inject::Reset { from, to }),
        servers().prop_map(|target| Inject::Pause {
            target,
            count: None,
        }),
        two_sides().prop_map(|(from, to)| { Inject::Partition(Partition::OneWay { from, to }) }),
        split(hosts.on_the_network()),
        (servers(), 0..3_000u64).prop_map(|(target, grace)| Inject::Restart {
            target,
            count: None,
            grace: Span::from_millis(grace),
        }),
        servers().prop_map(|target| Inject::Crash {
            target,
            count: None,
        }),
        servers().prop_map(|target| Inject::PowerLoss {
            target,
            count: None,
        }),
    ]
}

fn some(hosts: Vec<String>) -> impl Strategy<Value = Targets> {
    let most = hosts.len().min(5);
    subsequence(hosts, 1..=most).prop_map(named)
}

/// Some hosts on one side, all others on the other.
fn split(hosts: Vec<String>) -> impl Strategy<Value = Inject> {
    subsequence(hosts.clone(), 1..hosts.len()).prop_map(move |one| {
        let others = hosts.iter().filter(|host| !one.contains(host)).cloned();
        let other = named(others.collect());
        Inject::Partition(Partition::Split(vec![named(one), other]))
    })
}

fn named(hosts: Vec<String>) -> Targets {
    Targets(hosts.into_iter().map(Target::Name).collect())
}

fn status() -> impl Strategy<Value = u16> {
    prop_oneof![Just(429), Just(500), Just(502), Just(503), Just(504)]
}

/// A share in whole percent, never zero.
fn percent() -> impl Strategy<Value = f64> {
    (1..=100u32).prop_map(|percent| f64::from(percent) / 100.0)
}
