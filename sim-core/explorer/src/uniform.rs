//! Arbitrary fault plans, for properties that must hold under whatever goes wrong.

use windtunnel_record::{
    Distribution, FaultPlan, Inject, Moment, PlannedFault, Span, Stream, Target, Topology,
    fault::Partition, target::Targets,
};

/// How many kinds [`inject`] chooses from.
const KINDS: u64 = 10;

/// A plan of up to `max_faults` faults: every number of faults, every kind, every begin within the
/// load and every duration up to the load's end are equally likely; hosts are drawn one by one.
/// No fault is on after the load's end. A topology without hosts gives the empty plan.
pub fn uniform(
    topology: &Topology,
    load: Span,
    stream: &mut Stream,
    max_faults: usize,
) -> FaultPlan {
    if topology.hosts.is_empty() || load == Span::ZERO {
        return FaultPlan::default();
    }
    let faults = stream.below(max_faults as u64 + 1);
    let fault = |index: u64| {
        let at = stream.below(load.as_nanos());
        let lasting = 1 + stream.below(load.as_nanos() - at);
        PlannedFault {
            id: format!("fault-{index}"),
            at: Moment::from_nanos(at),
            lasting: Span::from_nanos(lasting),
            inject: inject(topology, stream),
        }
    };
    FaultPlan::new((0..faults).map(fault).collect())
}

fn inject(topology: &Topology, stream: &mut Stream) -> Inject {
    match stream.below(KINDS) {
        0 => Inject::Partition(Partition::Split(split(topology, stream))),
        1 => Inject::Partition(Partition::OneWay {
            from: some(topology, stream),
            to: some(topology, stream),
        }),
        2 => Inject::Slow {
            from: some(topology, stream),
            to: some(topology, stream),
            by: Distribution::Uniform {
                min: Span::from_millis(1),
                max: Span::from_millis(1 + stream.below(2_000)),
            },
        },
        3 => Inject::Loss {
            from: some(topology, stream),
            to: some(topology, stream),
            rate: stream.unit(),
        },
        4 => Inject::Crash {
            target: some(topology, stream),
            count: None,
        },
        5 => Inject::PowerLoss {
            target: some(topology, stream),
            count: None,
        },
        6 => Inject::Restart {
            target: some(topology, stream),
            count: None,
            grace: Span::from_millis(stream.below(5_000)),
        },
        7 => Inject::Pause {
            target: some(topology, stream),
            count: None,
        },
        8 => Inject::Reset {
            from: some(topology, stream),
            to: some(topology, stream),
        },
        _ => Inject::Errors {
            target: some(topology, stream),
            status: [429, 500, 502, 503, 504][stream.below(5) as usize],
            rate: stream.unit(),
        },
    }
}

/// At least one host, each further one with probability one half of the one before.
fn some(topology: &Topology, stream: &mut Stream) -> Targets {
    let mut hosts: Vec<usize> = (0..topology.hosts.len()).collect();
    stream.shuffle(&mut hosts);
    let mut kept = 1;
    while kept < hosts.len() && stream.chance(0.5) {
        kept += 1;
    }
    hosts.truncate(kept);
    hosts.sort_unstable();
    named(topology, &hosts)
}

/// Two groups that together are all hosts; one of them may be everybody when there is one host.
fn split(topology: &Topology, stream: &mut Stream) -> Vec<Targets> {
    let mut hosts: Vec<usize> = (0..topology.hosts.len()).collect();
    stream.shuffle(&mut hosts);
    let cut = 1 + stream.below(hosts.len() as u64 - 1) as usize;
    let (one, other) = hosts.split_at_mut(cut.min(topology.hosts.len()));
    let groups = [one, other].into_iter().filter(|group| !group.is_empty());
    groups
        .map(|group| {
            group.sort_unstable();
            named(topology, group)
        })
        .collect()
}

fn named(topology: &Topology, hosts: &[usize]) -> Targets {
    let name = |host: &usize| Target::Name(topology.hosts[*host].name.clone());
    Targets(hosts.iter().map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::shop;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use windtunnel_record::Seed;

    const LOAD: Span = Span::from_secs(30);

    #[test]
    fn every_kind_of_fault_comes_up_and_every_number_of_faults() {
        let mut stream = Seed(3).stream("uniform");
        let plans: Vec<FaultPlan> = (0..400)
            .map(|_| uniform(&shop(), LOAD, &mut stream, 4))
            .collect();
        let faults = plans.iter().flat_map(|plan| plan.faults());
        let kinds: BTreeSet<&str> = faults.map(|fault| fault.inject.kind()).collect();
        assert_eq!(kinds.len(), 9);
        let sizes: BTreeSet<usize> = plans.iter().map(|plan| plan.faults().len()).collect();
        assert_eq!(sizes, (0..=4).collect());
    }

    #[test]
    fn a_single_host_and_no_host_are_fine() {
        let mut stream = Seed(3).stream("uniform");
        let mut lonely = shop();
        lonely.hosts.truncate(1);
        for _ in 0..200 {
            uniform(&lonely, LOAD, &mut stream, 4);
        }
        let nobody = uniform(&Topology::default(), LOAD, &mut stream, 4);
        assert_eq!(nobody, FaultPlan::default());
    }

    fn fixed() -> ProptestConfig {
        ProptestConfig {
            failure_persistence: None,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        }
    }

    proptest! {
        #![proptest_config(fixed())]
        #[test]
        fn faults_lie_within_the_load_and_name_hosts(seed: u64) {
            let topology = shop();
            let mut stream = Seed(seed).stream("uniform");
            for fault in uniform(&topology, LOAD, &mut stream, 8).faults() {
                prop_assert!(fault.lasting > Span::ZERO);
                prop_assert!(fault.end() <= Moment::START + LOAD);
                for targets in fault.inject.targets() {
                    prop_assert_eq!(targets.resolve(&topology).len(), targets.0.len());
                }
            }
        }
    }
}
