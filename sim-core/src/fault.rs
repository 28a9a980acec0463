//! Faults as a test writes them: `partition(zone("a"), zone("b")).at(secs(5)).lasting(…)`.

use windtunnel_record::{
    Bandwidth, ClockOffset, Distribution, FaultSpec, Inject, Span, Target,
    dns::Misanswer,
    fault::{DiskOperation, Dropped, Partition},
    target::Targets,
};

/// Every host.
pub fn everything() -> Target {
    Target::All
}

/// The host of this name, or all replicas of the service of this name.
pub fn host(name: &str) -> Target {
    Target::Name(name.into())
}

/// One replica of a service, counted from 0.
pub fn replica(service: &str, replica: u32) -> Target {
    Target::Replica(service.into(), replica)
}

/// The hosts of a zone.
pub fn zone(name: &str) -> Target {
    Target::Zone(name.into())
}

/// The hosts with a role.
pub fn role(name: &str) -> Target {
    Target::Role(name.into())
}

/// Seconds.
pub const fn secs(secs: u64) -> Span {
    Span::from_secs(secs)
}

/// Milliseconds.
pub const fn millis(millis: u64) -> Span {
    Span::from_millis(millis)
}

/// Every length between two alike.
pub const fn between(min: Span, max: Span) -> Distribution {
    Distribution::Uniform { min, max }
}

/// Memoryless with this mean.
pub const fn exponential(mean: Span) -> Distribution {
    Distribution::Exponential { mean }
}

/// A length of time that is fixed or drawn.
pub trait IntoDistribution {
    /// As a distribution.
    fn into_distribution(self) -> Distribution;
}

impl IntoDistribution for Span {
    fn into_distribution(self) -> Distribution {
        Distribution::Fixed(self)
    }
}

impl IntoDistribution for Distribution {
    fn into_distribution(self) -> Distribution {
        self
    }
}

/// A fault and when it may happen. Without [`Fault::at`] or [`Fault::every`] it begins at the start;
/// without [`Fault::lasting`] it lasts as long as the load.
#[derive(Clone, Debug)]
#[must_use = "a fault happens only when it is given to the tunnel"]
pub struct Fault {
    pub(crate) spec: FaultSpec,
}

impl Fault {
    /// Something that goes wrong, as data.
    pub fn new(inject: Inject) -> Self {
        Self {
            spec: FaultSpec {
                id: String::new(),
                at: None,
                every: None,
                from: None,
                until: None,
                lasting: None,
                inject,
            },
        }
    }

    /// Gives it a name; its random stream is named after it.
    pub fn named(mut self, id: &str) -> Self {
        self.spec.id = id.into();
        self
    }

    /// Happens once, so long after the start.
    pub fn at(mut self, at: impl IntoDistribution) -> Self {
        self.spec.at = Some(at.into_distribution());
        self
    }

    /// Happens again and again, with this time between.
    pub fn every(mut self, gap: impl IntoDistribution) -> Self {
        self.spec.every = Some(gap.into_distribution());
        self
    }

    /// Begins no earlier than `from` and no later than `until`, when it is repeated.
    pub fn within(mut self, from: Span, until: Span) -> Self {
        (self.spec.from, self.spec.until) = (Some(from), Some(until));
        self
    }

    /// Lasts so long.
    pub fn lasting(mut self, lasting: impl IntoDistribution) -> Self {
        self.spec.lasting = Some(lasting.into_distribution());
        self
    }
}

/// No packet passes between the two, in either direction.
pub fn partition(one: impl Into<Targets>, other: impl Into<Targets>) -> Fault {
    Fault::new(Inject::Partition(Partition::Split(vec![
        one.into(),
        other.into(),
    ])))
}

/// No packet passes from one to the other; the other direction works.
pub fn partition_one_way(from: impl Into<Targets>, to: impl Into<Targets>) -> Fault {
    Fault::new(Inject::Partition(Partition::OneWay {
        from: from.into(),
        to: to.into(),
    }))
}

