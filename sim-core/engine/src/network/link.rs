//! A link: one direction between two hosts.

use super::{Network, queue::Queue, wire::Wire};
use windtunnel_record::{
    Distribution, HostInfo, Impairments, Stream, distribution::Sampler, target::Targets,
};

/// A link that differs from the network's defaults, in both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSpec {
    /// One end.
    pub from: Targets,
    /// The other end.
    pub to: Targets,
    /// Its latency, if that differs.
    pub latency: Option<Distribution>,
    /// Its loss, if that differs.
    pub loss: Option<f64>,
    /// What it does to packets besides, where that differs.
    pub impairments: Impairments,
}

/// One direction between two hosts, with what faults do to it.
#[repr(align(64))]
pub(crate) struct Link {
    pub from: u32,
    pub to: u32,
    latency: Sampler,
    /// The mean latency in nanoseconds: what acknowledgements take.
    pub typical: u64,
    loss: f64,
    /// What else there is to it. Most links have nothing else, and then all of them is one line of the
    /// processor's cache.
    conditions: Option<Box<Conditions>>,
}

/// What faults and settings do to a link besides its latency and its loss.
#[derive(Default)]
pub(crate) struct Conditions {
    /// The faults that cut it.
    pub cuts: Vec<u32>,
    /// The faults that delay it.
    pub delays: Vec<(u32, Distribution)>,
    /// The faults that lose packets on it.
    pub losses: Vec<(u32, f64)>,
    /// What else it does to packets.
    pub wire: Wire,
    /// What waits in front of it, if it carries only so much.
    pub queue: Option<Queue>,
}

/// What becomes of a packet.
pub(crate) struct Fate {
    /// When it arrives; absent if it does not.
    pub arrives: Option<u64>,
    /// The fault that lost or delayed it.
    pub fault: Option<u32>,
    /// When its last bit has left the queue in front of the link.
    pub leaves: u64,
    /// When a second one of it arrives, if it is duplicated.
    pub copy: Option<u64>,
    /// Whether a bit of it is wrong.
    pub corrupt: bool,
}

impl Fate {
    fn arriving(leaves: u64, latency: u64, fault: Option<u32>) -> Self {
        Self {
            arrives: Some(leaves + latency.max(1)),
            fault,
            leaves,
            copy: None,
            corrupt: false,
        }
    }

    fn lost(leaves: u64, fault: Option<u32>) -> Self {
        Self {
            arrives: None,
            fault,
            leaves,
            copy: None,
            corrupt: false,
        }
    }
}

impl Link {
    /// Whether a fault cuts it.
    pub fn is_cut(&self) -> bool {
        let conditions = self.conditions.as_ref();
        conditions.is_some_and(|conditions| !conditions.cuts.is_empty())
    }

    /// What there is to it besides latency and loss.
    pub fn conditions(&self) -> Option<&Conditions> {
        self.conditions.as_deref()
    }

    /// The same, to be changed.
    pub fn conditions_mut(&mut self) -> &mut Conditions {
        self.conditions.get_or_insert_default()
    }

    /// What waits in front of it, if it carries only so much.
    pub fn queue(&self) -> Option<&Queue> {
        self.conditions()?.queue.as_ref()
    }

    /// Takes off it what a fault did.
    pub fn take_off(&mut self, fault: u32) {
        if let Some(conditions) = &mut self.conditions {
            conditions.cuts.retain(|cut| *cut != fault);
            conditions.delays.retain(|(delay, _)| *delay != fault);
            conditions.losses.retain(|(loss, _)| *loss != fault);
            conditions.wire.take_off(fault);
        }
        self.forget_idle_conditions();
    }

    /// Has no conditions where they say nothing, so that packets pass without a look at them.
    pub fn forget_idle_conditions(&mut self) {
        let conditions = self.conditions.as_ref();
        if conditions.is_some_and(|conditions| conditions.say_nothing()) {
            self.conditions = None;
        }
    }

