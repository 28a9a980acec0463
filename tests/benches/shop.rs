//! The shop as a sweep runs it, without report and trace, on one core: simulated time, load and
//! settle phase counted, against the machine's.

use std::{process::ExitCode, time::Instant};
use windtunnel::prelude::*;
use windtunnel_record::{RunSpec, Seed};
use windtunnel_scenarios::{catalogue, format::Scenario, world};
use windtunnel_tests::measure::{median, reaches};

#[global_allocator]
static ALLOCATOR: windtunnel::process::Allocator = windtunnel::process::Allocator;

const SEEDS: u64 = 20;

fn speed(scenario: &Scenario, seed: u64) -> f64 {
    let data = scenario.clone();
    let started = Instant::now();
    let run = windtunnel::execute(
        &RunSpec::new("shop", Seed(seed)),
        Default::default(),
        move |tunnel: &mut Tunnel| world::describe(&data, tunnel),
    );
    let took = started.elapsed();
    let run = run.expect("the run can be made");
    assert_eq!(run.verdict(), "held", "seed {seed}: {:?}", run.rules);
    run.simulated.as_secs_f64() / took.as_secs_f64()
}

fn main() -> ExitCode {
    windtunnel::process::without_address_randomisation();
    let is_smoke = !std::env::args().any(|argument| argument == "--bench");
    let shop = catalogue::SCENARIOS
        .iter()
        .find(|(name, _)| *name == "shop");
    let (_, text) = shop.expect("the catalogue has it");
    let scenario = Scenario::from_toml(text).expect("it is valid");
    let seeds = if is_smoke { 1 } else { SEEDS };
    let speeds = (0..seeds).map(|seed| speed(&scenario, seed)).collect();
    let met = reaches(
        "shop, median of 20 seeds, simulated / real time",
        median(speeds),
        60.0,
    );
    ExitCode::from(u8::from(!met && !is_smoke))
}
