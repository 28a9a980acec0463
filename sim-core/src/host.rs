//! Hosts of a tunnel.

use crate::tunnel::Tunnel;
use futures_util::FutureExt;
use std::{future::Future, io, net::IpAddr, pin::Pin};
use windtunnel_record::{Clock, Distribution, HostInfo, Scheduling, Size, Span, Throughput};

/// Starts a process: called once per life of the host's process.
pub(crate) type Main = Box<dyn FnMut() -> Pin<Box<dyn Future<Output = io::Result<()>>>>>;

/// What is known of a host to be.
pub(crate) struct Planned {
    pub info: HostInfo,
    pub cores: usize,
    pub scheduling: Scheduling,
    pub speed: f64,
    pub per_poll: Span,
    pub per_byte: Span,
    pub disk: Disk,
    pub files: Option<u32>,
    pub memory: Option<Size>,
    pub clock: Clock,
    pub restart_after: Option<Span>,
    pub main: Main,
}

/// A disk: how long it takes for what, and how much it holds.
///
/// ```
/// # use windtunnel::{Disk, millis, record::Size};
/// let disk = Disk {
///     read: Some(windtunnel::between(millis(4), millis(12))),
///     capacity: Some(Size::from_mib(64)),
///     ..Disk::default()
/// };
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disk {
    /// How long an fsync takes, besides moving its bytes.
    pub sync: Distribution,
    /// How long a read takes that the page cache cannot serve (after a loss of power it is empty);
    /// nothing when absent.
    pub read: Option<Distribution>,
    /// How long each write into the page cache takes, as when the kernel holds writers back; nothing
    /// when absent.
    pub write: Option<Distribution>,
    /// How fast bytes move between page cache and medium; at once when absent.
    pub bandwidth: Option<Throughput>,
    /// How many bytes it holds, in blocks of 4 KiB for files and one for each directory; no bound when
    /// absent.
    pub capacity: Option<Size>,
}

impl Default for Disk {
    /// A solid-state disk: an fsync takes half a millisecond at the median, 4 ms at the 99th
    /// percentile; the rest takes no time, and there is always room.
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

/// A host that is being described; it exists from [`HostBuilder::run`] on.
#[must_use = "a host exists only when it runs something"]
pub struct HostBuilder<'t> {
    tunnel: &'t mut Tunnel,
    info: HostInfo,
    cores: usize,
    scheduling: Scheduling,
    speed: f64,
    per_poll: Span,
    per_byte: Span,
    disk: Disk,
    files: Option<u32>,
    memory: Option<Size>,
    clock: Clock,
    restart_after: Option<Span>,
}

impl<'t> HostBuilder<'t> {
    pub(crate) fn new(tunnel: &'t mut Tunnel, name: &str) -> Self {
        let info = HostInfo {
            name: name.into(),
            service: name.into(),
            replica: 0,
            zone: "a".into(),
            role: "service".into(),
        };
        let (per_poll, per_byte) = (Span::from_micros(5), Span::from_nanos(1));
        let disk = Disk::default();
        Self {
            tunnel,
            info,
            cores: 4,
            scheduling: Scheduling::Fifo,
            speed: 1.0,
            per_poll,
            per_byte,
            disk,
            files: None,
            memory: None,
            clock: Clock::default(),
            restart_after: None,
        }
    }

    /// Stands in this zone; `"a"` by default.
    pub fn zone(mut self, zone: &str) -> Self {
        self.info.zone = zone.into();
        self
    }

    /// Is replica number `replica` of `service`.
    pub fn replica_of(mut self, service: &str, replica: u32) -> Self {
        self.info.service = service.into();
        self.info.replica = replica;
        self
    }

    /// Is for this: `service` by default, `gateway`, `client`.
    pub fn role(mut self, role: &str) -> Self {
        self.info.role = role.into();
        self
    }

    /// Has so many cores; 4 by default.
    ///
    /// # Panics
    /// If `cores` is zero.
    pub fn cores(mut self, cores: usize) -> Self {
        assert!(cores > 0, "a host has at least one core");
        self.cores = cores;
        self
    }