    /// Decides the fate of a packet, or of a burst of `packets`, of `bytes` bytes on the wire, that
    /// is sent at `depart`.
    pub fn fate(&mut self, depart: u64, packets: u64, bytes: u64, stream: &mut Stream) -> Fate {
        let lost = |rate: f64, stream: &mut Stream| {
            rate > 0.0 && stream.chance(1.0 - power(1.0 - rate, packets))
        };
        let Some(conditions) = &mut self.conditions else {
            if lost(self.loss, stream) {
                return Fate::lost(depart, None);
            }
            let latency = self.latency.sample(stream).as_nanos();
            return Fate::arriving(depart, latency, None);
        };
        let mut leaves = depart;
        let mut limited_by = None;
        if let Some(queue) = &mut conditions.queue {
            match queue.pass(depart, bytes) {
                Some(at) => leaves = at,
                None => return Fate::lost(depart, queue.fault),
            }
            limited_by = queue.fault;
        }
        if let Some(fault) = conditions.cuts.first() {
            return Fate::lost(leaves, Some(*fault));
        }
        if lost(self.loss, stream) {
            return Fate::lost(leaves, None);
        }
        for (fault, rate) in &conditions.losses {
            if lost(*rate, stream) {
                return Fate::lost(leaves, Some(*fault));
            }
        }
        let mut latency = self.latency.sample(stream).as_nanos();
        for (_, delay) in &conditions.delays {
            latency += delay.sample(stream).as_nanos();
        }
        let fault = conditions.delays.first().map(|(fault, _)| *fault);
        let mut fate = Fate::arriving(leaves, latency, fault.or(limited_by));
        if !conditions.wire.is_plain() {
            conditions.impair(&mut fate, packets, &self.latency, stream);
        }
        fate
    }
}

impl Conditions {
    fn say_nothing(&self) -> bool {
        let Self {
            cuts,
            delays,
            losses,
            wire,
            queue,
        } = self;
        let plain = wire.is_plain() && wire.limits.is_empty() && queue.is_none();
        plain && cuts.is_empty() && delays.is_empty() && losses.is_empty()
    }

    /// Holds back, copies and corrupts.
    fn impair(&self, fate: &mut Fate, packets: u64, latency: &Sampler, stream: &mut Stream) {
        let mut hit = |rate: f64| rate > 0.0 && stream.chance(1.0 - power(1.0 - rate, packets));
        let reordered = self.wire.reorders.iter().find(|(_, one)| hit(one.rate));
        let copied = self.wire.duplicates.iter().find(|(_, rate)| hit(*rate));
        let corrupted = self.wire.corruptions.iter().find(|(_, rate)| hit(*rate));
        if let Some((fault, reorder)) = reordered {
            let late = reorder.by.sample(stream).as_nanos();
            fate.arrives = fate.arrives.map(|at| at + late);
            fate.fault = fate.fault.or(*fault);
        }
        if let Some((fault, _)) = copied {
            fate.copy = Some(fate.leaves + latency.sample(stream).as_nanos().max(1));
            fate.fault = fate.fault.or(*fault);
        }
        if let Some((fault, _)) = corrupted {
            fate.corrupt = true;
            fate.fault = fate.fault.or(*fault);
        }
    }
}

/// `base` to a whole power by repeated squaring, the same on every machine.
fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut result = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    result
}

impl Network {
    /// The link from one host to another, made on first use.
    pub fn link(&mut self, hosts: &[HostInfo], from: u32, to: u32) -> (usize, bool) {
        if let Some(&number) = self.by_hosts.get(&(from, to)) {
            return (number, false);
        }
        let (one, other) = (&hosts[from as usize], &hosts[to as usize]);
        let default = if from == to {
            self.spec.loopback
        } else if one.zone == other.zone {
            self.spec.same_zone
        } else {
            self.spec.cross_zone
        };
        let special = self.spec.links.iter().rfind(|link| {
            from != to
                && ((link.from.matches(one) && link.to.matches(other))
                    || (link.from.matches(other) && link.to.matches(one)))
        });
        let latency = special.and_then(|link| link.latency).unwrap_or(default);
        let usual = if from == to { 0.0 } else { self.spec.loss };
        let loss = special.and_then(|link| link.loss).unwrap_or(usual);
        let typical = latency.mean().as_nanos().max(1);
        let own = special.map_or_else(Impairments::default, |link| link.impairments);
        let impairments = if from == to {
            Impairments::default()
        } else {
            own.or(self.spec.impairments)
        };
        let conditions = (impairments != Impairments::default()).then(|| {
            let wire = Wire::new(&impairments);
            let limit = wire.limit();
            let queue = limit.map(|(limit, fault)| Queue::new(limit, fault, 0));
            Box::new(Conditions {
                wire,
                queue,
                ..Conditions::default()
            })
        });
        let number = self.links.len();
        self.by_hosts.insert((from, to), number);
        self.links.push(Link {
            from,
            to,
            latency: latency.into(),
            typical,
            loss,
            conditions,
        });
        (number, true)
    }

    pub(super) fn link_ref(&self, number: usize) -> &Link {
        &self.links[number]
    }

    pub(super) fn link_mut(&mut self, number: usize) -> &mut Link {
        &mut self.links[number]
    }

    /// All links, for faults that touch some of them.
    pub(crate) fn links_mut(&mut self) -> impl Iterator<Item = (usize, &mut Link)> {
        self.links.iter_mut().enumerate()
    }

    /// A stream for the packets of one direction of a connection.
    pub(super) fn packet_stream(&self, name: &str) -> Stream {
        self.seed.stream(name)
    }
}
