//! Failures in a row.

use super::*;

#[test]
fn five_errors_in_a_row_eject_and_a_success_between_them_does_not() {
    let mut bench = Bench::new(10, Policy::default());
    bench.report(0, answered(500), 4);
    bench.report(0, answered(404), 1);
    bench.report(0, answered(500), 4);
    bench.report(0, Outcome::Cancelled, 9);
    assert!(!bench.is_ejected(0));
    bench.report(0, answered(599), 1);
    assert!(bench.is_ejected(0));
    let [Event::Ejected { reason, until, .. }] = &bench.events[..] else {
        panic!("{:?}", bench.events);
    };
    assert_eq!(*reason, Reason::ServerErrors);
    assert_eq!(*until, bench.now + 30 * SECOND);
}

#[test]
fn streaks_begin_anew_on_ejection_and_on_return() {
    let mut bench = Bench::new(1, streaks_only());
    bench.report(0, answered(500), 5);
    // Nobody counts what an ejected endpoint still answers.
    bench.report(0, answered(500), 4);
    bench.sweep_after(30 * SECOND);
    assert!(!bench.is_ejected(0));
    bench.report(0, answered(500), 4);
    assert!(!bench.is_ejected(0));
    bench.report(0, answered(500), 1);
    assert!(bench.is_ejected(0));
}

#[test]
fn gateway_failures_are_told_but_not_enforced_unless_asked_for() {
    let mut policy = streaks_only();
    policy.server_errors.threshold = 100;
    let mut bench = Bench::new(1, policy);
    bench.report(0, answered(502), 4);
    bench.report(0, answered(500), 1);
    bench.report(0, answered(504), 4);
    assert!(bench.events.is_empty());
    bench.report(0, answered(503), 1);
    assert!(!bench.is_ejected(0));
    let told = &bench.events[..];
    let expected = (Reason::GatewayFailures, Mercy::NotEnforced);
    assert!(
        matches!(told, [Event::Spared { reason, mercy, .. }] if (*reason, *mercy) == expected),
        "{told:?}"
    );
    policy.gateway_failures.enforced = 100;
    let mut bench = Bench::new(1, policy);
    bench.report(0, answered(503), 5);
    assert!(bench.is_ejected(0));
}

#[test]
fn failures_of_our_side_count_as_answers_of_503_unless_they_are_split() {
    let mut bench = Bench::new(1, streaks_only());
    bench.report(0, Outcome::Failed(Local::Connect), 2);
    bench.report(0, answered(500), 1);
    bench.report(0, Outcome::Failed(Local::Timeout), 2);
    assert!(bench.is_ejected(0));

    let mut policy = streaks_only();
    policy.split_local_origin = true;
    policy.local_failures.threshold = 3;
    let mut bench = Bench::new(1, policy);
    bench.report(0, Outcome::Failed(Local::Connect), 2);
    bench.report(0, answered(500), 4);
    bench.report(0, Outcome::Failed(Local::Reset), 2);
    assert!(!bench.is_ejected(0));
    bench.report(0, Outcome::Failed(Local::Timeout), 1);
    let ejected = bench.events.pop();
    assert!(
        matches!(
            ejected,
            Some(Event::Ejected {
                reason: Reason::LocalFailures,
                ..
            })
        ),
        "{ejected:?}"
    );
}
