//! Random sets, health, updates and calls never bring a cluster out of its law, which a plain model works
//! out anew for every call.

use crate::fixed;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use windtunnel_models::balance::cluster::{
    Health, Host, Policy, Sticky,
    affinity::Drain,
    priority::{Shares, Tally},
    zone::ZonePolicy,
};
use windtunnel_models::balance::{self, Balancer, Call, Cluster, InFlight, NoEndpoint};

/// Endpoints that may be in the set. The zone is fixed by the name, the priority is given at random.
const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
const ZONES: [&str; 3] = ["x", "y", "z"];

fn bit(mask: u8, name: &str) -> bool {
    let found = NAMES.iter().position(|known| *known == name);
    found.is_some_and(|at| mask & (1 << at) != 0)
}

/// What happens to a cluster.
#[derive(Clone, Debug)]
enum Operation {
    /// A call comes, with a key or without; some endpoints do not come into question, some refuse it.
    Pick {
        barred: u8,
        refusing: u8,
        key: Option<u64>,
    },
    /// A call of a session comes.
    Stick {
        session: prop::sample::Index,
        barred: u8,
        refusing: u8,
    },
    /// The call that is so far down the list of open ones ends.
    End(prop::sample::Index),
    /// The health of one endpoint changes.
    Judge { host: usize, health: u8 },
    /// The set becomes those of a mask, each with a priority of 2 bits.
    Replace { members: u8, priorities: u16 },
    /// Discovery names those of a mask, and no places.
    Update { members: u8 },
}

fn operation() -> impl Strategy<Value = Operation> {
    let mask = || prop_oneof![3 => Just(0u8), 2 => any::<u8>()];
    let key = prop::option::of(0..50u64);
    let index = any::<prop::sample::Index>;
    prop_oneof![
        8 => (mask(), mask(), key)
            .prop_map(|(barred, refusing, key)| Operation::Pick { barred, refusing, key }),
        3 => (index(), mask(), mask()).prop_map(|(session, barred, refusing)| {
            Operation::Stick { session, barred, refusing }
        }),
        5 => index().prop_map(Operation::End),
        4 => (0..NAMES.len(), 0..3u8)
            .prop_map(|(host, health)| Operation::Judge { host, health }),
        1 => (any::<u8>(), any::<u16>())
            .prop_map(|(members, priorities)| Operation::Replace { members, priorities }),
        1 => any::<u8>().prop_map(|members| Operation::Update { members }),
    ]
}

fn policies() -> impl Strategy<Value = (Policy, balance::Policy, Drain)> {
    let zones = prop::option::of((1..4u32, 0..4u32, 0..4u32, 1..7u32));
    let algorithm = prop_oneof![
        Just(balance::Policy::RoundRobin),
        Just(balance::Policy::PowerOfTwo)
    ];
    let drain = prop_oneof![Just(Drain::Move), Just(Drain::Keep)];
    let thresholds = prop_oneof![3 => Just(50u32), 1 => 0..=100u32];
    (zones, thresholds, 50..200u32, algorithm, drain).prop_map(
        |(zones, panic_threshold, overprovisioning, algorithm, drain)| {
            let zones = zones.map(|(x, y, z, minimum_hosts)| {
                let callers = ZONES.map(Arc::from).into_iter().zip([x, y, z]).collect();
                ZonePolicy {
                    minimum_hosts,
                    ..ZonePolicy::new("x", callers)
                }
            });
            let policy = Policy {
                overprovisioning,
                panic_threshold,
                zones,
                subset: None,
            };
            (policy, algorithm, drain)
        },
    )
}

type Judgement = Arc<Mutex<BTreeMap<Arc<str>, Health>>>;

/// A place, and how often its host came there: whoever leaves or moves comes as another one.
#[derive(Clone, Debug, PartialEq)]
struct Stay {
    priority: u32,
    zone: Arc<str>,
    coming: u32,
}

