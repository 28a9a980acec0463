//! A host: cores, a kernel that outlives its processes, a disk that outlives the power.

use crate::{clock::HostClock, cpu::Cores, disk::Disk, memory::Memory, process::ProcessId};
use std::{future::Future, io, pin::Pin};
use windtunnel_record::{Distribution, HostInfo, Scheduling, Size, Span, Throughput};

/// Starts a process: called once per incarnation, on the run's thread.
pub type MainFn = Box<dyn FnMut() -> Pin<Box<dyn Future<Output = io::Result<()>>>>>;

/// A host to be set up.
pub struct HostSpec {
    /// Its name, service, zone and role.
    pub info: HostInfo,
    /// How many cores it has.
    pub cores: usize,
    /// How they are given to those who want them.
    pub scheduling: Scheduling,
    /// How fast they are; 0.1 makes everything take ten times as long.
    pub speed: f64,
    /// What a poll and a byte cost.
    pub cpu: CpuCost,
    /// Its disk.
    pub disk: DiskSpec,
    /// How many descriptors its process may hold; any number when absent.
    pub files: Option<u32>,
    /// How many bytes of memory its process may use; any number when absent.
    pub memory: Option<Size>,
    /// What runs on it.
    pub main: MainFn,
    /// What its clocks show.
    pub clock: HostClock,
    /// How long after its `main` returned it is started again; never when absent.
    pub restart_after: Option<Span>,
}

/// What work costs on a core of speed 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuCost {
    /// For each poll of a task.
    pub per_poll: Span,
    /// For each byte read or written.
    pub per_byte: Span,
}

impl Default for CpuCost {
    fn default() -> Self {
        Self {
            per_poll: Span::from_micros(5),
            per_byte: Span::from_nanos(1),
        }
    }
}

impl CpuCost {
    /// Work costs nothing.
    pub const FREE: Self = Self {
        per_poll: Span::ZERO,
        per_byte: Span::ZERO,
    };
}

/// What a disk is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiskSpec {
    /// How long an fsync takes.
    pub sync: Distribution,
    /// How long a read takes that the page cache cannot serve; nothing when absent.
    pub read: Option<Distribution>,
    /// How long a write into the page cache takes; nothing when absent.
    pub write: Option<Distribution>,
    /// How fast bytes move between cache and medium; at once when absent.
    pub bandwidth: Option<Throughput>,
    /// How many bytes it has; no bound when absent.
    pub capacity: Option<Size>,
}

impl Default for DiskSpec {
    fn default() -> Self {
        let sync = Distribution::Lognormal {
            p50: Span::from_micros(500),
            p99: Span::from_millis(4),
        };
        Self {
            sync,
            read: None,
            write: None,
            bandwidth: None,
            capacity: None,
        }
    }
}

/// A host of a running machine.
pub(crate) struct Host {
    pub info: HostInfo,
    pub cores: Cores,
    /// Boxed, because most events of a host have nothing to do with it.
    pub disk: Box<Disk>,
    /// How many descriptors its process may hold.
    pub files: Option<u32>,
    pub memory: Memory,
    pub main: Option<MainFn>,
    pub restart_after: Option<Span>,
    /// The process that runs, if one does.
    pub process: Option<ProcessId>,
    /// How many processes it has started.
    pub incarnations: u32,
    /// How often it booted; sockets of an earlier boot are unknown to it.
    pub boots: u32,
    /// How many faults hold it down. It starts again when the last of them ends.
    pub held_down: u32,
    /// How many of them took its power. It boots when the last of these ends.
    pub held_dark: u32,
    /// How many faults freeze its process.
    pub paused_by: u32,
    /// How many tasks waited for a core, and how many cores were at work, when that was last read.
    pub sampled_depth: i64,
    pub sampled_busy: i64,
}

impl Host {
    pub fn new(spec: HostSpec, disk: Disk) -> Self {
        Self {
            cores: Cores::new(spec.cores, spec.scheduling, spec.speed, spec.cpu),
            info: spec.info,
            disk: Box::new(disk),
            files: spec.files,
            memory: Memory::new(spec.memory.map(Size::as_bytes)),
            main: Some(spec.main),
            restart_after: spec.restart_after,
            process: None,
            incarnations: 0,
            boots: 0,
            held_down: 0,
            held_dark: 0,
            paused_by: 0,
            sampled_depth: 0,
            sampled_busy: 0,
        }
    }
}
