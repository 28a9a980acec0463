//! A build for the real world: everything that needs a simulation refuses.

use crate::{host::Planned, tunnel::Tunnel};
use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    time::Duration,
};
use tracing_subscriber::filter::Targets;
use windtunnel_record::{
    Digest, FaultPlan, Fields, Moment, Outcome, Record, RunSpec, Size, Span, Topology, TraceId,
};

/// Never made here.
pub struct Finished {
    pub digest: Digest,
    pub event_count: u64,
    pub log: Log,
    pub topology: Topology,
    pub simulated: Span,
    pub settled_from: Moment,
    pub planned_end: Moment,
    pub faults: FaultPlan,
    pub tasks_left: usize,
}

/// Never made here.
pub struct Log {}

impl Log {
    pub fn into_events(self) -> Vec<Record> {
        Vec::new()
    }
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

pub fn traced(_: u64, _: TraceId) {}

/// In the real world requests are told by their own hooks.
pub fn request_sent(_: SocketAddr, _: SocketAddr, _: TraceId) {}

/// In the real world requests are told by their own hooks.
pub fn request_received(_: SocketAddr, _: SocketAddr, _: TraceId) {}

/// In the real world facts are `tracing` events and nothing else.
pub fn observed(_: &str, _: Fields) {}

/// In the real world hooks become `tracing` events.
pub fn component(_: &str, _: &str, _: &str, _: Fields) {}

/// In the real world gauges are metrics of the program.
pub fn gauge(_: &str, _: i64) {}

/// Memory of the real world is the system's; nothing is declared.
#[derive(Debug)]
#[must_use = "memory is held as long as this is"]
pub struct Held {}

pub fn hold(_: Size) -> Held {
    Held {}
}

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

/// Refuses.
pub fn run(
    _: &RunSpec,
    _: bool,
    _: Option<Targets>,
    make: impl FnOnce() -> (Tunnel, FaultPlan) + Send + 'static,
) -> Result<Finished, RunError> {
    // It is described all the same, so that mistakes in the description come first.
    let (tunnel, _) = make();
    tunnel.hosts.into_iter().for_each(forget);
    Err(RunError)
}

fn forget(host: Planned) {
    let Planned {
        info,
        cores,
        scheduling,
        speed,
        per_poll,
        per_byte,
        disk,
        files,
        memory,
        clock,
        restart_after,
        main,
    } = host;
    drop((
        info,
        cores,
        scheduling,
        speed,
        per_poll,
        per_byte,
        disk,
        files,
        memory,
        clock,
        restart_after,
        main,
    ));
}
