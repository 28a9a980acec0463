//! A compartment of a bulkhead against a plain list that is gone through anew at each step.

use crate::fixed;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use std::time::Duration;
use tokio::time::Instant;
use windtunnel_models::overload::Outcome;
use windtunnel_models::overload::bulkhead::{Answer, Compartment, Machine, Order, Refused, Ticket};
use windtunnel_models::overload::shed::CodelPolicy;

const MS: Duration = Duration::from_millis(1);

/// What happens to a compartment.
#[derive(Clone, Debug)]
enum Operation {
    /// A call comes that nobody waits for after so many milliseconds.
    Ask(Option<u64>),
    /// A call that runs ends.
    End(Option<Outcome>),
    /// The call that is so far down the queue goes away.
    Leave(prop::sample::Index),
    /// Time passes, or steps back.
    Pass(i64),
}

fn operation() -> impl Strategy<Value = Operation> {
    let outcome = prop_oneof![
        2 => Just(Some(Outcome::Success)),
        1 => Just(Some(Outcome::Failure)),
        1 => Just(Some(Outcome::Overload)),
        1 => Just(None),
    ];
    prop_oneof![
        6 => prop::option::of(0..20u64).prop_map(Operation::Ask),
        4 => outcome.prop_map(Operation::End),
        1 => any::<prop::sample::Index>().prop_map(Operation::Leave),
        3 => (-2..8i64).prop_map(Operation::Pass),
    ]
}

fn compartment(order: Order) -> impl Strategy<Value = Compartment> {
    (1..4usize, 1..6usize, prop::option::of(1..15u32)).prop_map(
        move |(concurrency, pending, wait)| Compartment {
            concurrency,
            pending,
            max_wait: wait.map(|wait| wait * MS),
            order,
        },
    )
}

/// A call that waits, in milliseconds since the beginning.
struct Waiter {
    ticket: Ticket,
    arrived: u64,
    deadline: Option<u64>,
    patience: Option<u64>,
}

impl Waiter {
    fn end(&self) -> u64 {
        let ends = self.deadline.into_iter().chain(self.patience);
        ends.min().unwrap_or(u64::MAX)
    }
}

/// A machine and what its callers know of it.
struct Bench {
    compartment: Compartment,
    machine: Machine,
    began: Instant,
    now: u64,
    latest: u64,
    running: u64,
    queue: Vec<Waiter>,
    /// Calls that asked, that were refused or left, and that ran.
    offered: u64,
    refused: u64,
    admitted: u64,
}

impl Bench {
    fn new(compartment: Compartment) -> Self {
        Self {
            compartment,
            machine: Machine::new(compartment).expect("it can be meant"),
            // An hour, for a clock that steps back.
            began: Instant::now() + Duration::from_secs(3600),
            now: 0,
            latest: 0,
            running: 0,
            queue: Vec::new(),
            offered: 0,
            refused: 0,
            admitted: 0,
        }
    }

    fn at(&self, millis: u64) -> Instant {
        self.began + Duration::from_millis(millis)
    }

    fn apply(&mut self, operation: Operation) -> Result<(), TestCaseError> {
        let at = self.at(self.now);
        match operation {
            Operation::Pass(by) => {
                self.now = self.now.saturating_add_signed(by);
                self.latest = self.latest.max(self.now);
                self.machine.advance(self.at(self.now));
            }
            Operation::Ask(wait) => self.ask(wait, at)?,
            Operation::End(outcome) if self.running > 0 => {
                self.machine.end(outcome, at);
                self.running -= 1;
            }
            Operation::Leave(which) if !self.queue.is_empty() => {
                let waiter = self.queue.remove(which.index(self.queue.len()));
                self.machine.leave(waiter.ticket);
                self.refused += 1;
            }
            Operation::End(_) | Operation::Leave(_) => {}
        }
        self.follow()?;
        self.conserves()
    }

