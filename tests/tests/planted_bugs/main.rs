//! Do the shop's rules find the mistakes that people make? Each is one line of the real code behind a
//! switch, and must violate the rule that is named here within 500 seeds.

#![cfg(madsim)]

// The package links every test with the simulated clock, which the drop-in brings along.
use tokio as _;

use windtunnel_tests::scenario;

/// The seeds within which every mistake must be found.
const SEEDS: u64 = 500;

/// Plants one mistake, and expects that `rule` breaks. The search begins at the seed that was the
/// first to show it when this was written, because most runs of a rare mistake show nothing.
fn finds(mistake: &str, first: u64, rule: &str) {
    let setting = format!("services.orders.config.planted.{mistake}");
    for seed in first..SEEDS {
        let run = scenario::run("shop", seed, &[(&setting, "true")]);
        let broken: Vec<_> = run.rules.iter().filter(|rule| rule.fails()).collect();
        if broken.iter().any(|broken| broken.id == rule) {
            return;
        }
        let others: Vec<_> = broken.iter().map(|rule| &rule.id).collect();
        println!("seed {seed} did not break `{rule}` but {others:?}");
    }
    panic!("`{mistake}` does not break `{rule}` on any seed from {first} to {SEEDS}");
}

#[test]
fn a_new_idempotency_key_on_retry_charges_twice() {
    finds("new-key-on-retry", 0, "no-double-charge");
}

#[test]
fn a_saga_log_written_after_the_effect_forgets_what_was_done() {
    finds("log-after-effect", 81, "all-or-nothing");
}

#[test]
fn a_saga_log_without_fsync_forgets_what_was_done() {
    finds("no-sync", 0, "all-or-nothing");
}

#[test]
fn an_unknown_outcome_taken_for_a_failure_leaves_charges_behind() {
    finds("unknown-is-failed", 0, "money-conserved");
}

#[test]
fn an_undo_that_is_not_retried_leaves_charges_behind() {
    finds("undo-not-retried", 0, "money-conserved");
}

#[test]
fn a_breaker_that_does_not_learn_of_cancelled_calls_keeps_their_permits() {
    finds("permit-lost-on-cancel", 0, "permits-return");
}

#[test]
fn a_cancelled_call_that_stays_in_flight_is_never_drained() {
    finds("load-lost-on-cancel", 0, "in-flight-drains");
}

#[test]
fn a_deadline_that_is_not_passed_on_is_missed_by_the_callee() {
    finds("deadline-not-propagated", 0, "deadlines-propagate");
}

#[test]
fn without_a_mistake_the_same_seeds_hold() {
    for seed in [0, 1, 2, 81] {
        let run = scenario::run("shop", seed, &[]);
        assert_eq!(run.verdict(), "held", "seed {seed}: {:?}", run.rules);
    }
}
