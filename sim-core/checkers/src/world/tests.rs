//! What the fold over events counts.

use super::*;
use crate::tests::Run;

fn world(run: &Run) -> World<'_> {
    World::after(&run.events)
}

#[test]
fn facts_are_summed_counted_and_told_apart_by_key() {
    let run = Run::default()
        .fact(1, "sold", "item=pen amount=3 order=1")
        .fact(2, "sold", "item=ink amount=2 order=1")
        .fact(3, "sold", "item=pen order=2");
    let world = world(&run);
    assert_eq!((world.sum("sold"), world.count("sold")), (6, 3));
    assert_eq!(world.sum_by("sold", "item")["pen"], 4);
    assert_eq!(world.sum_by("sold", "order")["1"], 5);
    assert_eq!(world.count_by("sold", "item")["pen"], 2);
    assert_eq!(
        (world.sum("lost"), world.sum_by("lost", "item").len()),
        (0, 0)
    );
}

#[test]
fn a_table_is_the_same_whenever_it_is_read_first() {
    let mut run = Run::default();
    for number in 0..30 {
        let fields = format!("item={} order={number} amount={number}", number % 3);
        let (name, fields) = match number % 5 {
            // Some facts have no such field, and some are others.
            0 => ("sold", "order=0"),
            1 => ("lost", fields.as_str()),
            // Some have it twice, and no amount.
            2 => ("sold", "item=3 item=4"),
            _ => ("sold", fields.as_str()),
        };
        run = run.fact(number, name, fields);
    }
    let tables = |world: &World<'_>| {
        let sums = world.sum_by("sold", "item").clone();
        (sums, world.count_by("sold", "item").clone())
    };
    for reads_from in 0..30 {
        let mut early = World::before(&run.events);
        for happened in 0..30 {
            early.advance();
            if happened >= reads_from {
                let fresh = World::after(&run.events[..=happened]);
                assert_eq!(tables(&early), tables(&fresh), "from {reads_from} on");
            }
        }
    }
    let (sums, counts) = tables(&World::after(&run.events));
    // What was sold of the multiples of 3.
    assert_eq!((sums["0"], counts["0"]), (3 + 9 + 18 + 24, 4));
    assert_eq!((sums["4"], counts["4"]), (6, 6));
}

#[test]
fn breakers_operations_and_faults_are_followed() {
    let run = Run::default()
        .breaker(1, "a->b-0", "opened")
        .breaker(2, "a->b-1", "opened")
        .breaker(3, "a->b-1", "half-opened")
        .breaker(4, "a->b-1", "trial-sent")
        .operation(5, Some((1, Outcome::Fail)))
        .operation(7, None)
        .push(8, Event::FaultEnded { fault: "x".into() })
        .push(
            9,
            Event::FaultHit {
                fault: "x".into(),
                kind: "crash".into(),
            },
        );
    let world = world(&run);
    assert_eq!(world.breaker("a->b-0"), BreakerState::Open);
    assert_eq!(world.breaker("elsewhere"), BreakerState::Closed);
    let matching: Vec<_> = world.breakers("a->b").collect();
    assert_eq!(matching.len(), 2);
    assert_eq!(matching[1], ("a->b-1", BreakerState::HalfOpen));
    assert_eq!(
        (world.open_operations(), world.completed(Outcome::Fail)),
        (1, 1)
    );
    assert_eq!((world.faults(), world.fault_hits()), (-1, 1));
}

#[test]
fn only_events_that_change_something_say_so() {
    let run = Run::default()
        .push(1, Event::Settling {})
        .fact(2, "sold", "amount=1");
    let mut world = World::before(&run.events);
    assert_eq!(world.advance(), None);
    assert_eq!(world.advance(), Some(Topic::Fact("sold")));
    assert_eq!(world.events(), 2);
}