    /// Gives its cores to those who want them in this way; first come, first served by default.
    pub fn scheduling(mut self, scheduling: Scheduling) -> Self {
        self.scheduling = scheduling;
        self
    }

    /// Has cores of this speed; at 0.1 all work takes ten times as long.
    ///
    /// # Panics
    /// If `speed` is not above zero.
    pub fn speed(mut self, speed: f64) -> Self {
        assert!(speed > 0.0 && speed.is_finite(), "a speed is above zero");
        self.speed = speed;
        self
    }

    /// Has clocks like these.
    ///
    /// # Panics
    /// If they would stand still or run backwards.
    pub fn clock(mut self, clock: Clock) -> Self {
        assert!(clock.goes(), "a clock goes forward");
        self.clock = clock;
        self
    }

    /// What a poll of a task and a byte read or written cost; 5 µs and 1 ns by default.
    pub fn cpu(mut self, per_poll: Span, per_byte: Span) -> Self {
        (self.per_poll, self.per_byte) = (per_poll, per_byte);
        self
    }

    /// Has this disk.
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disk = disk;
        self
    }

    /// Lets the process hold so many sockets and files at once; any number by default. One more is
    /// refused with EMFILE. Standard streams and what a runtime opens for itself do not count.
    ///
    /// # Panics
    /// If `files` is zero.
    pub fn files(mut self, files: u32) -> Self {
        assert!(files > 0, "a process needs at least one descriptor");
        self.files = Some(files);
        self
    }

    /// Kills the process when it uses more than this; any amount by default. What counts is what
    /// [`memory::hold`](crate::memory::hold) says.
    ///
    /// # Panics
    /// If `limit` is zero.
    pub fn memory(mut self, limit: Size) -> Self {
        assert!(limit.as_bytes() > 0, "a process needs some memory");
        self.memory = Some(limit);
        self
    }

    /// Is started again so long after its `main` returned or it ran out of memory; never by
    /// default.
    pub fn restart_after(mut self, after: Span) -> Self {
        self.restart_after = Some(after);
        self
    }

    /// Runs `main`, once per life of the process.
    pub fn run<F, Fut, T>(self, mut main: F) -> HostRef
    where
        F: FnMut() -> Fut + 'static,
        Fut: Future<Output = T> + 'static,
        T: IntoResult + 'static,
    {
        let main: Main = Box::new(move || {
            // Not in an `async` block, which would have room for it twice.
            Box::pin(main().map(IntoResult::into_result))
        });
        let number = self.tunnel.hosts.len() as u32;
        let name = self.info.name.clone();
        self.tunnel.hosts.push(Planned {
            info: self.info,
            cores: self.cores,
            scheduling: self.scheduling,
            speed: self.speed,
            per_poll: self.per_poll,
            per_byte: self.per_byte,
            disk: self.disk,
            files: self.files,
            memory: self.memory,
            clock: self.clock,
            restart_after: self.restart_after,
            main,
        });
        HostRef {
            name,
            ip: crate::simulation::host_address(number),
        }
    }
}

/// What a `main` may return.
pub trait IntoResult {
    /// As an I/O result.
    fn into_result(self) -> io::Result<()>;
}

impl IntoResult for () {
    fn into_result(self) -> io::Result<()> {
        Ok(())
    }
}

impl<T, E: std::fmt::Display> IntoResult for Result<T, E> {
    fn into_result(self) -> io::Result<()> {
        self.map(drop)
            .map_err(|error| io::Error::other(error.to_string()))
    }
}

/// A host that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRef {
    name: String,
    ip: IpAddr,
}

impl HostRef {
    /// Its name, by which others reach it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A port of it, as an address.
    pub fn addr(&self, port: u16) -> std::net::SocketAddr {
        (self.ip, port).into()
    }

    /// A path on its port 80, as a URL.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}:80{path}", self.name)
    }
}
