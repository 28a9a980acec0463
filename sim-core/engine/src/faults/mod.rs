//! Faults: one file each. The engine carries out a plan; it decides nothing.

mod bandwidth;
mod cancel;
mod clock_drift;
mod clock_jump;
mod clock_skew;
mod corrupt;
mod cpu_starve;
mod crash;
mod disk_error;
mod disk_full;
mod disk_slow;
mod dns;
mod duplicate;
mod errors;
mod loss;
mod partition;
mod pause;
mod power_loss;
mod reorder;
mod reset;
mod restart;
mod slow;
mod swizzle;

pub(crate) use errors::injected_error;

use crate::{
    agenda::Due,
    machine::Machine,
    network::{Conditions, Limit},
};
use windtunnel_record::{
    Event, FaultPlan, Inject, PlannedFault, Reorder, Stream, Text, fault::Partition,
    target::Targets,
};

/// The faults of a run and how far they are.
#[derive(Default)]
pub(crate) struct Faults {
    planned: Vec<Planned>,
    cancelling: cancel::Cancelling,
}

struct Planned {
    fault: PlannedFault,
    active: bool,
    hit: bool,
    /// The hosts it acts on, decided when it begins.
    hosts: Vec<u32>,
    /// The hosts that it has cut off so far, if it does so one by one.
    cut_off: Vec<u32>,
    /// Whom it cuts off and then whom it heals, one by one.
    steps: Vec<u32>,
    /// What it draws from while it lasts.
    stream: Option<Stream>,
}

impl Planned {
    /// Whether it may be what keeps a host's process from answering; a fault of disks is not.
    fn holds(&self, host: u32) -> bool {
        let of_disks = matches!(
            self.fault.inject,
            Inject::DiskSlow { .. } | Inject::DiskFull { .. } | Inject::DiskError { .. }
        );
        self.active && !of_disks && self.hosts.contains(&host)
    }
}

/// Carries out the begin of a fault; gives the hosts it acts on.
fn begin(machine: &mut Machine, fault: u32, inject: &Inject) -> Vec<u32> {
    match inject {
        Inject::Partition(Partition::Swizzle { target, healed }) => {
            swizzle::begin(machine, fault, target, healed.as_ref().unwrap_or(target))
        }
        Inject::Partition(_) => partition::begin(machine, fault),
        Inject::Slow { .. } => slow::begin(machine, fault),
        Inject::Loss { .. } => loss::begin(machine, fault),
        Inject::Bandwidth { .. } => bandwidth::begin(machine, fault),
        Inject::Duplicate { .. } => duplicate::begin(machine, fault),
        Inject::Reorder { .. } => reorder::begin(machine, fault),
        Inject::Corrupt { .. } => corrupt::begin(machine, fault),
        Inject::Dns { .. } => dns::begin(machine, fault),
        Inject::Crash { target, .. } => crash::begin(machine, fault, target),
        Inject::PowerLoss { target, .. } => power_loss::begin(machine, fault, target),
        Inject::Restart { target, grace, .. } => restart::begin(machine, fault, target, *grace),
        Inject::Pause { target, .. } => pause::begin(machine, fault, target),
        Inject::Reset { from, to } => reset::begin(machine, fault, from, to),
        Inject::Errors { target, .. } => target.resolve(&machine.topology),
        Inject::Cancel { target, .. } => cancel::begin(machine, fault, target),
        Inject::CpuStarve { target, share } => cpu_starve::begin(machine, fault, target, *share),
        Inject::ClockSkew { target, by } => clock_skew::begin(machine, fault, target, *by),
        Inject::ClockDrift { target, ppm } => clock_drift::begin(machine, fault, target, *ppm),
        Inject::ClockJump { target, by } => clock_jump::begin(machine, fault, target, *by),
        Inject::DiskSlow {
            target,
            by,
            operations,
            ..
        } => disk_slow::begin(machine, fault, target, *by, operations),
        Inject::DiskFull { target, .. } => disk_full::begin(machine, fault, target),
        Inject::DiskError {
            target,
            operations,
            rate,
            once,
            ..
        } => disk_error::begin(machine, fault, target, operations, *rate, *once),
    }
}