/// A cluster and what its callers know of it.
struct Bench {
    policy: Policy,
    drain: Drain,
    cluster: Arc<Cluster>,
    sticky: Sticky,
    health: Judgement,
    /// In the order given.
    members: Vec<Arc<str>>,
    stays: BTreeMap<Arc<str>, Stay>,
    comings: u32,
    calls: Vec<(InFlight, Stay)>,
    /// The values of sessions, and where each is.
    sessions: Vec<(String, Arc<str>)>,
    picked: u64,
    refused: u64,
}

/// How a pick ended: who was asked, and the answer.
struct Answer {
    asked: Vec<Arc<str>>,
    picked: Result<InFlight, NoEndpoint>,
}

impl Bench {
    fn new((policy, algorithm, drain): (Policy, balance::Policy, Drain)) -> Self {
        let health = Judgement::default();
        let known = health.clone();
        let mut seed = 0;
        let factory = move |endpoints: &[balance::Endpoint]| {
            seed += 1;
            let rng = ChaCha8Rng::seed_from_u64(seed);
            algorithm.build(endpoints, rng).expect("it can be meant")
        };
        let rng = ChaCha8Rng::seed_from_u64(77);
        let cluster = Cluster::new(policy.clone(), factory, rng).expect("a valid policy");
        let cluster = Arc::new(cluster.judged_by(move |name| {
            let known = known.lock().expect("nobody panics");
            known.get(name).copied().unwrap_or(Health::Healthy)
        }));
        let sticky = Sticky::new(cluster.clone(), b"0123456789abcdef", drain);
        Self {
            policy,
            drain,
            sticky: sticky.expect("a long secret"),
            cluster,
            health,
            members: Vec::new(),
            stays: BTreeMap::new(),
            comings: 0,
            calls: Vec::new(),
            sessions: Vec::new(),
            picked: 0,
            refused: 0,
        }
    }

    fn apply(&mut self, operation: Operation) -> Result<(), TestCaseError> {
        match operation {
            Operation::Pick {
                barred,
                refusing,
                key,
            } => self.pick(barred, refusing, key)?,
            Operation::Stick {
                session,
                barred,
                refusing,
            } => {
                self.stick(session, barred, refusing)?;
            }
            Operation::End(which) if !self.calls.is_empty() => {
                drop(self.calls.swap_remove(which.index(self.calls.len())));
            }
            Operation::End(_) => {}
            Operation::Judge { host, health } => {
                let health =
                    [Health::Healthy, Health::Unhealthy, Health::Draining][health as usize];
                self.health
                    .lock()
                    .expect("nobody panics")
                    .insert(NAMES[host].into(), health);
            }
            Operation::Replace {
                members,
                priorities,
            } => self.replace(members, priorities),
            Operation::Update { members } => self.update(members),
        }
        let loads: Vec<_> = self
            .members
            .iter()
            .map(|name| (name.clone(), self.load(name)))
            .collect();
        prop_assert_eq!(self.cluster.loads(), loads);
        let counters = self.cluster.counters();
        prop_assert_eq!(
            (counters.picked, counters.refused),
            (self.picked, self.refused)
        );
        Ok(())
    }

    fn replace(&mut self, members: u8, priorities: u16) {
        let host = |(at, name): (usize, &&str)| {
            let host = Host::new(*name).at_priority(u32::from(priorities >> (2 * at)) % 4);
            host.in_zone(ZONES[at % ZONES.len()])
        };
        let all = NAMES
            .iter()
            .enumerate()
            .filter(|(_, name)| bit(members, name));
        let hosts: Vec<_> = all.map(host).collect();
        let taken = self.cluster.replace(&hosts).is_ok();
        assert_eq!(taken, !hosts.is_empty() || self.members.is_empty());
        if taken {
            self.settle(hosts);
        }
    }

    fn update(&mut self, members: u8) {
        let names = NAMES.iter().filter(|name| bit(members, name));
        let endpoints: Vec<_> = names.map(|name| balance::Endpoint::from(*name)).collect();
        self.cluster.update(&endpoints);
        if endpoints.is_empty() {
            return;
        }
        let place = |endpoint: balance::Endpoint| match self.stays.get(&endpoint.name) {
            Some(stay) => Host::new(endpoint)
                .at_priority(stay.priority)
                .in_zone(stay.zone.clone()),
            None => Host::new(endpoint),
        };
        let hosts = endpoints.into_iter().map(place).collect();
        self.settle(hosts);
    }

