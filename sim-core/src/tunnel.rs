//! The description of a run: hosts, network, load, faults, rules.

use crate::{
    client::Client,
    fault::Fault,
    host::{Disk, HostBuilder, Planned},
    load::{Action, Load, generate},
    simulation,
};
use std::{future::Future, rc::Rc};
use windtunnel_checkers::{NamedRule, World};
use windtunnel_record::{
    Clock, Distribution, Dns, Event, FaultSpec, History, HostInfo, Impairments, Scheduling, Seed,
    Span, target::Targets,
};

/// What the network between hosts is like. Absent settings keep their defaults: about 30 µs from a
/// host to itself, 0.3 ms in a zone, 1 ms between zones, no loss, Linux's SYN retries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// Latency from a host to itself.
    pub loopback: Option<Distribution>,
    /// Latency between hosts of one zone.
    pub same_zone: Option<Distribution>,
    /// Latency between zones.
    pub cross_zone: Option<Distribution>,
    /// The share of packets lost between hosts.
    pub loss: Option<f64>,
    /// What links between hosts do to packets besides.
    pub impairments: Impairments,
    /// Linux `tcp_syn_retries`.
    pub syn_retries: Option<u8>,
    /// Linux `tcp_syn_linear_timeouts`.
    pub syn_linear: Option<u8>,
    /// Linux `tcp_retries2`: how long an open connection goes on without an answer.
    pub retries2: Option<u8>,
    /// When sockets with keep-alive probe a silent peer; Linux's two hours, 75 s and nine probes by
    /// default.
    pub keep_alive: Option<KeepAlive>,
    /// Whether hosts of a zone share a link: a connect to a dead one then is `HostUnreachable` after
    /// three seconds. By default all paths are routed, and silent.
    pub same_link: Option<bool>,
    /// The name service; without one, names are known at once.
    pub dns: Option<Dns>,
    /// Links that differ; a later one wins.
    pub links: Vec<LinkSettings>,
}

/// When a connection that is kept alive probes its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// After so long without a sign of the peer (Linux `tcp_keepalive_time`).
    pub idle: Span,
    /// So long after the last probe (Linux `tcp_keepalive_intvl`).
    pub interval: Span,
    /// So often before the connection is `TimedOut` (Linux `tcp_keepalive_probes`).
    pub probes: u8,
}

/// A pair of hosts or groups whose link differs, in both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSettings {
    /// One end.
    pub from: Targets,
    /// The other end.
    pub to: Targets,
    /// Its latency.
    pub latency: Option<Distribution>,
    /// Its loss.
    pub loss: Option<f64>,
    /// What it does to packets besides, where that differs.
    pub impairments: Impairments,
}

/// A run in the making. The same description under the same seed is the same run.
pub struct Tunnel {
    pub(crate) seed: Seed,
    pub(crate) hosts: Vec<Planned>,
    pub(crate) network: Network,
    pub(crate) faults: Vec<FaultSpec>,
    pub(crate) rules: Vec<NamedRule>,
    pub(crate) load_for: Span,
    pub(crate) settle: Span,
    pub(crate) epoch: Span,
    pub(crate) sample_every: Span,
    pub(crate) about: String,
}

/// 2026-01-01T00:00:00Z.
const EPOCH: Span = Span::from_secs(1_767_225_600);

