//! Swizzle: hosts are cut off from everybody one by one, and healed one by one in another order, as in
//! FoundationDB's tests. The cuts share the first third of the fault, the heals the last third.

use crate::{agenda::Due, machine::Machine};
use windtunnel_record::{Event, Text, target::Targets};

pub(super) fn begin(
    machine: &mut Machine,
    fault: u32,
    target: &Targets,
    healed: &Targets,
) -> Vec<u32> {
    let cut = in_order(machine, target);
    let steps = [cut, in_order(machine, healed)].concat();
    let planned = &machine.faults.planned[fault as usize].fault;
    let (from, lasting) = (planned.at.as_nanos(), planned.lasting.as_nanos());
    let third = lasting / 3;
    let hosts = steps.len() as u64 / 2;
    for step in 1..steps.len() as u64 {
        let at = if step < hosts {
            from + third * step / hosts
        } else {
            from + lasting - third + third * (step - hosts + 1) / hosts
        };
        let step = step as u32;
        machine.agenda.enter(at, Due::FaultGoesOn { fault, step });
    }
    machine.faults.planned[fault as usize].steps = steps;
    machine.fault_goes_on(fault, 0);
    Vec::new()
}

/// The hosts in the order in which a plan names them.
fn in_order(machine: &Machine, targets: &Targets) -> Vec<u32> {
    let hosts = machine.topology.hosts.iter().enumerate();
    let of = |target: &windtunnel_record::Target| {
        let meant = hosts.clone().filter(|(_, host)| target.matches(host));
        meant.map(|(number, _)| number as u32).collect::<Vec<u32>>()
    };
    targets.0.iter().flat_map(of).collect()
}

impl Machine {
    /// The next host is cut off, or healed.
    pub(crate) fn fault_goes_on(&mut self, fault: u32, step: u32) {
        let planned = &mut self.faults.planned[fault as usize];
        if !planned.active {
            return;
        }
        let (step, hosts) = (step as usize, planned.steps.len() / 2);
        let host = planned.steps[step];
        let cut = step < hosts;
        if cut {
            planned.cut_off.push(host);
        } else {
            planned.cut_off.retain(|other| *other != host);
        }
        let id = Text::from(&planned.fault.id);
        self.note(Event::Swizzled {
            fault: id,
            host,
            cut,
        });
        let before: Vec<usize> = self
            .network
            .links_mut()
            .filter(|(_, link)| {
                let conditions = link.conditions();
                conditions.is_some_and(|conditions| conditions.cuts.contains(&fault))
            })
            .map(|(number, _)| number)
            .collect();
        self.take_off_links(fault);
        for link in self.put_on_links(fault) {
            if !before.contains(&link) {
                self.lose_in_flight(link, Some(fault));
            }
        }
    }
}
