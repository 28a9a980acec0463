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
