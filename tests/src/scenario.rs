//! Scenarios of the catalogue, run in the test's own process.

use windtunnel::{Tunnel, execute};
use windtunnel_record::{RunRecord, RunSpec, Seed};
use windtunnel_scenarios::{catalogue, format, world};

/// Runs a scenario of the catalogue with some settings changed.
///
/// # Panics
/// If there is no such scenario or setting, or this is a build for the real world.
pub fn run(name: &str, seed: u64, overrides: &[(&str, &str)]) -> RunRecord {
    let known = catalogue::SCENARIOS
        .iter()
        .find(|(known, _)| *known == name);
    let text = known.expect("the catalogue has it").1;
    let overrides = overrides
        .iter()
        .map(|(path, value)| ((*path).into(), (*value).into()));
    let text = format::apply_overrides(text, &overrides.collect()).expect("the paths exist");
    let data = format::Scenario::from_toml(&text).expect("it is valid");
    let spec = RunSpec::new(name, Seed(seed));
    let describe = move |tunnel: &mut Tunnel| world::describe(&data, tunnel);
    execute(&spec, Default::default(), describe).expect("the run can be made")
}
