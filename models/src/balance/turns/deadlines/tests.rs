//! What the schedule promises.

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::*;

const WHOLE: &Weigh<'_> = &|_, share| share;

fn shares(list: &[(&str, u32)]) -> Vec<(Arc<str>, Share)> {
    let each = list.iter();
    each.map(|(name, weight)| ((*name).into(), Share::of(*weight)))
        .collect()
}

fn schedule(seed: u64, list: &[(&str, u32)]) -> Deadlines {
    let mut deadlines = Deadlines::default();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    deadlines.update(&shares(list), WHOLE, &mut rng);
    deadlines
}

fn picks(deadlines: &mut Deadlines, count: usize, down: &str) -> String {
    let pick = |_| {
        let turn = deadlines.pick(&|name| **name != *down, WHOLE);
        turn.expect("somebody may").name().to_string()
    };
    (0..count).map(pick).collect()
}

#[test]
fn equal_deadlines_go_by_the_order_of_the_set() {
    let mut deadlines = schedule(1, &[("c", 2), ("a", 2), ("b", 1)]);
    for job in &mut deadlines.jobs {
        job.deadline.steps = PERIOD;
    }
    // Times 0.5, 0.5, 1, 1, 1, 1.5, 1.5 and so on.
    assert_eq!(picks(&mut deadlines, 10, ""), "cacabcacab");
}

#[test]
fn every_stretch_of_the_sum_of_the_weights_is_exact_over_many_rebases() {
    let mut deadlines = schedule(3, &[("a", 3), ("b", 1)]);
    let text = picks(&mut deadlines, 600_000, "");
    let counts = text.as_bytes().windows(4);
    let exact = counts.filter(|four| four.iter().filter(|c| **c == b'a').count() == 3);
    assert_eq!(exact.count(), 600_000 - 3);
    assert!(deadlines.now.units() <= 1);
}

#[test]
fn who_was_away_has_one_turn_at_once_and_no_more() {
    let mut deadlines = schedule(1, &[("a", 1), ("b", 1), ("c", 1)]);
    picks(&mut deadlines, 1000, "c");
    let back = picks(&mut deadlines, 9, "");
    assert!(back.starts_with('c'), "{back}");
    for name in ["a", "b", "c"] {
        assert_eq!(back.matches(name).count(), 3, "{back}");
    }
}

#[test]
fn a_pick_that_is_taken_back_was_never_made() {
    for seed in 0..50 {
        let mut one = schedule(seed, &[("a", 5), ("b", 3), ("c", 1)]);
        let mut two = schedule(seed, &[("a", 5), ("b", 3), ("c", 1)]);
        for step in 0..100 {
            let refusing = ["a", "b", "c"][step % 3];
            let turn = one.pick(&|_| true, WHOLE).unwrap();
            if **turn.name() == *refusing {
                one.undo(&turn);
                picks(&mut one, 1, refusing);
                picks(&mut two, 1, refusing);
            } else {
                picks(&mut two, 1, "");
            }
            assert_eq!(one.now, two.now);
            for (one, two) in one.jobs.iter().zip(&two.jobs) {
                assert_eq!(one.deadline, two.deadline);
            }
        }
    }
}

#[test]
fn a_pick_that_is_taken_back_late_gives_one_period_back() {
    let mut deadlines = schedule(1, &[("a", 1)]);
    let first = deadlines.pick(&|_| true, WHOLE).unwrap();
    let second = deadlines.pick(&|_| true, WHOLE).unwrap();
    let [_, twice] = second.deadline;
    deadlines.undo(&first);
    assert_eq!(twice.steps - deadlines.jobs[0].deadline.steps, PERIOD);
}

#[test]
fn a_new_share_leaves_the_part_of_the_period_that_is_left() {
    let mut deadlines = schedule(9, &[("a", 2), ("b", 1)]);
    picks(&mut deadlines, 10, "");
    let now = deadlines.now;
    let left = |deadlines: &Deadlines| {
        let job = &deadlines.jobs[1];
        job.deadline.steps - now.steps_of(job.deadline.share)
    };
    let before = left(&deadlines);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    deadlines.update(&shares(&[("a", 2), ("b", 7)]), WHOLE, &mut rng);
    assert_eq!(left(&deadlines), before);
    assert!(before > 0, "b was not due");
}

#[test]
fn the_heaviest_and_the_lightest_fit_into_the_arithmetic() {
    let mut deadlines = schedule(1, &[("a", u32::MAX), ("b", 1), ("c", u32::MAX)]);
    let feather: &Weigh<'_> = &|name, share| match &**name {
        "b" => share.times(1e-9),
        _ => share,
    };
    for _ in 0..1000 {
        deadlines.pick(&|_| true, feather).unwrap();
    }
    // Only the lightest may: the time moves on by whole units.
    for _ in 0..1000 {
        let turn = deadlines.pick(&|name| &**name == "b", feather).unwrap();
        assert_eq!(&**turn.name(), "b");
    }
    let after = deadlines.pick(&|_| true, feather).unwrap();
    assert_eq!(&**after.name(), "a");
}

#[test]
fn the_part_of_a_share_is_never_zero_and_never_more_than_the_share() {
    assert_eq!(Share::of(10).times(0.5), Share::of(5));
    assert_eq!(Share::of(1).times(0.0), Share(1));
    assert_eq!(Share::of(1).times(f64::NAN), Share(1));
    assert_eq!(Share::of(3).times(2.0), Share::of(3));
    assert!(Share::of(0).times(0.5).is_zero());
    assert_eq!(Share::mean(&[1, 2]), Share(Share::ONE * 3 / 2));
    assert!(Share::mean(&[]).is_zero());
}
