//! Processor sharing: M/G/1-PS.

use super::{
    law::{Case, Law, Outcome},
    queue::{Queue, SERVICE},
    queues::{little, mean, simulate, size},
    tally::Tally,
    theory,
};
use windtunnel_record::Distribution;

/// One server shared by exponential and by constant jobs.
pub fn sharing() -> Law {
    const LOAD: f64 = 0.8;
    let cases = [
        ("exponential", Distribution::Exponential { mean: SERVICE }),
        ("constant", Distribution::Fixed(SERVICE)),
    ];
    let cases = cases.map(|(name, service)| Case {
        name: format!("{name} service, ρ {LOAD}"),
        check: size(8, 75_000, 0.10),
        full: size(60, 400_000, 0.02),
        measure: Box::new(move |ask| {
            let tallies = simulate(Queue::shared(name, LOAD, service), ask);
            let expected = theory::shared_sojourn(LOAD);
            let what = "mean time in the system × μ";
            Outcome {
                figures: vec![
                    mean(what, expected, &tallies, Tally::mean_sojourn),
                    little(&tallies),
                ],
                lines: Vec::new(),
            }
        }),
    });
    Law {
        id: "sharing",
        title: "A shared server: M/G/1 with processor sharing",
        about: "Poisson arrivals, one core that all jobs share. The mean time in the system is \
                1/(μ − λ) whatever the distribution of the service is: constant jobs take as long as \
                exponential ones, where first come, first served they wait half as long.",
        plot: None,
        cases: cases.into(),
    }
}