    fn settle(&mut self, hosts: Vec<Host>) {
        let mut stays = BTreeMap::new();
        self.members.clear();
        for Host {
            endpoint,
            priority,
            zone,
        } in hosts
        {
            let name = endpoint.name;
            let is_zoned = self.policy.zones.is_some() && priority == 0;
            let old = self
                .stays
                .get(&name)
                .filter(|old| old.priority == priority && (!is_zoned || old.zone == zone));
            let coming = old.map_or(self.comings, |old| old.coming);
            self.comings += u32::from(old.is_none());
            self.members.push(name.clone());
            stays.insert(
                name,
                Stay {
                    priority,
                    zone,
                    coming,
                },
            );
        }
        self.stays = stays;
    }

    fn load(&self, name: &Arc<str>) -> usize {
        let coming = self.stays[name].coming;
        let open = self.calls.iter();
        open.filter(|(call, stay)| call.endpoint() == name && stay.coming == coming)
            .count()
    }

    fn health(&self, name: &Arc<str>) -> Health {
        let known = self.health.lock().expect("nobody panics");
        known.get(name).copied().unwrap_or(Health::Healthy)
    }

    /// Who may be called now, by the law: the healthy, and in a priority in panic all that do not drain.
    fn usable(&self) -> Vec<Arc<str>> {
        let mut tiers: BTreeMap<u32, Tally> = BTreeMap::new();
        for name in &self.members {
            let tally = tiers.entry(self.stays[name].priority).or_default();
            tally.hosts += u64::from(self.health(name) != Health::Draining);
            tally.healthy += u64::from(self.health(name) == Health::Healthy);
        }
        let factor = u64::from(self.policy.overprovisioning);
        let health = |tally: &Tally| match tally.hosts {
            0 => 0,
            hosts => (factor * tally.healthy / hosts).min(100),
        };
        let total: u64 = tiers.values().map(health).sum();
        let threshold = f64::from(self.policy.panic_threshold);
        let panics = |tally: &Tally| {
            let part = 100.0 * tally.healthy as f64 / tally.hosts as f64;
            total < 100 && part < threshold
        };
        let usable = |name: &&Arc<str>| match self.health(name) {
            Health::Healthy => true,
            Health::Unhealthy => panics(&tiers[&self.stays[*name].priority]),
            Health::Draining => false,
        };
        self.members.iter().filter(usable).cloned().collect()
    }

    fn pick(&mut self, barred: u8, refusing: u8, key: Option<u64>) -> Result<(), TestCaseError> {
        let mut asked = Vec::new();
        let call = Call {
            key,
            eligible: &|name| !bit(barred, name),
        };
        let picked = self.cluster.pick(&call, &mut |name| {
            asked.push(name.clone());
            !bit(refusing, name)
        });
        let usable = self.usable();
        self.judge(Answer { asked, picked }, &usable, barred, refusing)
    }