/// Carries out the end of a fault on the hosts it acted on.
fn end(machine: &mut Machine, fault: u32, inject: &Inject, hosts: &[u32]) {
    match inject {
        Inject::Partition(_)
        | Inject::Slow { .. }
        | Inject::Loss { .. }
        | Inject::Duplicate { .. }
        | Inject::Reorder { .. }
        | Inject::Corrupt { .. } => machine.take_off_links(fault),
        Inject::Bandwidth { .. } => bandwidth::end(machine, fault),
        Inject::Dns { .. } => dns::end(machine, fault),
        Inject::Crash { .. } => crash::end(machine, hosts),
        Inject::PowerLoss { .. } => power_loss::end(machine, hosts),
        Inject::Pause { .. } => pause::end(machine, hosts),
        Inject::Cancel { .. } => cancel::end(machine, fault),
        Inject::CpuStarve { .. } => cpu_starve::end(machine, fault, hosts),
        Inject::ClockSkew { by, .. } => clock_skew::end(hosts, *by),
        Inject::ClockDrift { ppm, .. } => clock_drift::end(machine, hosts, *ppm),
        Inject::DiskSlow { .. } | Inject::DiskFull { .. } | Inject::DiskError { .. } => {
            machine.calm_disks(fault, hosts);
        }
        Inject::Restart { .. }
        | Inject::Reset { .. }
        | Inject::Errors { .. }
        | Inject::ClockJump { .. } => {}
    }
}

impl Machine {
    /// Puts every fault of the plan on the agenda.
    pub(crate) fn plan_faults(&mut self, plan: &FaultPlan) {
        for (number, fault) in plan.faults().iter().enumerate() {
            let number = number as u32;
            self.agenda
                .enter(fault.at.as_nanos(), Due::FaultBegins { fault: number });
            self.agenda
                .enter(fault.end().as_nanos(), Due::FaultEnds { fault: number });
            self.faults.planned.push(Planned {
                fault: fault.clone(),
                active: false,
                hit: false,
                hosts: Vec::new(),
                cut_off: Vec::new(),
                steps: Vec::new(),
                stream: None,
            });
        }
    }

    pub(crate) fn fault_begins(&mut self, fault: u32) {
        let planned = &mut self.faults.planned[fault as usize];
        planned.active = true;
        let (id, inject) = (Text::from(&planned.fault.id), planned.fault.inject.clone());
        let hosts = touched(&inject, &self.topology);
        let kind = inject.kind().into();
        self.note(Event::FaultBegan {
            fault: id,
            kind,
            hosts,
        });
        let hosts = begin(self, fault, &inject);
        self.faults.planned[fault as usize].hosts = hosts;
    }

    pub(crate) fn fault_ends(&mut self, fault: u32) {
        let planned = &mut self.faults.planned[fault as usize];
        planned.active = false;
        let (id, inject) = (Text::from(&planned.fault.id), planned.fault.inject.clone());
        planned.cut_off.clear();
        let hosts = std::mem::take(&mut planned.hosts);
        end(self, fault, &inject, &hosts);
        self.note(Event::FaultEnded { fault: id });
    }

    /// The id of a fault.
    pub(crate) fn fault_id(&self, fault: u32) -> &str {
        &self.faults.planned[fault as usize].fault.id
    }

    /// A fault touched a request in flight.
    pub(crate) fn fault_hit(&mut self, fault: Option<u32>) {
        let Some(fault) = fault else { return };
        let planned = &mut self.faults.planned[fault as usize];
        if !planned.hit {
            planned.hit = true;
            let fault = Text::from(&planned.fault.id);
            let kind = planned.fault.inject.kind().into();
            self.note(Event::FaultHit { fault, kind });
        }
    }

