//! From fault specs ("when it may go wrong") to a fault plan ("when it does").

use std::collections::BTreeSet;
use windtunnel_record::{
    Distribution, FaultPlan, FaultSpec, Inject, Moment, PlannedFault, Seed, Span, Stream, Target,
    Topology, dns::Misanswer, fault::Partition, target::Targets,
};

/// How many faults one spec may put into a plan; a repetition without any pause would never end.
const MOST_REPEATS: usize = 10_000;

/// Why no plan can be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A target means no host of this topology.
    #[error("fault `{fault}`: target `{target}` matches no host (hosts: {hosts})")]
    NoHost {
        /// The fault.
        fault: String,
        /// The target.
        target: String,
        /// The names of the hosts there are.
        hosts: String,
    },
    /// A partition needs more hosts than are meant.
    #[error(
        "fault `{fault}`: this shape of a partition needs at least {least} hosts (found {found})"
    )]
    TooFew {
        /// The fault.
        fault: String,
        /// How many it needs.
        least: usize,
        /// How many are meant.
        found: usize,
    },
    /// A repeated fault with neither a duration nor a pause.
    #[error(
        "fault `{fault}` repeats more than {MOST_REPEATS} times within the load \
         (give `every` or `for` a length above zero)"
    )]
    Endless {
        /// The fault.
        fault: String,
    },
}

/// Draws the plan of `seed`: every spec from its own stream `faults/<id>`, so that adding,
/// changing or removing one spec leaves the faults of all others as they were.
///
/// A fault never outlasts the load (`load` after the start): the settle phase is free of faults.
/// One that would begin at or after the end of the load is dropped. A fault without `for` lasts
/// until then, but for a reset, which happens at an instant.
///
/// # Errors
/// When a target means no host, or when a repetition makes no progress.
pub fn generate(
    specs: &[FaultSpec],
    topology: &Topology,
    seed: Seed,
    load: Span,
) -> Result<FaultPlan, PlanError> {
    let mut planned = Vec::new();
    for spec in specs {
        check_targets(&spec.id, &spec.inject, topology)?;
        let mut stream = seed.stream(&format!("faults/{}", spec.id));
        if let Some(every) = spec.every {
            repeated(spec, every, topology, load, &mut stream, &mut planned)?;
        } else {
            let at = spec.at.map_or(Span::ZERO, |at| at.sample(&mut stream));
            planned.extend(one(spec, spec.id.clone(), at, topology, load, &mut stream));
        }
    }
    Ok(FaultPlan::new(planned))
}

/// Whether every fault of an explicit plan means a host.
///
/// # Errors
/// The first target that means none.
pub fn fits(plan: &FaultPlan, topology: &Topology) -> Result<(), PlanError> {
    let mut faults = plan.faults().iter();
    faults.try_for_each(|fault| check_targets(&fault.id, &fault.inject, topology))
}

fn check_targets(fault: &str, inject: &Inject, topology: &Topology) -> Result<(), PlanError> {
    for target in inject.targets().into_iter().flat_map(|some| &some.0) {
        if !topology.hosts.iter().any(|host| target.matches(host)) {
            let hosts: Vec<&str> = topology.hosts.iter().map(|h| h.name.as_str()).collect();
            return Err(PlanError::NoHost {
                fault: fault.into(),
                target: target.to_string(),
                hosts: hosts.join(", "),
            });
        }
    }
    if let Inject::Partition(shape) = inject {
        let meant = |targets: &Targets| targets.resolve(topology).len();
        let found = shape.targets().into_iter().map(meant).min().unwrap_or(0);
        let least = shape.least_hosts();
        if found < least {
            return Err(PlanError::TooFew {
                fault: fault.into(),
                least,
                found,
            });
        }
    }
    Ok(())
}

/// A spec with `every`: the gap is drawn first, then the duration, then the hosts.
fn repeated(
    spec: &FaultSpec,
    every: Distribution,
    topology: &Topology,
    load: Span,
    stream: &mut Stream,
    planned: &mut Vec<PlannedFault>,
) -> Result<(), PlanError> {
    let mut free_from = spec.from.unwrap_or_default();
    let latest = spec.until.unwrap_or(Span::MAX);
    for repeat in 0..MOST_REPEATS {
        let at = free_from + every.sample(stream);
        if at > latest {
            return Ok(());
        }
        let id = format!("{}/{repeat}", spec.id);
        let Some(fault) = one(spec, id, at, topology, load, stream) else {
            return Ok(());
        };
        free_from = fault.end().since(Moment::START);
        planned.push(fault);
    }
    Err(PlanError::Endless {
        fault: spec.id.clone(),
    })
}

