//! A build for the simulated world: the engine.

use super::observation;
use crate::tunnel::Tunnel;
use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    time::Duration,
};
use tracing_subscriber::filter::Targets;
use windtunnel_engine::{
    self as engine, CpuCost, DiskSpec, Finished, HostSpec, NetworkSpec, Setup, clock::HostClock,
    network::LinkSpec, run::RunError,
};
use windtunnel_record::{ClockOffset, FaultPlan, Fields, Outcome, RunSpec, Size, TraceId};

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

pub fn traced(operation: u64, trace: TraceId) {
    engine::observe::traced(operation, trace);
}

/// A client on the caller's host handed a request to its connection from `local` to `peer`.
pub fn request_sent(local: SocketAddr, peer: SocketAddr, trace: TraceId) {
    engine::observe::request_sent(local, peer, trace);
}

/// A service on the caller's host began to serve a request that came to `local` from `peer`.
pub fn request_received(local: SocketAddr, peer: SocketAddr, trace: TraceId) {
    engine::observe::request_received(local, peer, trace);
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

/// Memory of the caller's process that is declared; given back when this is dropped.
#[derive(Debug)]
#[must_use = "memory is held as long as this is"]
pub struct Held {
    _held: engine::memory::Held,
}

pub fn hold(size: Size) -> Held {
    Held {
        _held: engine::memory::hold(size.as_bytes()),
    }
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
        impairments: link.impairments,
    });
    NetworkSpec {
        loopback: settings.loopback.unwrap_or(default.loopback),
        same_zone: settings.same_zone.unwrap_or(default.same_zone),
        cross_zone: settings.cross_zone.unwrap_or(default.cross_zone),
        loss: settings.loss.unwrap_or(default.loss),
        impairments: settings.impairments,
        dns: settings.dns,
        syn_retries: settings.syn_retries.unwrap_or(default.syn_retries),
        syn_linear: settings.syn_linear.unwrap_or(default.syn_linear),
        retries2: settings.retries2.unwrap_or(default.retries2),
        keep_alive: settings.keep_alive.map_or(default.keep_alive, |keep| {
            engine::network::KeepAlive {
                idle: keep.idle,
                interval: keep.interval,
                probes: keep.probes,
            }
        }),
        same_link: settings.same_link.unwrap_or(default.same_link),
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
            scheduling: host.scheduling,
            speed: host.speed,
            cpu: CpuCost {
                per_poll: host.per_poll,
                per_byte: host.per_byte,
            },
            disk: DiskSpec {
                sync: host.disk.sync,
                read: host.disk.read,
                write: host.disk.write,
                bandwidth: host.disk.bandwidth,
                capacity: host.disk.capacity,
            },
            files: host.files,
            memory: host.memory,
            main: host.main,
            clock: HostClock::new(
                host.clock.offset.map_or(0, ClockOffset::as_nanos),
                host.clock.drift_ppm,
            ),
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
            must_return: false,
            echo,
            guard: Some(Box::new(guard)),
        }
    })
}