impl Tunnel {
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            seed,
            hosts: Vec::new(),
            network: Network::default(),
            faults: Vec::new(),
            rules: vec![
                NamedRule::no_panic(),
                NamedRule::no_failed_main(),
                NamedRule::sealed(),
            ],
            load_for: Span::from_secs(30),
            settle: Span::from_secs(30),
            epoch: EPOCH,
            sample_every: Span::from_millis(250),
            about: String::new(),
        }
    }

    /// The seed of this run. Describing the tunnel differently for different seeds is allowed.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// Says what it is about, in a sentence.
    pub fn about(&mut self, about: &str) -> &mut Self {
        self.about = about.into();
        self
    }

    /// How long load and faults last; 30 s by default.
    pub fn load_for(&mut self, span: Span) -> &mut Self {
        self.load_for = span;
        self
    }

    /// How long the system has to recover and drain afterwards; 30 s by default.
    pub fn settle_for(&mut self, span: Span) -> &mut Self {
        self.settle = span;
        self
    }

    /// What `SystemTime` shows at the start, as time since 1970; the first of January 2026 by
    /// default.
    pub fn epoch(&mut self, since_1970: Span) -> &mut Self {
        self.epoch = since_1970;
        self
    }

    /// How often queues and gauges are read; every 250 ms by default, never if zero.
    pub fn sample_every(&mut self, span: Span) -> &mut Self {
        self.sample_every = span;
        self
    }

    /// Sets what the network is like.
    pub fn network(&mut self, network: Network) -> &mut Self {
        self.network = network;
        self
    }

    /// A new host, which also is its name on the network. It exists once it runs something.
    pub fn host(&mut self, name: &str) -> HostBuilder<'_> {
        HostBuilder::new(self, name)
    }

    /// Something goes wrong. A fault without a name is called after its kind and place in the list.
    pub fn fault(&mut self, fault: Fault) -> &mut Self {
        let mut spec = fault.spec;
        if spec.id.is_empty() {
            spec.id = format!("{}-{}", spec.inject.kind(), self.faults.len());
        }
        self.faults.push(spec);
        self
    }

    /// Something may go wrong, as a scenario file says it.
    pub fn fault_spec(&mut self, spec: FaultSpec) -> &mut Self {
        self.faults.push(spec);
        self
    }

    /// Makes a load from a host of its own, with the role `client`.
    pub fn load<F, Fut>(&mut self, load: Load, action: F) -> &mut Self
    where
        F: Fn(Client, u64) -> Fut + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let action: Action = Rc::new(move |client, key| Box::pin(action(client, key)));
        let (seed, end) = (self.seed, self.load_for.as_nanos());
        let info = HostInfo {
            name: load.name.clone(),
            service: load.name.clone(),
            replica: 0,
            zone: load.zone.clone(),
            role: "client".into(),
        };
        let main = move || {
            let future = generate(load.clone(), seed, end, action.clone());
            simulation::as_main(future)
        };
        self.hosts.push(Planned {
            info,
            // Clients are many machines in truth: their own work is never what one waits for.
            cores: 1,
            scheduling: Scheduling::Fifo,
            speed: 1.0,
            per_poll: Span::ZERO,
            per_byte: Span::ZERO,
            disk: Disk {
                sync: Distribution::Fixed(Span::ZERO),
                ..Disk::default()
            },
            files: None,
            memory: None,
            clock: Clock::default(),
            restart_after: None,
            main: Box::new(main),
        });
        self
    }

    /// A rule that is already made.
    pub fn rule(&mut self, rule: NamedRule) -> &mut Self {
        self.rules.push(rule);
        self
    }

    /// This must hold after every event.
    pub fn always(
        &mut self,
        id: &str,
        holds: impl Fn(&World<'_>) -> bool + Send + 'static,
    ) -> &mut Self {
        self.rule(NamedRule::always(id, holds))
    }

    /// This must hold after no event.
    pub fn never(
        &mut self,
        id: &str,
        holds: impl Fn(&World<'_>) -> bool + Send + 'static,
    ) -> &mut Self {
        self.rule(NamedRule::never(id, holds))
    }

    /// Some event like this must occur, or the runs prove nothing.
    pub fn sometimes(
        &mut self,
        id: &str,
        occurs: impl Fn(&Event) -> bool + Send + 'static,
    ) -> &mut Self {
        self.rule(NamedRule::sometimes(id, occurs))
    }

    /// This must hold at the end of the settle phase.
    pub fn eventually(
        &mut self,
        id: &str,
        holds: impl Fn(&History) -> bool + Send + 'static,
    ) -> &mut Self {
        self.rule(NamedRule::eventually(id, holds))
    }
}
