//! Budgets against plain models of what they pay.

use crate::fixed;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use windtunnel_models::retry::{
    Budget, Capacity, ConcurrencyBudget, Costs, Grant, GrpcTokens, Kind, TokenBudget,
};

/// What happens to a budget.
#[derive(Clone, Debug)]
enum Operation {
    /// A call begins.
    Call,
    /// The attempt that is so far down the list fails, and its call asks for another one.
    Fail(prop::sample::Index, Kind),
    /// It succeeds.
    Succeed(prop::sample::Index),
    /// Its caller goes away.
    Leave(prop::sample::Index),
    /// Time passes, or steps back.
    Pass(i64),
}

fn operation(failures_only: bool) -> impl Strategy<Value = Operation> {
    let kind = prop_oneof![
        Just(Kind::Transient),
        Just(Kind::Timeout),
        Just(Kind::Throttled)
    ];
    let which = any::<prop::sample::Index>;
    let others = u32::from(!failures_only);
    prop_oneof![
        6 => Just(Operation::Call),
        12 => (which(), kind).prop_map(|(which, kind)| Operation::Fail(which, kind)),
        4 * others => which().prop_map(Operation::Succeed),
        2 * others => which().prop_map(Operation::Leave),
        1 => (-200..2000i64).prop_map(Operation::Pass),
    ]
}

/// One attempt under way: its number, what it holds, and what its call holds.
struct Open {
    number: u32,
    held: Grant,
    cost: u32,
    call: Grant,
}

/// What the model of a budget is told; it says whether it would pay.
trait Model {
    fn call(&mut self);
    fn failed(&mut self);
    fn pays(&mut self, kind: Kind, open: usize) -> Option<u32>;
    fn succeeded(&mut self, first: bool);
    fn returned(&mut self, cost: u32);
}

struct Bench<M> {
    budget: Arc<dyn Budget>,
    model: M,
    open: Vec<Open>,
    now: Instant,
    calls: u64,
    retries: u64,
}

impl<M: Model> Bench<M> {
    fn new(budget: Arc<dyn Budget>, model: M, now: Instant) -> Self {
        Self {
            budget,
            model,
            open: Vec::new(),
            now,
            calls: 0,
            retries: 0,
        }
    }

    fn apply(&mut self, operation: Operation) -> Result<(), TestCaseError> {
        match operation {
            Operation::Call => {
                self.calls += 1;
                self.model.call();
                self.open.push(Open {
                    number: 1,
                    held: Grant::free(),
                    cost: 0,
                    call: self.budget.call(self.now),
                });
            }
            Operation::Pass(by) if by >= 0 => self.now += Duration::from_millis(by.unsigned_abs()),
            Operation::Pass(by) => self.now -= Duration::from_millis(by.unsigned_abs()),
            _ if self.open.is_empty() => {}
            Operation::Fail(which, kind) => {
                let failed = self.open.swap_remove(which.index(self.open.len()));
                self.fail(failed, kind)?;
            }
            Operation::Succeed(which) => {
                let done = self.open.swap_remove(which.index(self.open.len()));
                self.budget.succeeded(done.number == 1, self.now);
                self.model.succeeded(done.number == 1);
                self.model.returned(done.cost);
            }
            Operation::Leave(which) => {
                let left = self.open.swap_remove(which.index(self.open.len()));
                self.model.returned(left.cost);
            }
        }
        Ok(())
    }

    fn fail(&mut self, failed: Open, kind: Kind) -> Result<(), TestCaseError> {
        let Open {
            number, held, call, ..
        } = failed;
        held.spend();
        self.budget.failed(self.now);
        self.model.failed();
        let paid = self.budget.retry(kind, self.now);
        let expected = self.model.pays(kind, self.open.len() + 1);
        prop_assert_eq!(paid.is_some(), expected.is_some());
        if let (Some(held), Some(cost)) = (paid, expected) {
            self.retries += 1;
            let number = number + 1;
            self.open.push(Open {
                number,
                held,
                cost,
                call,
            });
        }
        Ok(())
    }
}

/// A number that failures use up.
struct Store {
    left: u32,
    most: u32,
    costs: [u32; 3],
}

impl Model for Store {
    fn call(&mut self) {}

    fn failed(&mut self) {}

    fn pays(&mut self, kind: Kind, _: usize) -> Option<u32> {
        let cost = self.costs[kind as usize];
        if self.left < cost {
            return None;
        }
        self.left -= cost;
        Some(cost)
    }

    fn succeeded(&mut self, first: bool) {
        self.returned(u32::from(first));
    }

    fn returned(&mut self, cost: u32) {
        self.left = self.most.min(self.left + cost);
    }
}