    /// Nobody is asked twice, nobody that may not be called is asked at all, and a call fails only if
    /// nobody is left.
    fn judge(
        &mut self,
        answer: Answer,
        usable: &[Arc<str>],
        barred: u8,
        refusing: u8,
    ) -> Result<(), TestCaseError> {
        let Answer { asked, picked } = answer;
        let mut once = asked.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), asked.len(), "asked twice: {:?}", asked);
        let mut eligible = usable.to_vec();
        eligible.retain(|name| !bit(barred, name));
        let strangers = asked.iter().find(|name| !eligible.contains(name));
        prop_assert_eq!(strangers, None, "eligible are {:?}", eligible);
        let willing = eligible.iter().any(|name| !bit(refusing, name));
        match picked {
            Ok(call) => {
                let name = call.endpoint().clone();
                prop_assert!(eligible.contains(&name) && !bit(refusing, &name), "{name}");
                self.picked += 1;
                let stay = self.stays[&name].clone();
                self.calls.push((call, stay));
                return Ok(());
            }
            Err(NoEndpoint::Empty) => prop_assert!(self.members.is_empty()),
            Err(NoEndpoint::NoneEligible { endpoints }) => {
                prop_assert!(eligible.is_empty(), "{:?} were eligible", eligible);
                prop_assert_eq!(endpoints, self.members.len());
            }
            Err(NoEndpoint::NoneAdmits { asked }) => {
                prop_assert!(!willing);
                prop_assert_eq!(asked, eligible.len());
            }
        }
        prop_assert!(!willing);
        self.refused += 1;
        Ok(())
    }

    /// A session stays where it is if that endpoint may be called, and moves if not.
    fn stick(
        &mut self,
        session: prop::sample::Index,
        barred: u8,
        refusing: u8,
    ) -> Result<(), TestCaseError> {
        // One more than there are: a session that begins.
        let known = session.index(self.sessions.len() + 1);
        let (value, home) = self.sessions.get(known).cloned().unzip();
        let mut usable = self.usable();
        if let Some(home) = &home
            && self.drain == Drain::Keep
            && self.members.contains(home)
            && self.health(home) == Health::Draining
        {
            usable.push(home.clone());
        }
        let mut asked = Vec::new();
        let call = Call {
            eligible: &|name| !bit(barred, name),
            ..Call::default()
        };
        let stuck = self.sticky.pick(value.as_deref(), &call, &mut |name| {
            asked.push(name.clone());
            !bit(refusing, name)
        });
        let home_takes_it = home.as_ref().is_some_and(|home| {
            usable.contains(home) && !bit(barred, home) && !bit(refusing, home)
        });
        let picked = match stuck {
            Ok(stuck) => {
                let name = stuck.flight.endpoint().clone();
                prop_assert_eq!(Some(&name) == home.as_ref(), home_takes_it);
                prop_assert_eq!(stuck.value.is_none(), home_takes_it);
                if let Some(value) = stuck.value {
                    self.sessions.push((value, name));
                }
                Ok(stuck.flight)
            }
            Err(error) => Err(error),
        };
        self.judge(Answer { asked, picked }, &usable, barred, refusing)
    }
}

#[test]
fn random_operations_keep_a_cluster_in_its_law() {
    let cases = (
        policies(),
        any::<u8>(),
        any::<u16>(),
        vec(operation(), 1..80),
    );
    let outcome =
        fixed::runner(1_000, 10_000).run(&cases, |(policy, members, priorities, steps)| {
            let mut bench = Bench::new(policy);
            bench.replace(members, priorities);
            steps.into_iter().try_for_each(|step| bench.apply(step))
        });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// Priorities with so many hosts, not more of them healthy than there are.
fn tallies() -> impl Strategy<Value = Vec<Tally>> {
    let tally = (0..40u64, 0..=100u64).prop_map(|(hosts, percent)| Tally {
        hosts,
        healthy: hosts * percent / 100,
    });
    vec(tally, 1..7)
}

#[test]
fn lb_25_the_loads_of_any_priorities_sum_up_to_a_hundred() {
    let cases = (tallies(), 1..400u32, 0..=100u32);
    let outcome = fixed::runner(20_000, 10_000).run(&cases, |(tallies, factor, threshold)| {
        let shares = Shares::new(&tallies, factor, threshold);
        prop_assert_eq!(shares.loads().iter().sum::<u64>(), 100, "{:?}", shares);
        // Load goes only where somebody takes it, if there is anybody; else the first has to.
        let all_panic = shares.panics().iter().all(|panic| *panic);
        let takes = |tally: &Tally| match all_panic {
            true => tally.hosts > 0,
            false => tally.health(factor) > 0,
        };
        let nobody = !tallies.iter().any(takes);
        for (at, (tally, load)) in tallies.iter().zip(shares.loads()).enumerate() {
            prop_assert!(
                *load == 0 || takes(tally) || (nobody && at == 0),
                "{:?}",
                shares
            );
        }
        let total: u64 = tallies.iter().map(|tally| tally.health(factor)).sum();
        prop_assert!(total < 100 || !shares.panics().contains(&true));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
