//! What the weighted turns promise.

use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::super::tests::{gives_back_a_cancelled_call, rng, turn, weighted};
use super::super::{Balancer, Call, InvalidPolicy, NoEndpoint, Outcome, SlowStart};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn smooth(list: &str) -> SmoothWeighted {
    SmoothWeighted::new(&weighted(list), SmoothPolicy::default()).unwrap()
}

fn deadline(list: &str) -> EarliestDeadline {
    let policy = EarliestDeadlinePolicy::default();
    EarliestDeadline::new(&weighted(list), policy, rng()).unwrap()
}

/// Peers with `max_fails` and a time-out of ten seconds.
fn peers(list: &str, max_fails: u32) -> SmoothPeers {
    let policy = SmoothPolicy {
        max_fails,
        ..SmoothPolicy::default()
    };
    let mut peers = SmoothPeers::new(policy).unwrap();
    peers.update(&weighted(list));
    peers
}

fn next(peers: &mut SmoothPeers, now: Instant) -> String {
    let turn = peers.pick(now, &|_| true);
    turn.map_or("-".into(), |turn| turn.name().to_string())
}

fn fail(peers: &mut SmoothPeers, name: &str, now: Instant) {
    let id = peers.find(name).unwrap();
    peers.ended(id, Outcome::Failure { patience: None }, now);
}

fn succeed(peers: &mut SmoothPeers, name: &str, now: Instant) {
    let id = peers.find(name).unwrap();
    peers.ended(id, Outcome::Success, now);
}

fn effective(peers: &SmoothPeers) -> Vec<i64> {
    let each = peers.weights().into_iter();
    each.map(|weights| weights.effective).collect()
}

#[test]
fn an_update_that_changes_nothing_does_not_disturb_the_turns() {
    let list = "a5 b1 c1";
    let pairs: [[Box<dyn Balancer>; 2]; 2] = [
        [Box::new(smooth(list)), Box::new(smooth(list))],
        [Box::new(deadline(list)), Box::new(deadline(list))],
    ];
    for [one, other] in pairs {
        for _ in 0..50 {
            other.update(&weighted(list));
            assert_eq!(turn(&*one, 1, ""), turn(&*other, 1, ""));
        }
    }
}

#[test]
fn an_endpoint_that_joins_changes_nothing_for_those_that_stay() {
    let balancer = deadline("a3 b2");
    let calm = deadline("a3 b2");
    for weight in 1..40 {
        balancer.update(&weighted(&format!("a3 b2 c{weight}")));
        assert_eq!(turn(&balancer, 1, "c"), turn(&calm, 1, ""));
    }
}

#[test]
fn effective_weights_begin_as_the_weights() {
    let mut peers = peers("a5 b3", 1);
    assert_eq!(effective(&peers), [5, 3]);
    peers.update(&weighted("a5 b3 c7"));
    assert_eq!(effective(&peers), [5, 3, 7]);
    assert_eq!(turn(&smooth("a1 b9"), 1, ""), "b");
}

#[test]
fn a_heavy_weight_makes_no_long_runs() {
    let picks = turn(&smooth("a100 b1 c1"), 1020, "");
    let runs = picks.split(['b', 'c']).map(str::len);
    // Two thirds of all, where turns without care give 100 in a row, and then b and c one after the other.
    assert!(runs.clone().max() < Some(70), "{picks}");
    assert!(!picks.contains("bc") && !picks.contains("cb"));
}

#[test]
fn equals_go_by_the_order_of_the_set() {
    assert_eq!(turn(&smooth("c b a"), 6, ""), "cbacba");
    assert_eq!(turn(&smooth("a2 z2 b2"), 6, ""), "azbazb");
}

#[test]
fn who_refuses_or_is_not_eligible_leaves_the_weights_as_they_were() {
    let (refused, barred) = (smooth("a5 b3 c1"), smooth("a5 b3 c1"));
    let mut refusals = 0;
    for _ in 0..30 {
        let mut is_asked = false;
        let one = refused.pick(&Call::default(), &mut |name| {
            is_asked |= &**name == "b";
            &**name != "b"
        });
        refusals += u32::from(is_asked);
        let call = Call {
            eligible: &|name| !is_asked || &**name != "b",
            ..Call::default()
        };
        let other = barred.pick(&call, &mut |_| true);
        assert_eq!(one.unwrap().endpoint(), other.unwrap().endpoint());
        assert_eq!(refused.weights(), barred.weights());
    }
    assert!(refusals > 5);
    let before = refused.weights();
    let error = refused.pick(&Call::default(), &mut |_| false).unwrap_err();
    assert_eq!(error, NoEndpoint::NoneAdmits { asked: 3 });
    assert_eq!(refused.weights(), before);
}

