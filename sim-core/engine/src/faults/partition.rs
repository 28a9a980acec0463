//! Partition: no packet passes between groups of hosts, or in one direction only. What is on its way
//! on a link that is cut is lost.
//!
//! The shapes are those of Jepsen's tests: halves, one host alone, a bridge, a ring in which each sees
//! another majority.

use crate::machine::Machine;
use windtunnel_record::{HostInfo, fault::Partition, target::Targets};

/// Whether a partition of this shape cuts the link from one host to another.
pub(super) fn cuts(shape: &Partition, from: &HostInfo, to: &HostInfo) -> bool {
    match shape {
        Partition::OneWay {
            from: senders,
            to: receivers,
        } => senders.matches(from) && receivers.matches(to),
        Partition::Split(groups) => {
            let group = |host| groups.iter().position(|targets| targets.matches(host));
            matches!((group(from), group(to)), (Some(one), Some(other)) if one != other)
        }
        Partition::IsolateOne(hosts) => hosts.matches(from) != hosts.matches(to),
        Partition::Bridge(hosts) => matches!(
            (half(hosts, from), half(hosts, to)),
            (Some(one), Some(other)) if one != other
        ),
        Partition::MajorityRing(hosts) => match (place(hosts, from), place(hosts, to)) {
            (Some(from), Some(to)) => !hears(hosts.0.len(), to, from),
            _ => false,
        },
        Partition::Swizzle { .. } => false,
    }
}

fn place(hosts: &Targets, host: &HostInfo) -> Option<usize> {
    hosts.0.iter().position(|target| target.matches(host))
}

/// In which half a host is; the first one is the bridge and in neither.
fn half(hosts: &Targets, host: &HostInfo) -> Option<bool> {
    let after_the_bridge = place(hosts, host)?.checked_sub(1)?;
    let in_halves = hosts.0.len() - 1;
    Some(after_the_bridge < in_halves.div_ceil(2))
}

/// Whether the host at `place` of a ring hears the one at `other`: the majority that stands around
/// it. With an even majority it hears one more before it than behind it, so that some links work in
/// one direction only.
fn hears(hosts: usize, place: usize, other: usize) -> bool {
    let majority = hosts / 2 + 1;
    let before = majority / 2;
    let first = (place + hosts - before) % hosts;
    (other + hosts - first) % hosts < majority
}

pub(super) fn begin(machine: &mut Machine, fault: u32) -> Vec<u32> {
    for link in machine.put_on_links(fault) {
        machine.lose_in_flight(link, Some(fault));
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn in_a_ring_each_hears_a_majority_and_no_two_the_same() {
        for hosts in 3..9 {
            let heard: Vec<BTreeSet<usize>> = (0..hosts)
                .map(|place| {
                    (0..hosts)
                        .filter(|other| hears(hosts, place, *other))
                        .collect()
                })
                .collect();
            for (place, heard) in heard.iter().enumerate() {
                assert!(heard.contains(&place), "{place} of {hosts}");
                assert_eq!(heard.len(), hosts / 2 + 1);
            }
            let different: BTreeSet<_> = heard.into_iter().collect();
            assert_eq!(different.len(), hosts);
        }
    }
}
