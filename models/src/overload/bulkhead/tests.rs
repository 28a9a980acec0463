//! What a bulkhead promises, against the pure machine.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::overload::shed::CodelPolicy;
use crate::overload::{InvalidPolicy, Outcome};

const MS: Duration = Duration::from_millis(1);
const TICK: Duration = Duration::from_nanos(1);

fn narrow(pending: usize) -> Compartment {
    Compartment {
        concurrency: 1,
        pending,
        max_wait: None,
        order: Order::Fifo,
    }
}

fn ticket(answer: Result<Answer, Refused>) -> Ticket {
    match answer {
        Ok(Answer::Waits { ticket, .. }) => ticket,
        other => panic!("it waits, not {other:?}"),
    }
}

/// A machine whose only slot is taken.
fn busy(compartment: Compartment, now: Instant) -> Machine {
    let mut machine = Machine::new(compartment).unwrap();
    assert_eq!(machine.ask(None, now), Ok(Answer::Admitted));
    machine
}

fn granted(machine: &mut Machine) -> Vec<Ticket> {
    let decisions = machine.take_decisions().into_iter();
    decisions
        .filter(|made| made.verdict.is_ok())
        .map(|made| made.ticket)
        .collect()
}

#[test]
fn dead_work_is_dropped_when_its_turn_comes_and_the_living_get_the_slot() {
    let t = Instant::now();
    let mut machine = busy(narrow(10), t);
    let deadline = t + 100 * MS;
    let dead: Vec<_> = (0..5)
        .map(|_| ticket(machine.ask(Some(deadline), t)))
        .collect();
    let alive = ticket(machine.ask(Some(deadline + TICK), t));
    machine.end(Some(Outcome::Success), deadline);
    let decisions = machine.take_decisions();
    let passed = Refused::DeadlinePassed { waited: 100 * MS };
    for (made, ticket) in decisions.iter().zip(dead) {
        let verdict = Err(passed);
        assert_eq!(*made, Decision { ticket, verdict });
    }
    let last = decisions.last().map(|made| (made.ticket, made.verdict));
    assert_eq!(last, Some((alive, Ok(100 * MS))));
    assert_eq!(machine.refusals().deadline_passed, 5);
    assert!(machine.tally().is_balanced());
}

#[test]
fn a_call_whose_deadline_has_passed_is_refused_even_if_a_slot_is_free() {
    let t = Instant::now();
    let mut machine = Machine::new(narrow(1)).unwrap();
    let waited = Duration::ZERO;
    let passed = Err(Refused::DeadlinePassed { waited });
    assert_eq!(machine.ask(Some(t), t), passed);
    assert_eq!(machine.ask(Some(t + TICK), t), Ok(Answer::Admitted));
}

#[test]
fn the_oldest_comes_first_and_nobody_who_comes_later_gets_the_slot_before_it() {
    let t = Instant::now();
    let mut machine = busy(narrow(3), t);
    let waiting: Vec<_> = (0..3).map(|_| ticket(machine.ask(None, t))).collect();
    for (freed, expected) in waiting.iter().enumerate() {
        machine.end(Some(Outcome::Success), t);
        assert_eq!(granted(&mut machine), [*expected]);
        // The slot went to who waited: a new call waits like everybody.
        let late = ticket(machine.ask(None, t));
        machine.leave(late);
        assert_eq!(machine.refusals().left, freed as u64 + 1);
    }
}

#[test]
fn a_call_is_turned_away_at_the_end_of_its_wait_and_not_before() {
    let t = Instant::now();
    let compartment = Compartment {
        max_wait: Some(50 * MS),
        ..narrow(1)
    };
    let mut machine = busy(compartment, t);
    let ticket = ticket(machine.ask(None, t));
    let pending = 1;
    assert_eq!(machine.ask(None, t), Err(Refused::Full { pending }));
    machine.advance(t + 50 * MS - TICK);
    assert_eq!(machine.take_decisions(), []);
    machine.advance(t + 50 * MS);
    let verdict = Err(Refused::TimedOut { waited: 50 * MS });
    assert_eq!(machine.take_decisions(), [Decision { ticket, verdict }]);
    // Its place is free again.
    assert!(machine.ask(None, t + 50 * MS).is_ok());
    assert_eq!(machine.tally().waiting, 1);
}