#[test]
fn a_pick_that_is_taken_back_late_leaves_what_others_did() {
    let mut both = peers("a5 b3 c1", 1);
    let mut only = peers("a5 b3 c1", 1);
    let now = Instant::now();
    let first = both.pick(now, &|_| true).unwrap();
    let second = both.pick(now, &|name| &**name == "b").unwrap();
    both.undo(first);
    only.pick(now, &|name| &**name == "b").unwrap();
    assert_eq!(both.weights(), only.weights());
    assert_eq!(&**second.name(), "b");
}

#[test]
fn who_left_takes_nothing_along_and_leaves_nothing() {
    let now = Instant::now();
    let mut peers = peers("a5 b1 c1", 1);
    let turn = peers.pick(now, &|_| true).unwrap();
    peers.update(&weighted("b1 c1"));
    let sum = |peers: &SmoothPeers| peers.weights().iter().map(|w| w.current).sum::<i64>();
    assert_eq!(sum(&peers), 0);
    peers.update(&weighted("a5 b1 c1"));
    // The old a fails; the new one has another identity.
    peers.ended(turn.peer(), Outcome::Failure { patience: None }, now);
    assert_eq!(effective(&peers), [5, 1, 1]);
}

#[test]
fn a_failure_takes_its_part_of_the_weight_and_picks_bring_it_back() {
    let now = Instant::now();
    let mut peers = peers("a10 b1", 3);
    fail(&mut peers, "a", now);
    assert_eq!(effective(&peers), [7, 1]);
    next(&mut peers, now);
    assert_eq!(effective(&peers), [8, 1]);
    for _ in 0..5 {
        fail(&mut peers, "a", now);
    }
    assert_eq!(effective(&peers), [0, 1]);
}

#[test]
fn an_endpoint_with_too_many_failures_is_left_alone_and_then_asked_once() {
    let start = Instant::now();
    let mut peers = peers("a9 b1", 2);
    fail(&mut peers, "a", start);
    fail(&mut peers, "a", start);
    let edge = start + 10 * SECOND;
    for _ in 0..5 {
        assert_eq!(next(&mut peers, edge), "b");
    }
    let after = edge + Duration::from_nanos(1);
    assert_eq!(next(&mut peers, after), "a");
    for _ in 0..20 {
        assert_eq!(next(&mut peers, after), "b");
    }
    succeed(&mut peers, "a", after);
    let back = (0..20).filter(|_| next(&mut peers, after) == "a").count();
    assert!(
        (12..=18).contains(&back),
        "{back} of 20 while its weight comes back"
    );
}

#[test]
fn a_success_that_began_before_the_failure_proves_nothing() {
    let start = Instant::now();
    let mut peers = peers("a b", 1);
    assert_eq!(next(&mut peers, start), "a");
    fail(&mut peers, "a", start + SECOND);
    succeed(&mut peers, "a", start + 2 * SECOND);
    for _ in 0..5 {
        assert_eq!(next(&mut peers, start + 2 * SECOND), "b");
    }
}

#[test]
fn a_probe_that_was_refused_is_still_to_be_made() {
    let start = Instant::now();
    let mut peers = peers("a b", 1);
    fail(&mut peers, "a", start);
    let later = start + 11 * SECOND;
    let probe = peers.pick(later, &|name| &**name == "a").unwrap();
    peers.undo(probe);
    assert!(peers.pick(later, &|name| &**name == "a").is_some());
    assert!(peers.pick(later, &|name| &**name == "a").is_none());
}

#[test]
fn a_group_of_one_never_goes_down() {
    let now = Instant::now();
    let mut peers = peers("a5 b0", 1);
    for _ in 0..5 {
        fail(&mut peers, "a", now);
        assert_eq!(next(&mut peers, now), "a");
    }
    assert_eq!(effective(&peers), [5, 0]);
    // Nor one that becomes a group of one while it is down.
    peers.update(&weighted("a5 b1"));
    fail(&mut peers, "a", now);
    assert_eq!(next(&mut peers, now), "b");
    peers.update(&weighted("a5"));
    assert_eq!(next(&mut peers, now), "a");
}

#[test]
fn a_question_that_panics_leaves_the_weights_as_they_were() {
    let balancer = smooth("a5 b3 c1");
    let before = balancer.weights();
    let call = Call {
        eligible: &|name| {
            if &**name == "c" {
                panic!("whoever asks")
            } else {
                true
            }
        },
        ..Call::default()
    };
    let pick = || balancer.pick(&call, &mut |_| true).map(drop);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(pick)).is_err());
    assert_eq!(balancer.weights(), before);
    assert_eq!(turn(&balancer, 1, ""), "a");
}

