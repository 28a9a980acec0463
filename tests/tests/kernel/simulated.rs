//! The simulated world: two simulated hosts, one millisecond apart, and a plan of faults.

use crate::{
    account::{Account, Noted},
    behaviour::Behaviour,
    part::{Part, Sink},
    plan::{Act, Host, Planned, Way},
};
use std::sync::{Arc, Mutex};
use tokio::{sync::watch, time::Instant};
use windtunnel::record::{Bandwidth, Distribution, RunSpec, Seed, Span, Target};
use windtunnel::{
    Fault, KeepAlive, Network, Settings, Tunnel, bandwidth, crash, execute, host, loss, partition,
    partition_one_way, pause, power_loss,
};

/// The simulated world is always there.
pub const fn unavailable() -> Option<String> {
    None
}

/// Runs a behaviour in a simulation; what its parts noted.
pub fn perform(behaviour: &Behaviour) -> Result<Account, String> {
    let account = Arc::new(Mutex::new(Account::default()));
    let notes = account.clone();
    let played = behaviour.clone();
    let record = execute(
        &RunSpec::new(behaviour.name, Seed(1)),
        Settings::default(),
        move |tunnel: &mut Tunnel| describe(tunnel, &played, &notes),
    )
    .map_err(|error| error.to_string())?;
    if let Some(rule) = record.rules.iter().find(|rule| rule.fails()) {
        let says = rule.witness().map(|witness| witness.says.as_str());
        return Err(format!("{}: {}", rule.id, says.unwrap_or("broken")));
    }
    let mut account = account.lock().expect("the run is over");
    Ok(std::mem::take(&mut *account))
}

fn describe(tunnel: &mut Tunnel, behaviour: &Behaviour, account: &Arc<Mutex<Account>>) {
    let half = Some(Distribution::Fixed(Span::from_micros(500)));
    let patience = behaviour.patience;
    tunnel
        .load_for(Span::from_nanos(behaviour.lasts.as_nanos() as u64))
        .settle_for(Span::ZERO)
        .network(Network {
            same_zone: half,
            cross_zone: half,
            syn_retries: Some(patience.syn_retries),
            syn_linear: Some(patience.syn_linear),
            retries2: Some(patience.retries2),
            keep_alive: Some(KeepAlive {
                idle: Span::from_secs(patience.keep_alive[0].into()),
                interval: Span::from_secs(patience.keep_alive[1].into()),
                probes: patience.keep_alive[2],
            }),
            same_link: Some(behaviour.same_link),
            ..Network::default()
        });
    let mut server = None;
    for (of, body) in [
        (Host::Server, &behaviour.server),
        (Host::Client, &behaviour.client),
    ] {
        let (body, account) = (body.clone(), account.clone());
        let sink: Sink = Arc::new(move |at, what| {
            let what = what.to_owned();
            let mut account = account.lock().expect("nobody panics with it");
            account.notes.push(Noted { by: of, at, what });
        });
        // Steps are never late.
        let punctual = watch::channel(u64::MAX).1;
        let mut start = None;
        let known = server;
        let reference = tunnel
            .host(of.name())
            .cpu(Span::ZERO, Span::ZERO)
            .run(move || {
                let part = Part {
                    start: *start.get_or_insert_with(Instant::now),
                    server: known.unwrap_or([127, 0, 0, 1].into()),
                    sink: sink.clone(),
                    next_step: punctual.clone(),
                };
                body(part)
            });
        server.get_or_insert(reference.addr(0).ip());
    }
    for planned in &behaviour.plan {
        tunnel.fault(fault_of(planned));
    }
}

fn narrow(from: Target, to: Target, mbit: u64) -> Fault {
    bandwidth(from, to, Bandwidth::from_mbit(mbit))
}

fn fault_of(planned: &Planned) -> Fault {
    let (client, server) = (|| host("client"), || host("server"));
    let of = |who: Host| host(who.name());
    let fault = match planned.act {
        Act::Cut(Way::Both) => partition(client(), server()),
        Act::Cut(Way::ToServer) => partition_one_way(client(), server()),
        Act::Cut(Way::ToClient) => partition_one_way(server(), client()),
        Act::Lose(Way::ToServer, rate) => loss(client(), server(), rate),
        Act::Lose(Way::ToClient, rate) => loss(server(), client(), rate),
        Act::LoseOne(Way::ToServer) => loss(client(), server(), 1.0),
        Act::LoseOne(Way::ToClient) => loss(server(), client(), 1.0),
        Act::Lose(Way::Both, _) | Act::LoseOne(Way::Both) | Act::Narrow(Way::Both, _) => {
            panic!("plan each direction by itself")
        }
        Act::Narrow(Way::ToServer, mbit) => narrow(client(), server(), mbit),
        Act::Narrow(Way::ToClient, mbit) => narrow(server(), client(), mbit),
        Act::PowerLoss(who) => power_loss(of(who)),
        Act::Kill(who) => crash(of(who)),
        Act::Stop(who) => pause(of(who)),
    };
    let fault = fault.at(Span::from_nanos(planned.from.as_nanos() as u64));
    match planned.lasting {
        Some(lasting) => fault.lasting(Span::from_nanos(lasting.as_nanos() as u64)),
        None => fault,
    }
}