#[test]
fn the_capacity_of_the_sdks_pays_exactly_what_a_number_pays() {
    let cases = (any::<bool>(), 10..60u32, vec(operation(false), 1..150));
    let outcome = fixed::runner(2_000, 10_000).run(&cases, |(old, most, operations)| {
        let (costs, model) = match old {
            true => (Costs::V2_0, [5, 10, 5]),
            false => (Costs::V2_1, [14, 14, 5]),
        };
        let capacity = Capacity::new(most, costs).expect("it can be meant");
        let model = Store {
            left: most,
            most,
            costs: model,
        };
        let mut bench = Bench::new(Arc::new(capacity.clone()), model, Instant::now());
        for operation in operations {
            bench.apply(operation)?;
            prop_assert_eq!(capacity.left(), bench.model.left);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// gRPC's tokens in tenths, which the ratios here are whole numbers of.
struct Tenths {
    left: u32,
    most: u32,
    ratio: u32,
}

impl Model for Tenths {
    fn call(&mut self) {}

    fn failed(&mut self) {
        self.left -= self.left.min(10);
    }

    fn pays(&mut self, _: Kind, _: usize) -> Option<u32> {
        (2 * self.left > self.most).then_some(0)
    }

    fn succeeded(&mut self, _: bool) {
        self.left = self.most.min(self.left + self.ratio);
    }

    fn returned(&mut self, _: u32) {}
}

#[test]
fn grpcs_tokens_pay_only_while_more_than_half_of_them_are_there() {
    let cases = (1..12u32, 1..15u32, vec(operation(false), 1..150));
    let outcome = fixed::runner(2_000, 10_000).run(&cases, |(most, ratio, operations)| {
        let tokens = GrpcTokens::new(most, f64::from(ratio) / 10.0).expect("it can be meant");
        let tokens = Arc::new(tokens);
        let model = Tenths {
            left: most * 10,
            most: most * 10,
            ratio,
        };
        let mut bench = Bench::new(tokens.clone(), model, Instant::now());
        for operation in operations {
            bench.apply(operation)?;
            prop_assert_eq!(tokens.thousandths(), bench.model.left * 100);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// A share of the calls in flight, and no fewer than so many.
struct Share {
    percent: usize,
    minimum: usize,
    /// In flight; a failed one has ended when the next is asked for.
    retries: usize,
}

impl Share {
    fn allowed(&self, open: usize) -> usize {
        (open * self.percent / 100).max(self.minimum)
    }
}

impl Model for Share {
    fn call(&mut self) {}

    fn failed(&mut self) {}

    fn pays(&mut self, _: Kind, open: usize) -> Option<u32> {
        (self.retries < self.allowed(open)).then_some(1)
    }

    fn succeeded(&mut self, _: bool) {}

    fn returned(&mut self, _: u32) {}
}

#[test]
fn retries_in_flight_are_never_more_than_their_share() {
    let cases = (0..150u32, 0..4usize, vec(operation(false), 1..150));
    let outcome = fixed::runner(2_000, 10_000).run(&cases, |(percent, minimum, operations)| {
        let budget = ConcurrencyBudget::new(percent, minimum);
        let model = Share {
            percent: percent as usize,
            minimum,
            retries: 0,
        };
        let mut bench = Bench::new(Arc::new(budget.clone()), model, Instant::now());
        for operation in operations {
            let before = bench.open.iter().filter(|open| open.number > 1).count();
            bench.model.retries = before;
            if let Operation::Fail(which, _) = &operation
                && !bench.open.is_empty()
                && bench.open[which.index(bench.open.len())].number > 1
            {
                bench.model.retries -= 1;
            }
            bench.apply(operation)?;
            let open = bench.open.len();
            prop_assert_eq!(budget.allowed(), bench.model.allowed(open));
        }
        bench.open.clear();
        prop_assert_eq!(budget.allowed(), minimum);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// How many retries of so many calls a budget pays if every attempt fails and each failure asks for
/// another.
fn under_total_failure(
    budget: Arc<dyn Budget>,
    operations: Vec<Operation>,
    now: Instant,
) -> (u64, u64) {
    let mut open: Vec<(Grant, Grant)> = Vec::new();
    let (mut now, mut calls, mut retries) = (now, 0, 0);
    for operation in operations {
        match operation {
            Operation::Call => {
                calls += 1;
                open.push((budget.call(now), Grant::free()));
            }
            Operation::Fail(which, kind) if !open.is_empty() => {
                let (call, held) = open.swap_remove(which.index(open.len()));
                held.spend();
                budget.failed(now);
                if let Some(held) = budget.retry(kind, now) {
                    retries += 1;
                    open.push((call, held));
                }
            }
            Operation::Pass(by) => now += Duration::from_millis(by.unsigned_abs()),
            _ => {}
        }
    }
    (calls, retries)
}

#[test]
fn under_total_failure_every_budget_bounds_the_amplification() {
    let cases = (1..=10u64, vec(operation(true), 1..300));
    let outcome = fixed::runner(1_000, 10_000).run(&cases, |(tenths, operations)| {
        let now = Instant::now();
        let total = |budget: Arc<dyn Budget>| under_total_failure(budget, operations.clone(), now);

        let ratio = tenths as f64 / 10.0;
        let tokens = TokenBudget::new(Duration::from_secs(10), 0, ratio, now).expect("valid");
        let (calls, retries) = total(Arc::new(Mutex::new(tokens)));
        prop_assert!(retries * (10 / tenths) <= calls, "{retries} of {calls}");

        let (_, retries) = total(Arc::new(GrpcTokens::new(10, 0.1).expect("valid")));
        prop_assert!(retries <= 4, "{retries}");

        let (_, retries) = total(Arc::new(Capacity::new(50, Costs::V2_0).expect("valid")));
        prop_assert!(retries <= 10, "{retries}");
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