/// One occurrence at `at`, cut at the end of the load; none if the load is over by then.
fn one(
    spec: &FaultSpec,
    id: String,
    at: Span,
    topology: &Topology,
    load: Span,
    stream: &mut Stream,
) -> Option<PlannedFault> {
    let lasting = match (spec.lasting, &spec.inject) {
        (Some(lasting), _) => lasting.sample(stream),
        (None, Inject::Reset { .. } | Inject::ClockJump { .. }) => Span::ZERO,
        (None, _) => Span::MAX,
    };
    let inject = concrete(&spec.inject, topology, stream);
    (at < load).then(|| PlannedFault {
        id,
        at: Moment::START + at,
        lasting: lasting.min(load.saturating_sub(at)),
        inject,
    })
}

/// The same fault with its hosts by name and nothing left to draw.
fn concrete(inject: &Inject, topology: &Topology, stream: &mut Stream) -> Inject {
    let mut inject = inject.clone();
    for targets in all_targets(&mut inject) {
        *targets = named(topology, targets.resolve(topology));
    }
    if let Some((targets, count)) = inject.drawn_target()
        && let Some(count) = count.take()
    {
        let mut hosts = targets.resolve(topology);
        stream.shuffle(&mut hosts);
        hosts.truncate(count as usize);
        *targets = named(topology, hosts);
    }
    if let Inject::Partition(shape) = &mut inject {
        draw_places(shape, stream);
    }
    inject
}

/// Draws the places of hosts in shapes that have some. The hosts are written out by name already.
fn draw_places(shape: &mut Partition, stream: &mut Stream) {
    match shape {
        Partition::Split(_) | Partition::OneWay { .. } => {}
        Partition::IsolateOne(hosts) => {
            stream.shuffle(&mut hosts.0);
            hosts.0.truncate(1);
        }
        Partition::Bridge(hosts) | Partition::MajorityRing(hosts) => stream.shuffle(&mut hosts.0),
        Partition::Swizzle { target, healed } => {
            stream.shuffle(&mut target.0);
            if healed.is_none() {
                let mut order = target.clone();
                stream.shuffle(&mut order.0);
                *healed = Some(order);
            }
        }
    }
}

/// The hosts by name, each once, in the topology's order.
fn named(topology: &Topology, hosts: Vec<u32>) -> Targets {
    let hosts: BTreeSet<u32> = hosts.into_iter().collect();
    let name = |host: u32| Target::Name(topology.name(host).to_owned());
    Targets(hosts.into_iter().map(name).collect())
}

fn all_targets(inject: &mut Inject) -> Vec<&mut Targets> {
    match inject {
        Inject::Partition(shape) => shape.targets_mut(),
        Inject::Dns { from, of, how } => match how {
            Misanswer::Wrong(hosts) => vec![from, of, hosts],
            _ => vec![from, of],
        },
        Inject::Slow { from, to, .. }
        | Inject::Loss { from, to, .. }
        | Inject::Bandwidth { from, to, .. }
        | Inject::Duplicate { from, to, .. }
        | Inject::Reorder { from, to, .. }
        | Inject::Corrupt { from, to, .. }
        | Inject::Reset { from, to } => vec![from, to],
        Inject::Crash { target, .. }
        | Inject::PowerLoss { target, .. }
        | Inject::Restart { target, .. }
        | Inject::Pause { target, .. }
        | Inject::Errors { target, .. }
        | Inject::Cancel { target, .. }
        | Inject::ClockSkew { target, .. }
        | Inject::ClockDrift { target, .. }
        | Inject::ClockJump { target, .. }
        | Inject::CpuStarve { target, .. }
        | Inject::DiskSlow { target, .. }
        | Inject::DiskFull { target, .. }
        | Inject::DiskError { target, .. } => vec![target],
    }
}

#[cfg(test)]
mod tests;
