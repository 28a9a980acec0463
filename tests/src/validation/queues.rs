//! M/M/1, M/M/c and M/D/1, and Little's law in each of them.

use super::{
    law::{Ask, Bar, Case, Figure, Law, Line, Outcome, Plot, Size},
    queue::Queue,
    statistics::{Interval, replicate},
    tally::{Tally, exceeded_by},
    theory,
};

/// The largest deviation from Little's law in any replication of a station.
const LITTLE: f64 = 0.01;

/// M/M/1 at 90 %.
pub fn mm1() -> Law {
    const LOAD: f64 = 0.9;
    let case = Case {
        name: "ρ 0.9".into(),
        check: size(16, 300_000, 0.10),
        full: size(80, 1_500_000, 0.02),
        measure: Box::new(|ask| {
            let tallies = simulate(Queue::mmc("mm1", 1, LOAD), ask);
            let mut figures = vec![
                mean(
                    "mean time in the system × μ",
                    theory::mm1_sojourn(LOAD),
                    &tallies,
                    Tally::mean_sojourn,
                ),
                mean(
                    "mean wait × μ",
                    theory::mg1_wait(LOAD, 1.0),
                    &tallies,
                    Tally::mean_wait,
                ),
                mean("share that waits", LOAD, &tallies, Tally::waiting),
            ];
            let (p99, low, high) = exceeded_by(&tallies, 0.01);
            figures.push(Figure::between(
                "p99 of the time in the system × μ",
                theory::mm1_sojourn_exceeded_by(LOAD, 0.01),
                p99,
                (low, high),
            ));
            figures.push(little(&tallies));
            Outcome {
                figures,
                lines: vec![tail_expected(LOAD), tail(&tallies)],
            }
        }),
    };
    Law {
        id: "mm1",
        title: "One server: M/M/1",
        about: "Poisson arrivals, exponential service, one core, first come first served. Times in \
                the system are exponential with the mean 1/(μ − λ).",
        plot: Some(Plot {
            title: "Who takes longer, ρ 0.9",
            x: "time in the system × μ",
            y: "share of the jobs",
            log: true,
        }),
        cases: vec![case],
    }
}

/// M/M/c in six sizes.
pub fn mmc() -> Law {
    let pairs: [(&'static str, usize, f64, u64); 6] = [
        ("mmc-2", 2, 0.8, 300_000),
        ("mmc-4", 4, 0.8, 300_000),
        ("mmc-8", 8, 0.8, 400_000),
        ("mmc-10", 10, 0.9, 800_000),
        ("mmc-50", 50, 0.9, 1_200_000),
        ("mmc-100", 100, 0.95, 2_000_000),
    ];
    let cases = pairs.map(|(name, servers, load, each)| Case {
        name: format!("c {servers}, ρ {load}"),
        check: size(8, each / 4, 0.25),
        full: size(if load > 0.9 { 120 } else { 50 }, each, 0.02),
        measure: Box::new(move |ask| {
            let tallies = simulate(Queue::mmc(name, servers, load), ask);
            let (waits, wait) = (
                theory::erlang_c(servers, load),
                theory::mmc_wait(servers, load),
            );
            Outcome {
                figures: vec![
                    mean("share that waits", waits, &tallies, Tally::waiting),
                    mean("mean wait × μ", wait, &tallies, Tally::mean_wait),
                    mean(
                        "mean time in the system × μ",
                        1.0 + wait,
                        &tallies,
                        Tally::mean_sojourn,
                    ),
                    little(&tallies),
                ],
                lines: Vec::new(),
            }
        }),
    });
    Law {
        id: "mmc",
        title: "Many servers: M/M/c",
        about: "As above with c cores. The share of jobs that wait is Erlang's C; the mean wait is \
                C / (c·μ − λ).",
        plot: None,
        cases: cases.into(),
    }
}

/// M/D/1 at three loads.
pub fn md1() -> Law {
    let loads: [(&'static str, f64, u64); 3] = [
        ("md1-5", 0.5, 200_000),
        ("md1-8", 0.8, 300_000),
        ("md1-9", 0.9, 600_000),
    ];
    let cases = loads.map(|(name, load, each)| Case {
        name: format!("ρ {load}"),
        check: size(6, each / 4, 0.10),
        full: size(40, each, 0.02),
        measure: Box::new(move |ask| {
            let tallies = simulate(Queue::md1(name, load), ask);
            let wait = theory::mg1_wait(load, 0.0);
            Outcome {
                figures: vec![
                    mean("mean wait × μ", wait, &tallies, Tally::mean_wait),
                    mean(
                        "mean time in the system × μ",
                        1.0 + wait,
                        &tallies,
                        Tally::mean_sojourn,
                    ),
                    mean("share that waits", load, &tallies, Tally::waiting),
                    little(&tallies),
                ],
                lines: Vec::new(),
            }
        }),
    });
    Law {
        id: "md1",
        title: "Constant service: M/D/1",
        about: "Poisson arrivals, every job works equally long. The mean wait is half of M/M/1's: \
                ρ / (2·(1 − ρ)) by Pollaczek and Khinchine.",
        plot: None,
        cases: cases.into(),
    }
}

/// So many replications of so many jobs, for intervals so narrow.
pub const fn size(replications: u64, each: u64, half: f64) -> Size {
    Size {
        replications,
        each,
        half,
    }
}

/// One replication for each seed.
pub fn simulate(queue: Queue, ask: &Ask<'_>) -> Vec<Tally> {
    replicate(ask.seeds.clone(), ask.say, |seed| {
        queue.simulate(seed, ask.each)
    })
}

/// The mean of a figure over replications, beside what theory expects.
pub fn mean(what: &str, expected: f64, tallies: &[Tally], of: impl Fn(&Tally) -> f64) -> Figure {
    let results: Vec<_> = tallies.iter().map(of).collect();
    Figure::estimated(what, expected, Interval::over(&results))
}

/// L / (λ·W) of the replication that is furthest from 1.
pub fn little(tallies: &[Tally]) -> Figure {
    let each = tallies.iter().map(Tally::little);
    let off = |ratio: &f64| (ratio - 1.0).abs();
    let worst = each.max_by(|one, other| off(one).total_cmp(&off(other)));
    let what = "L / (λ·W), the replication furthest from 1";
    Figure::bounded(what, 1.0, worst.unwrap_or(f64::NAN), Bar::Within(LITTLE))
}

/// As [`tail`] by theory.
fn tail_expected(load: f64) -> Line {
    let points = (0..=70).map(|time| {
        let time = f64::from(time);
        (time, (-(1.0 - load) * time).exp())
    });
    Line {
        name: "theory".into(),
        points: points.collect(),
    }
}

/// The share of jobs that take longer than so many service times, over all replications.
fn tail(tallies: &[Tally]) -> Line {
    let points = (0..=70).map(|time| {
        let each = tallies
            .iter()
            .map(|tally| tally.longer_than(f64::from(time)));
        (f64::from(time), each.sum::<f64>() / tallies.len() as f64)
    });
    Line {
        name: "measured".into(),
        points: points.filter(|(_, share)| *share > 1e-4).collect(),
    }
}