    /// Data were sent to a host: if a fault holds it down or frozen, it touched a request.
    pub(crate) fn fault_hit_host(&mut self, host: u32) {
        if self.faults.planned.is_empty() {
            return;
        }
        let state = &self.hosts[host as usize];
        let paused = state
            .process
            .is_some_and(|id| self.processes[id as usize].paused);
        if state.process.is_some() && !paused {
            return;
        }
        let holder = self
            .faults
            .planned
            .iter()
            .position(|planned| planned.holds(host));
        self.fault_hit(holder.map(|number| number as u32));
    }

    /// Notes a hit if a request is open on a connection of one of `hosts`.
    pub(crate) fn hit_if_busy(&mut self, fault: u32, hosts: &[u32]) {
        if self.has_open_request(|a, b| hosts.contains(&a) || hosts.contains(&b)) {
            self.fault_hit(Some(fault));
        }
    }

    /// Puts the active faults on a link that was just made.
    pub(crate) fn apply_faults_to(&mut self, link: usize) {
        for number in 0..self.faults.planned.len() {
            let planned = &self.faults.planned[number];
            if planned.active {
                let inject = planned.fault.inject.clone();
                self.put_on_link(link, number as u32, &inject);
            }
        }
        self.limit_changed(link);
    }

    /// Puts a fault of links on one link if that is among its links.
    fn put_on_link(&mut self, link: usize, fault: u32, inject: &Inject) -> bool {
        let hosts = &self.topology.hosts;
        let Some((_, link)) = self.network.links_mut().nth(link) else {
            return false;
        };
        if link.from == link.to {
            return false;
        }
        let (from, to) = (&hosts[link.from as usize], &hosts[link.to as usize]);
        if let Inject::Partition(shape) = inject {
            let cut_off = &self.faults.planned[fault as usize].cut_off;
            let one_by_one = cut_off.contains(&link.from) || cut_off.contains(&link.to);
            let cuts = one_by_one || partition::cuts(shape, from, to);
            if cuts {
                link.conditions_mut().cuts.push(fault);
            }
            return cuts;
        }
        let among = inject
            .direction()
            .is_some_and(|(senders, receivers)| senders.matches(from) && receivers.matches(to));
        if among {
            put_on(link.conditions_mut(), fault, inject);
        }
        among
    }

    /// Puts a fault of links on all its links; gives their numbers.
    fn put_on_links(&mut self, fault: u32) -> Vec<usize> {
        let inject = self.faults.planned[fault as usize].fault.inject.clone();
        let count = self.network.links_mut().count();
        (0..count)
            .filter(|&link| self.put_on_link(link, fault, &inject))
            .collect()
    }

    /// Takes a fault off all links.
    fn take_off_links(&mut self, fault: u32) {
        for (_, link) in self.network.links_mut() {
            link.take_off(fault);
        }
    }
}

/// What a fault does to a link that is one of its own.
fn put_on(link: &mut Conditions, fault: u32, inject: &Inject) {
    let by = Some(fault);
    match inject {
        Inject::Slow { by, .. } => link.delays.push((fault, *by)),
        Inject::Loss { rate, .. } => link.losses.push((fault, *rate)),
        Inject::Bandwidth { rate, queue, .. } => {
            link.wire.limits.push((by, Limit::new(*rate, *queue)));
        }
        Inject::Duplicate { rate, .. } => link.wire.duplicates.push((by, *rate)),
        Inject::Reorder { rate, by: late, .. } => {
            let reorder = Reorder {
                rate: *rate,
                by: *late,
            };
            link.wire.reorders.push((by, reorder));
        }
        Inject::Corrupt { rate, .. } => link.wire.corruptions.push((by, *rate)),
        _ => {}
    }
}

/// The hosts that a fault names.
fn touched(inject: &Inject, topology: &windtunnel_record::Topology) -> Vec<u32> {
    let lists: Vec<&Targets> = inject.targets();
    let hosts = 0..topology.hosts.len() as u32;
    let named = |host: &u32| {
        lists
            .iter()
            .any(|targets| targets.matches(&topology.hosts[*host as usize]))
    };
    hosts.filter(named).collect()
}
