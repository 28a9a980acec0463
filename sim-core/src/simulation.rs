//! The one module that knows whether this build can simulate.

#[cfg(madsim)]
mod simulated {
    use crate::{observation, tunnel::Tunnel};
    use std::{future::Future, io, net::IpAddr, pin::Pin, time::Duration};
    use tracing_subscriber::filter::Targets;
    use windtunnel_engine::{
        self as engine, CpuCost, DiskSpec, Finished, HostSpec, NetworkSpec, Setup,
        network::LinkSpec, run::RunError,
    };
    use windtunnel_record::{FaultPlan, Fields, Outcome, RunSpec};

    /// A future as the `main` of a host.
    pub fn as_main(
        future: impl Future<Output = ()> + 'static,
    ) -> Pin<Box<dyn Future<Output = io::Result<()>>>> {
        Box::pin(async move {
            future.await;
            Ok(())
        })
    }

    pub fn host_address(number: u32) -> IpAddr {
        engine::network::host_address(number)
    }

    pub fn now() -> u64 {
        engine::clock::now()
    }

    pub async fn until(at: u64) {
        engine::timer::until(at).await;
    }

    pub fn invoked(name: &str, key: &str) -> u64 {
        engine::observe::invoked(name, key)
    }

    pub fn completed(operation: u64, outcome: Outcome, detail: &str) {
        engine::observe::completed(operation, outcome, detail);
    }

    /// A service states a fact, as `tracing` events with target `observe` do.
    pub fn observed(name: &str, fields: Fields) {
        engine::observe::observed(name, fields);
    }

    /// A component of the caller's host reports a decision or a change of state.
    pub fn component(component: &str, instance: &str, what: &str, fields: Fields) {
        engine::observe::component(component, instance, what, fields);
    }

    /// A gauge of the caller's host has this value.
    pub fn gauge(name: &str, value: i64) {
        engine::observe::gauge(name, value);
    }

    /// The status with which the present request is to be answered, if an `errors` fault says so.
    pub fn injected_error() -> Option<u16> {
        engine::observe::injected_error()
    }

    /// Works for `span` on a core of the caller's host; other tasks wait if no other core is free.
    pub async fn work(span: Duration) {
        engine::cpu::work(span).await;
    }

    /// Waits for `span`, exact to the nanosecond, which tokio's timers are not.
    pub async fn pause(span: Duration) {
        let span = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        until(now().saturating_add(span)).await;
    }

    /// Where the present code runs, for logs.
    pub fn whereabouts() -> Option<(u64, String)> {
        Some((now(), engine::process::current_host_name()?))
    }

    fn network_of(settings: crate::tunnel::Network) -> NetworkSpec {
        let default = NetworkSpec::default();
        let links = settings.links.into_iter().map(|link| LinkSpec {
            from: link.from,
            to: link.to,
            latency: link.latency,
            loss: link.loss,
        });
        NetworkSpec {
            loopback: settings.loopback.unwrap_or(default.loopback),
            same_zone: settings.same_zone.unwrap_or(default.same_zone),
            cross_zone: settings.cross_zone.unwrap_or(default.cross_zone),
            loss: settings.loss.unwrap_or(default.loss),
            syn_retries: settings.syn_retries.unwrap_or(default.syn_retries),
            syn_linear: settings.syn_linear.unwrap_or(default.syn_linear),
            links: links.collect(),
            ..default
        }
    }

    /// Runs a tunnel; `make` describes it and gives its faults, on the run's own thread.
    pub fn run(
        spec: &RunSpec,
        keep_packets: bool,
        log: Option<Targets>,
        make: impl FnOnce() -> (Tunnel, FaultPlan) + Send + 'static,
    ) -> Result<Finished, RunError> {
        engine::run(spec, move || {
            let echo = log.is_some();
            let guard = observation::install(log);
            let (tunnel, faults) = make();
            let hosts = tunnel.hosts.into_iter().map(|host| HostSpec {
                info: host.info,
                cores: host.cores,
                speed: host.speed,
                cpu: CpuCost {
                    per_poll: host.per_poll,
                    per_byte: host.per_byte,
                },
                disk: DiskSpec { sync: host.sync },
                main: host.main,
                restart_after: host.restart_after,
            });
            Setup {
                hosts: hosts.collect(),
                network: network_of(tunnel.network),
                faults,
                load: tunnel.load_for,
                settle: tunnel.settle,
                epoch: tunnel.epoch,
                sample_every: tunnel.sample_every,
                keep_packets,
                echo,
                guard: Some(Box::new(guard)),
            }
        })
    }
}

#[cfg(not(madsim))]
mod refusing {
    //! A build for the real world: everything that needs a simulation refuses.

    use crate::tunnel::Tunnel;
    use std::{future::Future, io, net::IpAddr, pin::Pin, time::Duration};
    use tracing_subscriber::filter::Targets;
    use windtunnel_record::{
        Digest, Event, FaultPlan, Fields, Moment, Outcome, Record, RunSpec, Span, Topology,
    };

    /// Never made here.
    pub struct Finished {
        pub digest: Digest,
        pub event_count: u64,
        pub events: Vec<Record>,
        pub topology: Topology,
        pub simulated: Span,
        pub settled_from: Moment,
        pub planned_end: Moment,
        pub faults: FaultPlan,
        pub tasks_left: usize,
    }

    /// The refusal.
    #[derive(Debug, thiserror::Error)]
    #[error(
        "this program was built for the real world and cannot simulate (build it with `--cfg madsim \
         --cfg tokio_unstable`, which .cargo/config.toml sets unless a RUSTFLAGS variable replaces \
         it)"
    )]
    pub struct RunError;

    pub fn as_main(
        future: impl Future<Output = ()> + 'static,
    ) -> Pin<Box<dyn Future<Output = io::Result<()>>>> {
        Box::pin(async move {
            future.await;
            Ok(())
        })
    }

    pub fn host_address(_: u32) -> IpAddr {
        IpAddr::from([127, 0, 0, 1])
    }

    pub fn now() -> u64 {
        0
    }

    pub async fn until(_: u64) {}

    pub fn invoked(_: &str, _: &str) -> u64 {
        0
    }

    pub fn completed(_: u64, _: Outcome, _: &str) {}

    /// In the real world facts are `tracing` events and nothing else.
    pub fn observed(_: &str, _: Fields) {}

    /// In the real world hooks become `tracing` events.
    pub fn component(_: &str, _: &str, _: &str, _: Fields) {}

    /// In the real world gauges are metrics of the program.
    pub fn gauge(_: &str, _: i64) {}

    /// No faults are injected in the real world.
    pub fn injected_error() -> Option<u16> {
        None
    }

    /// In the real world the caller works itself; this waits as long.
    pub async fn work(span: Duration) {
        tokio::time::sleep(span).await;
    }

    /// Waits for `span`.
    pub async fn pause(span: Duration) {
        tokio::time::sleep(span).await;
    }

    pub fn whereabouts() -> Option<(u64, String)> {
        None
    }

    /// Refuses.
    pub fn run(
        _: &RunSpec,
        _: bool,
        _: Option<Targets>,
        _: impl FnOnce() -> (Tunnel, FaultPlan) + Send + 'static,
    ) -> Result<Finished, RunError> {
        let _ = Event::is_packet;
        Err(RunError)
    }
}

#[cfg(not(madsim))]
pub use refusing::*;
#[cfg(madsim)]
pub use simulated::*;
#[cfg(madsim)]
pub use windtunnel_engine::{Finished, run::RunError};
