//! Windtunnel: put real services into a seeded, simulated network, throw partitions, latency, crashes
//! and overload at them, and check what must hold.
//!
//! A test describes a [`Tunnel`]: hosts that run services, a load, faults, rules. [`sweep`] runs it
//! for many seeds, each in the simulated world; a violation becomes a case file that replays to the
//! nanosecond. The services themselves are ordinary tokio programs whose manifest names our drop-in.
//!
//! ```no_run
//! use windtunnel::prelude::*;
//!
//! windtunnel::sweep(0..200, |tunnel| {
//!     let store = tunnel.host("store").zone("b").run(|| async {
//!         let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await?;
//!         loop {
//!             let (_connection, _) = listener.accept().await?;
//!         }
//!         #[expect(unreachable_code, reason = "names the type of the error")]
//!         Ok::<(), std::io::Error>(())
//!     });
//!     tunnel.fault(power_loss(host("store")).every(exponential(secs(30))).lasting(secs(2)));
//!     tunnel.load(open_loop(rate(100)), move |client, key| {
//!         let url = store.url("/buy");
//!         async move {
//!             client.operation("buy", key, http::post(url)).await.ok();
//!         }
//!     });
//!     tunnel.always("nothing oversold", |world| world.sum("sold") <= world.sum("stocked"));
//! })
//! .held();
//! ```
//!
//! *Never in this crate*: a scenario file, an application, an HTML report, a command line. It sees
//! `record`, `checkers`, `engine`, `explorer` and the drop-in, and nothing else of ours.

mod audit;
mod children;
mod client;
pub mod conditions;
mod description;
mod execution;
mod fault;
mod host;
pub mod http;
mod load;
pub mod memory;
pub mod process;
mod simulation;
mod sweep;
mod trace;
mod tunnel;

pub use audit::{Audited, TwoCourses, audit};
pub use client::{Answer, Client, Failure};
pub use execution::{ExecuteError, Settings, Unjudged, carry_out, execute};
pub use fault::{
    Fault, IntoDistribution, ahead, bandwidth, behind, between, bridge, cancel, cancel_connection,
    clock_drift, clock_jump, clock_skew, corrupt, cpu_starve, crash, disk_error, disk_full,
    disk_slow, dns, duplicate, everything, exponential, host, isolate_one, loss, majority_ring,
    millis, partition, partition_one_way, pause, power_loss, reorder, replica, reset, restart,
    role, secs, slow, swizzle, sync_fails_once, zone,
};
pub use host::{Disk, HostBuilder, HostRef, IntoResult};
pub use load::{Load, Stage, closed_loop, open_loop, rate};
pub use simulation::{
    component, gauge, injected_error, observed, pause as pause_for, request_received, request_sent,
    work,
};
pub use sweep::{Swept, sweep, sweep_with_patience};
pub use trace::{trace_id, traceparent};
pub use tunnel::{KeepAlive, LinkSettings, Network, Tunnel};

pub use windtunnel_checkers as checkers;
pub use windtunnel_explorer as explorer;
pub use windtunnel_record as record;
pub use windtunnel_record::Clock;

/// What a test usually needs.
pub mod prelude {
    pub use crate::{
        Clock, Disk, Tunnel, ahead, bandwidth, behind, between, bridge, cancel, cancel_connection,
        clock_drift, clock_jump, clock_skew, closed_loop, corrupt, cpu_starve, crash, dns,
        duplicate, exponential, host, http, isolate_one, loss, majority_ring, millis, open_loop,
        partition, partition_one_way, pause, power_loss, rate, reorder, replica, reset, restart,
        role, secs, slow, swizzle, zone,
    };
    pub use windtunnel_checkers::EventExt;
}
