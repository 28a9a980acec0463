//! The supermarket model: many servers, and each job goes to the less loaded of two at random, by the
//! balancer that production uses.

use super::{
    law::{Ask, Bar, Case, Figure, Law, Outcome, Size},
    observation::{Notes, observe},
    queue::SERVICE,
    station::{Door, Job, station},
    statistics::{Interval, replicate},
    tally::Tally,
    theory,
};
use std::sync::Arc;
use tokio::time::Instant;
use windtunnel::{Tunnel, pause_for};
use windtunnel_models::balance::{Balancer, Call, Endpoint, PowerOfTwo};
use windtunnel_record::{Distribution, Scheduling, Seed, Span};

const SERVERS: usize = 500;

/// How many arrivals are forgotten: four hundred mean services.
const WARM_UP: u64 = 200_000;

/// The farthest that the model may be from 500 servers: it is a limit for ever more of them.
const FARTHEST: f64 = 0.03;

/// The mean time in the system at several loads.
pub fn supermarket() -> Law {
    let loads = [0.5, 0.7, 0.9, 0.95];
    let cases = loads.map(|load| Case {
        name: format!("d 2, ρ {load}"),
        check: size(4, 150_000),
        full: size(10, 4_000_000),
        measure: Box::new(move |ask| measure(load, ask)),
    });
    Law {
        id: "supermarket",
        title: "Power of two choices: the supermarket model",
        about: "Poisson arrivals at 500 servers with exponential service; each job goes to the less \
                loaded of two (M. Mitzenmacher, *The power of two choices in randomized load \
                balancing*, 2001). The mean time in the system tends to Σ ρ^(2^i − 2) as the servers \
                become many; for 500 it may differ by 3 %.",
        plot: None,
        cases: cases.into(),
    }
}

const fn size(replications: u64, each: u64) -> Size {
    Size {
        replications,
        each,
        half: 0.02,
    }
}

fn measure(load: f64, ask: &Ask<'_>) -> Outcome {
    let tallies = replicate(ask.seeds.clone(), ask.say, |seed| {
        simulate(load, seed, ask.each)
    });
    let means: Vec<_> = tallies.iter().map(Tally::mean_sojourn).collect();
    let interval = Interval::over(&means);
    let what = "mean time in the system × μ";
    let expected = theory::supermarket_sojourn(2, load);
    let figure = Figure::bounded(what, expected, interval.mean, Bar::Within(FARTHEST));
    Outcome {
        figures: vec![figure.seen_with(interval)],
        lines: Vec::new(),
    }
}

/// Simulates about `arrivals` jobs after the warm-up.
fn simulate(load: f64, seed: u64, arrivals: u64) -> Tally {
    observe("supermarket", seed, move |tunnel, tally| {
        describe(tunnel, load, arrivals, tally);
    })
}

fn describe(tunnel: &mut Tunnel, load: f64, arrivals: u64, tally: Notes<Tally>) {
    tally.lock().expect("the run has not begun").forget(WARM_UP);
    let gap = SERVICE.mul_f64(1.0 / (load * SERVERS as f64));
    tunnel
        .load_for(gap.saturating_mul(WARM_UP + arrivals))
        .settle_for(Span::ZERO)
        .sample_every(Span::ZERO);
    let names: Vec<Arc<str>> = (0..SERVERS).map(|n| format!("server-{n}").into()).collect();
    let doors: Vec<_> = names
        .iter()
        .map(|name| station(tunnel, name, (1, Scheduling::Fifo), 200, tally.clone()))
        .collect();
    let seed = tunnel.seed();
    let host = tunnel.host("arrivals").cpu(Span::ZERO, Span::ZERO);
    host.run(move || {
        let endpoints: Vec<_> = names.iter().cloned().map(Endpoint::new).collect();
        let balancer = PowerOfTwo::new(&endpoints, seed.stream("supermarket/choices").into_rng());
        arrive(gap, seed, balancer, doors.clone(), tally.clone())
    });
}

async fn arrive(
    gap: Span,
    seed: Seed,
    balancer: PowerOfTwo,
    doors: Vec<Door>,
    tally: Notes<Tally>,
) {
    let mut gaps = seed.stream("supermarket/gaps");
    let mut services = seed.stream("supermarket/services");
    let gap = Distribution::Exponential { mean: gap };
    let service = Distribution::Exponential { mean: SERVICE };
    loop {
        pause_for(gap.sample(&mut gaps).into()).await;
        let arrived = Instant::now();
        tally.lock().expect("nobody panics").came(arrived);
        let ticket = balancer
            .pick(&Call::default(), &mut |_| true)
            .expect("everybody is willing");
        let server = ticket.endpoint().rsplit('-').next();
        let server: usize = server
            .and_then(|n| n.parse().ok())
            .expect("it has a number");
        doors[server].enter(Job {
            arrived,
            service: service.sample(&mut services).into(),
            ticket: Some(ticket),
        });
    }
}