/// One of these hosts, drawn, is cut off from everybody.
pub fn isolate_one(of: impl Into<Targets>) -> Fault {
    Fault::new(Inject::Partition(Partition::IsolateOne(of.into())))
}

/// These hosts fall into two halves that cannot reach each other, but for one that reaches both; who
/// that is is drawn.
pub fn bridge(of: impl Into<Targets>) -> Fault {
    Fault::new(Inject::Partition(Partition::Bridge(of.into())))
}

/// Each of these hosts reaches a majority of them, and no two the same one; their places are drawn.
pub fn majority_ring(of: impl Into<Targets>) -> Fault {
    Fault::new(Inject::Partition(Partition::MajorityRing(of.into())))
}

/// These hosts are cut off from everybody one by one, and healed one by one in another order.
pub fn swizzle(of: impl Into<Targets>) -> Fault {
    Fault::new(Inject::Partition(Partition::Swizzle {
        target: of.into(),
        healed: None,
    }))
}

/// Every packet from one to the other is late.
pub fn slow(from: impl Into<Targets>, to: impl Into<Targets>, by: impl IntoDistribution) -> Fault {
    Fault::new(Inject::Slow {
        from: from.into(),
        to: to.into(),
        by: by.into_distribution(),
    })
}

/// A share of the packets from one to the other is lost.
pub fn loss(from: impl Into<Targets>, to: impl Into<Targets>, rate: f64) -> Fault {
    Fault::new(Inject::Loss {
        from: from.into(),
        to: to.into(),
        rate,
    })
}

/// Each link from one to the other carries no more than `rate`, with the usual queue in front.
pub fn bandwidth(from: impl Into<Targets>, to: impl Into<Targets>, rate: Bandwidth) -> Fault {
    Fault::new(Inject::Bandwidth {
        from: from.into(),
        to: to.into(),
        rate,
        queue: None,
    })
}

/// A share of the packets from one to the other arrives twice.
pub fn duplicate(from: impl Into<Targets>, to: impl Into<Targets>, rate: f64) -> Fault {
    Fault::new(Inject::Duplicate {
        from: from.into(),
        to: to.into(),
        rate,
    })
}

/// A share of the packets from one to the other is held back, so that later ones overtake them.
pub fn reorder(
    from: impl Into<Targets>,
    to: impl Into<Targets>,
    rate: f64,
    by: impl IntoDistribution,
) -> Fault {
    Fault::new(Inject::Reorder {
        from: from.into(),
        to: to.into(),
        rate,
        by: by.into_distribution(),
    })
}

/// In a share of the packets from one to the other a bit is wrong.
pub fn corrupt(from: impl Into<Targets>, to: impl Into<Targets>, rate: f64) -> Fault {
    Fault::new(Inject::Corrupt {
        from: from.into(),
        to: to.into(),
        rate,
    })
}

/// Look-ups by one, of names of the other, are answered late, as they were, wrongly or not at all.
pub fn dns(from: impl Into<Targets>, of: impl Into<Targets>, how: Misanswer) -> Fault {
    Fault::new(Inject::Dns {
        from: from.into(),
        of: of.into(),
        how,
    })
}

/// The process dies; it starts again when the fault ends.
pub fn crash(target: impl Into<Targets>) -> Fault {
    Fault::new(Inject::Crash {
        target: target.into(),
        count: None,
    })
}

/// The host goes dark and loses what was not fsynced; it boots when the fault ends.
pub fn power_loss(target: impl Into<Targets>) -> Fault {
    Fault::new(Inject::PowerLoss {
        target: target.into(),
        count: None,
    })
}

/// The process is asked to stop, killed after `grace`, and started again.
pub fn restart(target: impl Into<Targets>, grace: Span) -> Fault {
    Fault::new(Inject::Restart {
        target: target.into(),
        count: None,
        grace,
    })
}

