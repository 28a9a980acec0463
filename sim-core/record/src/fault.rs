//! Faults as data: what goes wrong ([`Inject`]), when it may ([`FaultSpec`]), and when it does
//! ([`FaultPlan`], the explicit list a run executes). Generators only write plans.
//!
//! The file grows with the kinds of faults, because one enum names them all.

pub use crate::{
    partition::Partition,
    plan::{FaultPlan, FaultSpec, PlannedFault},
};

use crate::{Bandwidth, ClockOffset, Distribution, Size, Span};
use crate::{dns::Misanswer, target::Targets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One kind of fault with its targets. Externally tagged: `{ crash = { target = "orders" } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Inject {
    /// No packet passes between groups of hosts (or in one direction only).
    Partition(Partition),
    /// Every packet from `from` to `to` is late by a drawn delay.
    Slow {
        /// The senders; every host by default.
        #[serde(default = "Targets::all")]
        from: Targets,
        /// The receivers.
        #[serde(default = "Targets::all")]
        to: Targets,
        /// The delay added to each packet.
        by: Distribution,
    },
    /// Each packet from `from` to `to` is lost with probability `rate`.
    Loss {
        /// The senders; every host by default.
        #[serde(default = "Targets::all")]
        from: Targets,
        /// The receivers.
        #[serde(default = "Targets::all")]
        to: Targets,
        /// The probability, 0 to 1.
        rate: f64,
    },
    /// Each link from `from` to `to` carries no more than `rate`; what finds no room in front of it is
    /// lost.
    Bandwidth {
        /// The senders; every host by default.
        #[serde(default = "Targets::all")]
        from: Targets,
        /// The receivers.
        #[serde(default = "Targets::all")]
        to: Targets,
        /// How fast each link is.
        rate: Bandwidth,
        /// How many bytes wait in front of it; as much as it carries in 100 ms when absent, but at
        /// least 32 KiB.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<Size>,
    },
    /// Each packet from `from` to `to` arrives twice with probability `rate`.
    Duplicate {
        /// The senders; every host by default.
        #[serde(default = "Targets::all")]
        from: Targets,
        /// The receivers.
        #[serde(default = "Targets::all")]
        to: Targets,
        /// The probability, 0 to 1.
        rate: f64,
    },
    /// Each packet from `from` to `to` is held back with probability `rate`; later ones overtake it.
    Reorder {
        /// The senders; every host by default.
        #[serde(default = "Targets::all")]
        from: Targets,
        /// The receivers.
        #[serde(default = "Targets::all")]
        to: Targets,
        /// The probability, 0 to 1.
        rate: f64,
        /// For how long.
        by: Distribution,
    },
    /// In each packet from `from` to `to` a bit is wrong with probability `rate`. TCP notices and sends
    /// it again; a datagram is delivered so.
    Corrupt {
        /// The senders; every host by default.
        #[serde(default = "Targets::all")]
        from: Targets,
        /// The receivers.
        #[serde(default = "Targets::all")]
        to: Targets,
        /// The probability, 0 to 1.
        rate: f64,
    },
    /// Names are looked up late, as they were, wrongly or not at all.
    Dns {
        /// Who looks them up; every host by default.
        #[serde(default = "Targets::all")]
        from: Targets,
        /// Whose names; every host's by default.
        #[serde(default = "Targets::all")]
        of: Targets,
        /// What goes wrong.
        how: Misanswer,
    },
    /// The process dies, the host's kernel stays up; it starts again when the fault ends.
    Crash {
        /// The hosts.
        target: Targets,
        /// How many of them, drawn; all when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
    },
    /// The whole host goes dark and loses what was not fsynced; it boots when the fault ends.
    PowerLoss {
        /// The hosts.
        target: Targets,
        /// How many of them, drawn; all when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
    },
    /// The process is asked to stop (SIGTERM), killed after `grace`, and started again.
    Restart {
        /// The hosts.
        target: Targets,
        /// How many of them, drawn; all when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
        /// How long it may take to stop by itself.
        #[serde(default = "default_grace")]
        grace: Span,
    },
    /// The process is frozen (SIGSTOP) while its kernel goes on; it resumes when the fault ends.
    Pause {
        /// The hosts.
        target: Targets,
        /// How many of them, drawn; all when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
    },
    /// Every open connection between `from` and `to` is reset on both sides.
    Reset {
        /// One side; every host by default.
        #[serde(default = "Targets::all")]
        from: Targets,
        /// The other side.
        #[serde(default = "Targets::all")]
        to: Targets,
    },
    /// Requests at a service are answered with an error status instead of being served.
    Errors {
        /// The hosts.
        target: Targets,
        /// The status code, 400 to 599.
        status: u16,
        /// The share of requests, 0 to 1.
        #[serde(default = "one")]
        rate: f64,
    },
    /// What serves a request is given up at one of its awaits, as when its caller hangs up.
    Cancel {
        /// The hosts.
        target: Targets,
        /// At which await after the request's first bytes were read, from 1; drawn for each request
        /// when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_await: Option<u32>,
        /// What is dropped.
        #[serde(default)]
        drop: Dropped,
        /// The share of requests, 0 to 1.
        #[serde(default = "one")]
        rate: f64,
    },
    /// The wall clock shows another time while the fault lasts.
    ClockSkew {
        /// The hosts.
        target: Targets,
        /// By how much.
        by: ClockOffset,
    },
    /// Clocks and timers are too fast, or too slow, while the fault lasts; what was gained stays.
    ClockDrift {
        /// The hosts.
        target: Targets,
        /// By how many millionths too fast; too slow if negative.
        ppm: f64,
    },
    /// Cores are slower while the fault lasts, as when others on the machine take their time.
    CpuStarve {
        /// The hosts.
        target: Targets,
        /// The share of their speed that is left, above 0 and at most 1.
        share: f64,
    },
    /// The wall clock is set to another time, once.
    ClockJump {
        /// The hosts.
        target: Targets,
        /// By how much.
        by: ClockOffset,
    },
    /// Operations on a host's disk are late by a drawn delay.
    DiskSlow {
        /// The hosts.
        target: Targets,
        /// How many of them, drawn; all when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
        /// The delay added to each operation.
        by: Distribution,
        /// Which operations; all when absent.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        operations: Vec<DiskOperation>,
    },
    /// A host's disk has no room: what would need some fails with ENOSPC.
    DiskFull {
        /// The hosts.
        target: Targets,
        /// How many of them, drawn; all when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
    },
    /// Operations on a host's disk fail with EIO. The bytes that a failed sync was to make durable are
    /// given up by the kernel: the next sync succeeds without them.
    DiskError {
        /// The hosts.
        target: Targets,
        /// How many of them, drawn; all when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
        /// Which operations; all when absent.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        operations: Vec<DiskOperation>,
        /// The share of operations, 0 to 1.
        #[serde(default = "one")]
        rate: f64,
        /// Only one operation of each host fails.
        #[serde(default)]
        once: bool,
    },
}

/// What is done to a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DiskOperation {
    /// A read.
    Read,
    /// A write into the page cache.
    Write,
    /// fsync, fdatasync and the kernel's own write-back.
    Sync,
}

impl DiskOperation {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
        }
    }

    /// Whether a fault with this list of operations touches it: an empty list means all.
    pub fn is_among(self, operations: &[Self]) -> bool {
        operations.is_empty() || operations.contains(&self)
    }
}

/// What a `cancel` fault drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dropped {
    /// The future of the task that serves the request, with the connection in it.
    #[default]
    Request,
    /// The connection: both ends are reset, and the task learns of it as it may.
    Connection,
}

impl Dropped {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Connection => "connection",
        }
    }
}

fn default_grace() -> Span {
    Span::from_secs(10)
}

fn one() -> f64 {
    1.0
}

impl Inject {
    /// The field's word for this kind of fault: `partition`, `power-loss`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Partition(_) => "partition",
            Self::Slow { .. } => "slow",
            Self::Loss { .. } => "loss",
            Self::Bandwidth { .. } => "bandwidth",
            Self::Duplicate { .. } => "duplicate",
            Self::Reorder { .. } => "reorder",
            Self::Corrupt { .. } => "corrupt",
            Self::Dns { .. } => "dns",
            Self::Crash { .. } => "crash",
            Self::PowerLoss { .. } => "power-loss",
            Self::Restart { .. } => "restart",
            Self::Pause { .. } => "pause",
            Self::Reset { .. } => "reset",
            Self::Errors { .. } => "errors",
            Self::Cancel { .. } => "cancel",
            Self::ClockSkew { .. } => "clock-skew",
            Self::ClockDrift { .. } => "clock-drift",
            Self::ClockJump { .. } => "clock-jump",
            Self::CpuStarve { .. } => "cpu-starve",
            Self::DiskSlow { .. } => "disk-slow",
            Self::DiskFull { .. } => "disk-full",
            Self::DiskError { .. } => "disk-error",
        }
    }

    /// All lists of targets in it, for checking that each one means some host.
    pub fn targets(&self) -> Vec<&Targets> {
        match self {
            Self::Partition(shape) => shape.targets(),
            Self::Dns { from, of, how } => match how {
                Misanswer::Wrong(hosts) => vec![from, of, hosts],
                _ => vec![from, of],
            },
            Self::Slow { from, to, .. }
            | Self::Loss { from, to, .. }
            | Self::Bandwidth { from, to, .. }
            | Self::Duplicate { from, to, .. }
            | Self::Reorder { from, to, .. }
            | Self::Corrupt { from, to, .. }
            | Self::Reset { from, to } => vec![from, to],
            Self::Crash { target, .. }
            | Self::PowerLoss { target, .. }
            | Self::Restart { target, .. }
            | Self::Pause { target, .. }
            | Self::Errors { target, .. }
            | Self::Cancel { target, .. }
            | Self::ClockSkew { target, .. }
            | Self::ClockDrift { target, .. }
            | Self::ClockJump { target, .. }
            | Self::CpuStarve { target, .. }
            | Self::DiskSlow { target, .. }
            | Self::DiskFull { target, .. }
            | Self::DiskError { target, .. } => vec![target],
        }
    }

    /// Whether it changes what clocks show.
    pub const fn is_of_clocks(&self) -> bool {
        matches!(
            self,
            Self::ClockSkew { .. } | Self::ClockDrift { .. } | Self::ClockJump { .. }
        )
    }

    /// Between whom it acts on each packet, for faults of links that have a direction.
    pub const fn direction(&self) -> Option<(&Targets, &Targets)> {
        match self {
            Self::Slow { from, to, .. }
            | Self::Loss { from, to, .. }
            | Self::Bandwidth { from, to, .. }
            | Self::Duplicate { from, to, .. }
            | Self::Reorder { from, to, .. }
            | Self::Corrupt { from, to, .. } => Some((from, to)),
            _ => None,
        }
    }

    /// The targets and the drawn count of a fault that hits `count` of several hosts.
    pub fn drawn_target(&mut self) -> Option<(&mut Targets, &mut Option<u32>)> {
        match self {
            Self::Crash { target, count }
            | Self::PowerLoss { target, count }
            | Self::Restart { target, count, .. }
            | Self::Pause { target, count }
            | Self::DiskSlow { target, count, .. }
            | Self::DiskFull { target, count }
            | Self::DiskError { target, count, .. } => Some((target, count)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_and_prints_as_a_one_key_table() {
        for text in [
            r#"{ partition = { split = ["zone:a", ["zone:b", "zone:c"]] } }"#,
            r#"{ partition = { one-way = { from = "orders", to = "payments" } } }"#,
            r#"{ partition = { isolate-one = "orders" } }"#,
            r#"{ partition = { bridge = ["zone:a", "stock"] } }"#,
            r#"{ partition = { majority-ring = "*" } }"#,
            r#"{ partition = { swizzle = { target = "orders" } } }"#,
            r#"{ slow = { to = "payments", by = { uniform = { min = "1s", max = "2s" } } } }"#,
            r#"{ loss = { from = "*", to = "orders[1]", rate = 0.05 } }"#,
            r#"{ bandwidth = { to = "orders", rate = "10Mbit/s", queue = "64KiB" } }"#,
            r#"{ duplicate = { from = "zone:a", rate = 0.05 } }"#,
            r#"{ reorder = { to = "orders", rate = 0.2, by = "5ms" } }"#,
            r#"{ corrupt = { rate = 0.01 } }"#,
            r#"{ dns = { of = "orders", how = "stale" } }"#,
            r#"{ dns = { from = "zone:a", how = { slow = "2s" } } }"#,
            r#"{ dns = { of = "orders", how = { wrong = "stock" } } }"#,
            r#"{ crash = { target = "orders", count = 1 } }"#,
            r#"{ power-loss = { target = "orders-0" } }"#,
            r#"{ restart = { target = "role:gateway", grace = "5s" } }"#,
            r#"{ pause = { target = "stock" } }"#,
            r#"{ reset = { to = "stock" } }"#,
            r#"{ errors = { target = "payments", status = 503, rate = 0.5 } }"#,
            r#"{ cancel = { target = "orders", at-await = 3 } }"#,
            r#"{ clock-skew = { target = "orders", by = { ahead = "2s" } } }"#,
            r#"{ clock-drift = { target = "orders", ppm = -50.0 } }"#,
            r#"{ cpu-starve = { target = "orders", share = 0.1 } }"#,
            r#"{ clock-jump = { target = "orders", by = { behind = "1h" } } }"#,
            r#"{ cancel = { target = "orders", drop = "connection", rate = 0.1 } }"#,
            r#"{ disk-slow = { target = "orders", by = "20ms", operations = ["read"] } }"#,
            r#"{ disk-full = { target = "orders", count = 1 } }"#,
            r#"{ disk-error = { target = "*", operations = ["sync"], once = true } }"#,
            r#"{ disk-error = { target = "*", rate = 0.01 } }"#,
        ] {
            let spec = format!("id = \"x\"\nat = \"3s\"\nfor = \"1s\"\ninject = {text}");
            let read: FaultSpec = toml::from_str(&spec).expect(text);
            let printed = toml::to_string(&read).expect("a spec prints");
            assert_eq!(
                toml::from_str::<FaultSpec>(&printed).expect("and reads"),
                read
            );
            assert!(text.contains(read.inject.kind()));
        }
    }

    #[test]
    fn misspelt_keys_and_kinds_are_refused() {
        for (text, hint) in [
            (r#"{ crush = { target = "a" } }"#, "unknown variant `crush`"),
            (r#"{ crash = { targets = "a" } }"#, "targets"),
            (r#"{ loss = { to = "a" } }"#, "missing field `rate`"),
        ] {
            let spec = format!("id = \"x\"\ninject = {text}");
            let error = toml::from_str::<FaultSpec>(&spec)
                .expect_err(text)
                .to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
