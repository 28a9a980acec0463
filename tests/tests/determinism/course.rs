//! One seed, one course: in every process, before and after other seeds. What follows another course
//! in a used process is caught by running the first seed of every sweep once more.

use crate::{alone, run};
use futures_util::FutureExt;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use windtunnel_tests::scenario;

/// Runs that are over soon.
const SHORT: [(&str, &str); 2] = [("run.duration", "1s"), ("run.settle", "1s")];

#[test]
fn the_first_and_the_fiftieth_run_of_a_process_have_one_digest() {
    let first = scenario::run("shop", 42, &[]).digest;
    let others: Vec<_> = (0..48)
        .map(|seed| scenario::run("shop", seed, &SHORT).digest)
        .collect();
    let fiftieth = scenario::run("shop", 42, &[]).digest;
    assert_eq!(first, fiftieth);
    let mut different = others.clone();
    different.sort_by_key(|digest| digest.0);
    different.dedup();
    assert_eq!(different.len(), others.len(), "different seeds differ");
}

/// What a sweep that must not hold says.
fn complaint(swept: windtunnel::Swept) -> String {
    let payload = catch_unwind(AssertUnwindSafe(|| swept.held())).expect_err("it does not hold");
    payload
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_default()
}

static RUNS: AtomicU64 = AtomicU64::new(0);

/// A service that does as many steps as there were runs in its process.
async fn counting() {
    for _ in 0..RUNS.fetch_add(1, Ordering::Relaxed) + 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tracing::info!(target: "observe", what = "step");
    }
}

#[test]
fn a_process_wide_counter_is_caught_by_two_digests_of_one_seed() {
    let complaint = complaint(windtunnel::sweep(0..4, |tunnel| alone(tunnel, counting)));
    assert!(complaint.contains("seed 0 gave two digests"), "{complaint}");
    assert!(complaint.contains("process-wide counter"), "{complaint}");
}

/// A service that lets the macro choose between two ready futures many times.
#[expect(clippy::disallowed_macros, reason = "it is what is to be caught")]
async fn choosing() {
    for _ in 0..64 {
        let mut left = std::pin::pin!(async {}.fuse());
        let mut right = std::pin::pin!(async {}.fuse());
        let side = futures_util::select! {
            () = left => "left",
            () = right => "right",
        };
        tracing::info!(target: "observe", what = "chose", side);
    }
}

#[test]
fn select_of_futures_is_caught_by_two_digests_of_one_seed() {
    let complaint = complaint(windtunnel::sweep(0..4, |tunnel| alone(tunnel, choosing)));
    assert!(complaint.contains("seed 0 gave two digests"), "{complaint}");
    assert!(complaint.contains("`futures::select!`"), "{complaint}");
}

/// The same with the macro that is seeded.
async fn choosing_seeded() {
    for _ in 0..64 {
        let side = tokio::select! {
            () = async {} => "left",
            () = async {} => "right",
        };
        tracing::info!(target: "observe", what = "chose", side);
    }
}

#[test]
fn select_of_tokio_is_drawn_from_the_seed() {
    windtunnel::sweep(0..4, |tunnel| alone(tunnel, choosing_seeded)).held();
    assert_ne!(
        run(1, choosing_seeded).digest,
        run(2, choosing_seeded).digest,
        "it is drawn at all"
    );
}
