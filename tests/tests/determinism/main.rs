//! Does a seed determine a run, and is what would break that caught and named?

#![cfg(madsim)]

mod course;
mod pinned;
mod planted;
mod refused;
mod traps;
mod verdicts;

use windtunnel::prelude::*;
use windtunnel_record::{RunRecord, RunSpec, Seed};

/// Runs `service` as the only host for ten seconds.
fn run<S>(seed: u64, service: impl Fn() -> S + Send + 'static) -> RunRecord
where
    S: Future<Output = ()> + 'static,
{
    let describe = move |tunnel: &mut Tunnel| alone(tunnel, service);
    let spec = RunSpec::new("alone", Seed(seed));
    windtunnel::execute(&spec, Default::default(), describe).expect("the run can be made")
}

/// One host that runs `service`.
fn alone<S>(tunnel: &mut Tunnel, service: impl Fn() -> S + 'static)
where
    S: Future<Output = ()> + 'static,
{
    tunnel.load_for(secs(10)).settle_for(secs(0));
    tunnel.host("service").run(service);
}
