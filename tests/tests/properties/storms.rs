//! The two retry storms of the catalogue: without a budget the backend stays down after a burst, with a
//! budget and a breaker it comes back.

use windtunnel_tests::scenario;

/// How many of the first `seeds` seeds violate `recovers`, which is all that may go wrong.
fn down(name: &str, seeds: u64) -> u64 {
    let is_down = |seed: &u64| {
        let run = scenario::run(name, *seed, &[]);
        let broken: Vec<_> = run.rules.iter().filter(|rule| rule.fails()).collect();
        assert!(
            broken.iter().all(|rule| rule.id == "recovers"),
            "{broken:#?}"
        );
        !broken.is_empty()
    };
    (0..seeds).filter(is_down).count() as u64
}

#[test]
fn retries_without_a_budget_keep_the_backend_down() {
    assert_eq!(down("retry-storm-naive", 2), 2);
}

#[test]
fn a_budget_and_a_breaker_let_it_come_back() {
    assert_eq!(down("retry-storm-guarded", 2), 0);
}
