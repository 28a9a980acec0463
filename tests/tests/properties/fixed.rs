//! Chance that is the same everywhere: every property draws its cases from one fixed seed.

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::env;

/// Another number of cases for every property.
const CASES: &str = "WINDTUNNEL_PROPTEST_CASES";

/// What every property draws its cases from.
const SEED: [u8; 32] = *b"windtunnel draws the same cases.";

/// A runner of `cases` cases, or of as many as the environment asks for, that looks at no more than
/// `shrinks` simpler values of a case that fails. It keeps no files.
pub fn runner(cases: u32, shrinks: u32) -> TestRunner {
    let asked = env::var(CASES).ok();
    let cases = asked.map_or(cases, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{CASES} is a number of cases, not `{text}`"))
    });
    let config = Config {
        cases,
        max_shrink_iters: shrinks,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &SEED);
    TestRunner::new_with_rng(config, rng)
}