#[test]
fn a_set_of_which_all_failed_has_nobody_until_the_time_is_over() {
    let balancer = smooth("a b");
    for _ in 0..2 {
        let mut call = balancer.pick(&Call::default(), &mut |_| true).unwrap();
        call.report(Outcome::Failure { patience: None });
    }
    let error = balancer.pick(&Call::default(), &mut |_| true).unwrap_err();
    assert_eq!(error, NoEndpoint::NoneEligible { endpoints: 2 });
}

#[test]
fn a_clock_that_steps_back_brings_nobody_back() {
    let start = Instant::now() + 100 * SECOND;
    let mut peers = peers("a b", 1);
    fail(&mut peers, "a", start);
    fail(&mut peers, "a", start - 60 * SECOND);
    for _ in 0..5 {
        assert_eq!(next(&mut peers, start - 60 * SECOND), "b");
        assert_eq!(next(&mut peers, start), "b");
    }
}

#[test]
fn a_new_weight_keeps_what_failures_took_and_the_place() {
    let now = Instant::now();
    let mut peers = peers("a10 b10", 2);
    fail(&mut peers, "a", now);
    peers.update(&weighted("a20 b10"));
    assert_eq!(effective(&peers), [15, 10]);
    peers.update(&weighted("a3 b10"));
    assert_eq!(effective(&peers), [0, 10]);
}

#[test]
fn an_unknown_weight_is_the_mean_and_with_fewer_than_two_known_all_are_equal() {
    let picks = turn(&deadline("a4 b0 c2"), 900, "");
    let count = |name| picks.matches(name).count();
    assert_eq!([count("a"), count("b"), count("c")], [400, 300, 200]);
    let picks = turn(&deadline("a9 b0 c0"), 300, "");
    let window = |at: usize| &picks[at..at + 3];
    for at in 0..297 {
        assert!(["a", "b", "c"].iter().all(|name| window(at).contains(name)));
    }
}

#[test]
fn first_deadlines_differ_from_one_balancer_to_the_next() {
    let mut firsts: Vec<String> = (0..400)
        .map(|seed| {
            let rng = ChaCha8Rng::seed_from_u64(seed);
            let policy = EarliestDeadlinePolicy::default();
            let balancer = EarliestDeadline::new(&weighted("a b c d"), policy, rng).unwrap();
            turn(&balancer, 1, "")
        })
        .collect();
    firsts.sort();
    for name in ["a", "b", "c", "d"] {
        let count = firsts.iter().filter(|first| *first == name).count();
        assert!((75..=125).contains(&count), "{firsts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn those_that_join_an_empty_set_are_not_slowed() {
    let policy = EarliestDeadlinePolicy {
        slow_start: Some(SlowStart::over(60 * SECOND)),
    };
    let balancer = EarliestDeadline::new(&[], policy, rng()).unwrap();
    balancer.update(&weighted("a b"));
    balancer.update(&weighted("a b c"));
    let picks = turn(&balancer, 2100, "");
    assert_eq!(picks.matches('c').count(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_of_a_weighted_turn_is_in_flight_no_longer() {
    gives_back_a_cancelled_call(Arc::new(smooth("a"))).await;
    gives_back_a_cancelled_call(Arc::new(deadline("a"))).await;
}

#[test]
fn endpoints_of_weight_zero_get_nothing_from_smooth_weights() {
    assert_eq!(turn(&smooth("a0 b1"), 5, ""), "bbbbb");
    let none = smooth("a0").pick(&Call::default(), &mut |_| true);
    assert_eq!(none.unwrap_err(), NoEndpoint::NoneEligible { endpoints: 1 });
}

#[test]
fn turns_with_a_policy_that_cannot_be_meant_are_not_built() {
    let policy = SmoothPolicy {
        max_fails: 1,
        fail_timeout: Duration::ZERO,
    };
    let error = SmoothWeighted::new(&[], policy).unwrap_err();
    assert_eq!(error, InvalidPolicy::Zero("fail_timeout"));
    let off = SmoothPolicy {
        max_fails: 0,
        ..policy
    };
    assert_eq!(off.validate(), Ok(()));
    let policy = EarliestDeadlinePolicy {
        slow_start: Some(SlowStart::over(Duration::ZERO)),
    };
    let error = EarliestDeadline::new(&[], policy, rng()).unwrap_err();
    assert_eq!(error, InvalidPolicy::Zero("slow_start.window"));
}