    fn ask(&mut self, wait: Option<u64>, at: Instant) -> Result<(), TestCaseError> {
        self.offered += 1;
        let deadline = wait.map(|wait| self.now + wait);
        let answer = self.machine.ask(deadline.map(|at| self.at(at)), at);
        let dead = deadline.is_some_and(|deadline| deadline <= self.latest);
        let full = self.queue.len() == self.compartment.pending;
        match answer {
            Ok(Answer::Admitted) => {
                prop_assert!(!dead && self.queue.is_empty());
                self.running += 1;
                self.admitted += 1;
            }
            Ok(Answer::Waits { ticket, .. }) => {
                prop_assert!(!dead && !full);
                let wait = self.compartment.max_wait;
                self.queue.push(Waiter {
                    ticket,
                    arrived: self.latest,
                    deadline,
                    patience: wait.map(|wait| self.latest + wait.as_millis() as u64),
                });
            }
            Err(refused) => {
                let waited = Duration::ZERO;
                let expected = if dead {
                    Refused::DeadlinePassed { waited }
                } else {
                    prop_assert!(full);
                    let pending = self.queue.len();
                    Refused::Full { pending }
                };
                prop_assert_eq!(refused, expected);
                self.refused += 1;
            }
        }
        Ok(())
    }

    /// Every decision is one that the list allows, and the list has nothing left that is due.
    fn follow(&mut self) -> Result<(), TestCaseError> {
        for made in self.machine.take_decisions() {
            let place = self.queue.iter().position(|w| w.ticket == made.ticket);
            let Some(place) = place else {
                return Err(TestCaseError::fail("a decision about nobody"));
            };
            let oldest_alive = self.queue.iter().position(|w| w.end() > self.latest);
            let waiter = self.queue.remove(place);
            match made.verdict {
                Ok(waited) => {
                    if self.compartment.order == Order::Fifo {
                        prop_assert_eq!(Some(place), oldest_alive, "the oldest comes first");
                    }
                    prop_assert!(waiter.end() > self.latest, "it was dead");
                    let since = self.latest - waiter.arrived;
                    prop_assert_eq!(waited, Duration::from_millis(since));
                    self.running += 1;
                    self.admitted += 1;
                }
                Err(Refused::DeadlinePassed { .. }) => {
                    prop_assert!(waiter.deadline.is_some_and(|end| end <= self.latest));
                    self.refused += 1;
                }
                Err(Refused::TimedOut { waited }) => {
                    prop_assert!(waiter.patience.is_some_and(|end| end <= self.latest));
                    prop_assert_eq!(Some(waited), self.compartment.max_wait);
                    self.refused += 1;
                }
                Err(Refused::Overloaded { waited }) => {
                    let Order::Adaptive(codel) = self.compartment.order else {
                        return Err(TestCaseError::fail("dropped from a plain queue"));
                    };
                    prop_assert!(waited > 2 * codel.target);
                    self.refused += 1;
                }
                Err(Refused::Full { .. }) => {
                    return Err(TestCaseError::fail("it had a place"));
                }
            }
        }
        let due = self.queue.iter().filter(|w| w.end() <= self.latest).count();
        prop_assert_eq!(due, 0, "dead work waits on");
        Ok(())
    }

    fn conserves(&self) -> Result<(), TestCaseError> {
        let tally = self.machine.tally();
        prop_assert!(tally.is_balanced(), "{:?}", tally);
        let counts = (tally.offered, tally.refused, tally.admitted);
        prop_assert_eq!(counts, (self.offered, self.refused, self.admitted));
        prop_assert_eq!(tally.waiting, self.queue.len() as u64);
        prop_assert_eq!(tally.in_flight, self.running);
        let slots = self.compartment.concurrency as u64;
        prop_assert!(self.running <= slots, "{} run", self.running);
        let idle = self.running < slots && !self.queue.is_empty();
        prop_assert!(!idle, "a slot is free while somebody waits");
        Ok(())
    }
}

fn holds(order: Order) {
    let cases = (compartment(order), vec(operation(), 1..150));
    let outcome = fixed::runner(2_000, 10_000).run(&cases, |(compartment, operations)| {
        let mut bench = Bench::new(compartment);
        operations
            .into_iter()
            .try_for_each(|step| bench.apply(step))
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn random_operations_keep_a_plain_queue_inside_its_law() {
    holds(Order::Fifo);
}

#[test]
fn random_operations_keep_an_adaptive_queue_inside_its_law() {
    holds(Order::Adaptive(CodelPolicy {
        target: 2 * MS,
        interval: 5 * MS,
    }));
}