/// The process is frozen; it goes on when the fault ends.
pub fn pause(target: impl Into<Targets>) -> Fault {
    Fault::new(Inject::Pause {
        target: target.into(),
        count: None,
    })
}

/// What serves a request is given up at its `at`-th await after the request's first bytes were read,
/// counted from 1; at a drawn one if `at` is `None`. The task is dropped with the connection in it.
///
/// To try every await of a program, run it with 1, 2, 3, ... until no request is hit any more.
pub fn cancel(target: impl Into<Targets>, at: impl Into<Option<u32>>) -> Fault {
    Fault::new(Inject::Cancel {
        target: target.into(),
        at_await: at.into(),
        drop: Dropped::Request,
        rate: 1.0,
    })
}

/// Like [`cancel`], but what is dropped is the connection under the request: both of its ends are
/// reset, and the task learns of that as it may.
pub fn cancel_connection(target: impl Into<Targets>, at: impl Into<Option<u32>>) -> Fault {
    Fault::new(Inject::Cancel {
        target: target.into(),
        at_await: at.into(),
        drop: Dropped::Connection,
        rate: 1.0,
    })
}

/// The wall clock shows a time that is `by` off, while the fault lasts.
pub fn clock_skew(target: impl Into<Targets>, by: ClockOffset) -> Fault {
    Fault::new(Inject::ClockSkew {
        target: target.into(),
        by,
    })
}

/// Clocks and timers are too fast by `ppm` millionths, or too slow, while the fault lasts. What the
/// clocks gained or lost stays.
pub fn clock_drift(target: impl Into<Targets>, ppm: f64) -> Fault {
    Fault::new(Inject::ClockDrift {
        target: target.into(),
        ppm,
    })
}

/// The wall clock is set, once, to a time that is `by` off.
pub fn clock_jump(target: impl Into<Targets>, by: ClockOffset) -> Fault {
    Fault::new(Inject::ClockJump {
        target: target.into(),
        by,
    })
}

/// Cores have only this share of their speed, above 0 and at most 1, while the fault lasts.
pub fn cpu_starve(target: impl Into<Targets>, share: f64) -> Fault {
    Fault::new(Inject::CpuStarve {
        target: target.into(),
        share,
    })
}

/// A clock that is ahead by this.
pub const fn ahead(by: Span) -> ClockOffset {
    ClockOffset::Ahead(by)
}

/// A clock that is behind by this.
pub const fn behind(by: Span) -> ClockOffset {
    ClockOffset::Behind(by)
}

/// Every open connection between the two is reset.
pub fn reset(from: impl Into<Targets>, to: impl Into<Targets>) -> Fault {
    Fault::new(Inject::Reset {
        from: from.into(),
        to: to.into(),
    })
}

/// Every operation on the disk is late: reads, writes and syncs.
pub fn disk_slow(target: impl Into<Targets>, by: impl IntoDistribution) -> Fault {
    Fault::new(Inject::DiskSlow {
        target: target.into(),
        count: None,
        by: by.into_distribution(),
        operations: Vec::new(),
    })
}

/// The disk has no room: what would need some fails with `StorageFull`.
pub fn disk_full(target: impl Into<Targets>) -> Fault {
    Fault::new(Inject::DiskFull {
        target: target.into(),
        count: None,
    })
}

/// A share of the operations of these kinds fails with EIO; of all kinds if the list is empty.
pub fn disk_error(target: impl Into<Targets>, operations: &[DiskOperation], rate: f64) -> Fault {
    Fault::new(Inject::DiskError {
        target: target.into(),
        count: None,
        operations: operations.to_vec(),
        rate,
        once: false,
    })
}

/// One sync of each host fails. The kernel gives up what that sync was to write: the next one succeeds,
/// and the bytes are gone with the power.
pub fn sync_fails_once(target: impl Into<Targets>) -> Fault {
    Fault::new(Inject::DiskError {
        target: target.into(),
        count: None,
        operations: vec![DiskOperation::Sync],
        rate: 1.0,
        once: true,
    })
}