#[test]
fn a_queue_that_does_not_drain_turns_round_and_drops_what_is_stale() {
    let t = Instant::now();
    let codel = CodelPolicy::default();
    let compartment = Compartment {
        order: Order::Adaptive(codel),
        ..narrow(100)
    };
    let mut machine = busy(compartment, t);
    let mut now = t;
    let mut waiting = Vec::new();
    // Three calls come for every one that ends, every 2 ms.
    for _ in 0..150 {
        waiting.extend((0..3).filter_map(|_| machine.ask(None, now).ok()));
        now += 2 * MS;
        machine.end(Some(Outcome::Success), now);
    }
    let decisions = machine.take_decisions();
    let stale = |made: &&Decision| matches!(made.verdict, Err(Refused::Overloaded { .. }));
    assert!(decisions.iter().filter(stale).count() > 50);
    for made in decisions.iter().filter(stale) {
        let Err(Refused::Overloaded { waited }) = made.verdict else {
            unreachable!("it was looked for");
        };
        assert!(waited > 2 * codel.target);
    }
    let last = decisions.iter().rfind(|made| made.verdict.is_ok()).unwrap();
    assert_eq!(last.verdict, Ok(2 * MS), "the newest is served");
    assert!(machine.tally().waiting <= 15, "what waits is not stale");
    assert!(machine.tally().is_balanced());
}

#[test]
fn a_clock_that_steps_back_ends_no_wait() {
    let t = Instant::now() + 1000 * MS;
    let compartment = Compartment {
        max_wait: Some(50 * MS),
        ..narrow(2)
    };
    let mut machine = busy(compartment, t);
    let Ok(Answer::Waits { until, .. }) = machine.ask(None, t - 500 * MS) else {
        panic!("it waits");
    };
    assert_eq!(until, Some(t + 50 * MS));
    machine.advance(t - 1000 * MS);
    assert_eq!(machine.take_decisions(), []);
}

#[test]
fn the_presets_are_those_of_the_peers() {
    let numbers = |compartment: Compartment| {
        compartment.validate().unwrap();
        (compartment.concurrency, compartment.pending)
    };
    assert_eq!(numbers(Compartment::envoy()), (1024, 1024));
    assert_eq!(numbers(Compartment::hystrix_semaphore()), (10, 0));
    assert_eq!(numbers(Compartment::hystrix_pool()), (10, 5));
    let waits = Compartment::resilience4j(10 * MS);
    assert_eq!((numbers(waits).0, waits.max_wait), (25, Some(10 * MS)));
    let at_once = Compartment::resilience4j(Duration::ZERO);
    assert_eq!((numbers(at_once), at_once.max_wait), ((25, 0), None));
}

#[test]
fn nonsense_is_refused_when_a_bulkhead_is_built() {
    let with = |change: fn(&mut Compartment)| {
        let mut compartment = Compartment::envoy();
        change(&mut compartment);
        Machine::new(compartment).map(|_| ()).unwrap_err()
    };
    let zero = InvalidPolicy::Zero;
    let contradiction = InvalidPolicy::Contradiction;
    assert_eq!(with(|c| c.concurrency = 0), zero("concurrency"));
    let too_many = with(|c| c.pending = usize::MAX);
    assert_eq!(too_many, InvalidPolicy::OutOfRange("pending"));
    let no_wait = with(|c| c.max_wait = Some(Duration::ZERO));
    assert_eq!(no_wait, zero("max_wait"));
    let too_long = with(|c| c.max_wait = Some(Duration::MAX));
    assert_eq!(too_long, InvalidPolicy::TooLong("max_wait"));
    let useless = with(|c| (c.pending, c.max_wait) = (0, Some(MS)));
    assert_eq!(useless, contradiction("max_wait"));
    let order = with(|c| {
        (c.pending, c.order) = (0, Order::Adaptive(CodelPolicy::default()));
    });
    assert_eq!(order, contradiction("order"));
    let target = with(|c| {
        c.order = Order::Adaptive(CodelPolicy {
            target: 2 * MS,
            interval: MS,
        });
    });
    assert_eq!(target, contradiction("target"));
}
