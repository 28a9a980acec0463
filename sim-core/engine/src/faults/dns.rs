//! Dns: look-ups by some hosts, of names of some hosts, are answered late, as they were, wrongly or not
//! at all while it lasts. What a host remembers of an answer outlasts it.

use crate::machine::Machine;
use windtunnel_record::{Inject, dns::Misanswer};

pub(super) fn begin(machine: &mut Machine, fault: u32) -> Vec<u32> {
    machine.keep_names(fault);
    Vec::new()
}

pub(super) fn end(machine: &mut Machine, fault: u32) {
    machine.let_go_of_names(fault);
}

impl Machine {
    /// Whether any fault meddles with look-ups.
    pub(crate) fn is_misanswering(&self) -> bool {
        let mut planned = self.faults.planned.iter();
        planned.any(|planned| planned.active && matches!(planned.fault.inject, Inject::Dns { .. }))
    }

    /// The faults that meddle with a look-up by `host` of a name that means these hosts.
    pub(crate) fn misanswers(&self, host: u32, meant: &[u32]) -> Vec<(u32, Misanswer)> {
        let info = |host: u32| &self.topology.hosts[host as usize];
        let planned = self.faults.planned.iter().enumerate();
        let meddling = planned.filter_map(|(number, planned)| match &planned.fault.inject {
            Inject::Dns { from, of, how } if planned.active && from.matches(info(host)) => {
                let named = meant.iter().any(|meant| of.matches(info(*meant)));
                named.then(|| (number as u32, how.clone()))
            }
            _ => None,
        });
        meddling.collect()
    }
}
