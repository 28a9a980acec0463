//! What all budgets have in common.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;

fn budgets(now: Instant) -> [Arc<dyn Budget>; 5] {
    let tokens = TokenBudget::new(Duration::from_secs(10), 0, 0.2, now).unwrap();
    [
        Arc::new(Mutex::new(tokens)),
        Arc::new(ConcurrencyBudget::default()),
        Arc::new(GrpcTokens::new(10, 0.1).unwrap()),
        Arc::new(Capacity::new(500, Costs::V2_0).unwrap()),
        Arc::new(Capacity::new(500, Costs::V2_1).unwrap()),
    ]
}

#[test]
fn time_alone_pays_no_retry() {
    let now = Instant::now();
    for budget in budgets(now) {
        let spend = |now| {
            budget.failed(now);
            budget.retry(Kind::Transient, now)
        };
        let mut held: Vec<Grant> = Vec::new();
        while let Some(grant) = spend(now) {
            held.push(grant);
        }
        let later = now + Duration::from_secs(3600);
        assert!(spend(later).is_none(), "{budget:?}");
    }
}

#[test]
fn successes_pay_for_retries() {
    let now = Instant::now();
    for budget in budgets(now) {
        let mut calls = Vec::new();
        let mut held: Vec<Grant> = Vec::new();
        while let Some(grant) = budget.retry(Kind::Transient, now) {
            budget.failed(now);
            held.push(grant);
        }
        held.into_iter().for_each(Grant::spend);
        for _ in 0..100 {
            calls.push(budget.call(now));
            budget.succeeded(true, now);
        }
        let paid = budget.retry(Kind::Transient, now);
        assert!(paid.is_some(), "{budget:?}");
    }
}

#[test]
fn a_refused_retry_spends_nothing() {
    let now = Instant::now();
    let capacity = Capacity::new(12, Costs::V2_0).unwrap();
    let first = capacity.retry(Kind::Timeout, now).unwrap();
    assert_eq!(capacity.left(), 2);
    assert!(capacity.retry(Kind::Transient, now).is_none());
    assert_eq!(capacity.left(), 2);
    drop(first);
    assert_eq!(capacity.left(), 12);
}

#[test]
fn a_success_returns_the_cost_and_a_failure_does_not() {
    let now = Instant::now();
    let capacity = Capacity::new(500, Costs::V2_1).unwrap();
    capacity.retry(Kind::Transient, now).unwrap().spend();
    assert_eq!(capacity.left(), 486);
    let retry = capacity.retry(Kind::Throttled, now).unwrap();
    assert_eq!(capacity.left(), 481);
    capacity.succeeded(false, now);
    drop(retry);
    assert_eq!(capacity.left(), 486);
    capacity.succeeded(true, now);
    assert_eq!(capacity.left(), 487);
    (0..100).for_each(|_| capacity.succeeded(true, now));
    assert_eq!(capacity.left(), 500);
}

#[test]
fn clones_of_a_budget_share_it() {
    let now = Instant::now();
    let capacity = Capacity::new(10, Costs::V2_0).unwrap();
    let clone = capacity.clone();
    let _held = clone.retry(Kind::Timeout, now).unwrap();
    assert!(capacity.retry(Kind::Transient, now).is_none());
    let counted = ConcurrencyBudget::new(0, 1);
    let clone = counted.clone();
    let _held = clone.retry().unwrap();
    assert!(counted.retry().is_none());
}

#[test]
fn tokens_neither_fall_below_zero_nor_rise_above_their_maximum() {
    let now = Instant::now();
    let tokens = GrpcTokens::new(3, 0.5).unwrap();
    tokens.succeeded(true, now);
    assert_eq!(tokens.thousandths(), 3000);
    (0..9).for_each(|_| tokens.failed(now));
    assert_eq!(tokens.thousandths(), 0);
    tokens.succeeded(true, now);
    assert_eq!(tokens.thousandths(), 500);
}

#[test]
fn budgets_that_cannot_be_meant_are_refused() {
    for ratio in [0.0, -0.1, 0.0001, f64::NAN, f64::INFINITY] {
        assert!(GrpcTokens::new(10, ratio).is_err(), "{ratio}");
    }
    assert!(GrpcTokens::new(0, 0.1).is_err());
    assert!(GrpcTokens::new(1001, 0.1).is_err());
    assert!(Capacity::new(0, Costs::V2_0).is_err());
    let free = Costs {
        timeout: 0,
        ..Costs::V2_0
    };
    assert!(Capacity::new(500, free).is_err());
}
