//! Whatever the policy and whenever it dies: a dead node is seen within the stated bound, and a live one is
//! never taken for dead.

use crate::fixed;
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    runtime, spawn,
    time::{Instant, sleep, sleep_until},
};
use windtunnel_models::health::active::{Change, Checks, Observer, Policy, Probe, Probed, Probing};

const MS: Duration = Duration::from_millis(1);

/// Answers after a while, until it dies; then it is silent or refuses.
struct Mortal {
    answers_after: Duration,
    dies: Instant,
    refuses: bool,
}

impl Probe for Mortal {
    fn probe<'a>(&'a self, _: &'a Arc<str>, _: Instant) -> Probing<'a> {
        Box::pin(async move {
            let answer = Instant::now() + self.answers_after;
            if answer < self.dies {
                sleep_until(answer).await;
                return Probed::Passed;
            }
            if self.refuses {
                sleep_until(self.dies).await;
                return Probed::Failed;
            }
            std::future::pending().await
        })
    }
}

#[derive(Default)]
struct Log(Mutex<Vec<Change>>);

impl Observer for Log {
    fn changed(&self, _: &Arc<str>, change: &Change) {
        self.0.lock().expect("no panic").push(*change);
    }
}

fn policy() -> impl Strategy<Value = Policy> {
    let edge = || proptest::option::of((1..=5_000u32).prop_map(|ms| ms * MS));
    let jitter = (0..=1_000u32, 0..=1_000u32);
    (
        1..=3_000u32,
        0..100u32,
        1..=4u32,
        1..=4u32,
        jitter,
        edge(),
        edge(),
    )
        .prop_map(
            |(interval, part, out, back, jitter, healthy_edge, unhealthy)| Policy {
                interval: interval * MS,
                timeout: (interval * part / 100).max(1) * MS,
                unhealthy_threshold: out,
                healthy_threshold: back,
                initial_jitter: jitter.0 * MS,
                interval_jitter: jitter.1 * MS,
                unhealthy_interval: unhealthy,
                unhealthy_edge_interval: None,
                healthy_edge_interval: healthy_edge,
                no_traffic_interval: None,
            },
        )
}

#[test]
fn a_dead_node_leaves_within_the_stated_bound_and_a_live_one_stays() {
    let cases = (policy(), 0..=100u32, 0..40_000u32, any::<bool>());
    let outcome = fixed::runner(400, 2_000).run(&cases, |(policy, part, lives, refuses)| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            // An answer at exactly the timeout counts.
            let timeout = policy.timeout.as_millis() as u32;
            let dies = Instant::now() + lives * MS;
            let mortal = Mortal {
                answers_after: timeout * part / 100 * MS,
                dies,
                refuses,
            };
            let log = Arc::new(Log::default());
            let rng = ChaCha8Rng::seed_from_u64(lives.into());
            let checks = Checks::new(policy, mortal, rng, log.clone());
            let checks = checks.expect("the policy can be meant");
            checks.update(&["a".into()]);
            let driver = spawn(checks.clone().run());
            sleep(lives * MS + policy.longest_detection() + MS).await;
            driver.abort();
            prop_assert!(!checks.is_healthy("a"));
            match log.0.lock().expect("no panic")[..] {
                // It died before its first probe passed.
                [] => {}
                [up, down] => {
                    prop_assert!(up.healthy && up.at <= dies);
                    prop_assert!(!down.healthy && down.at >= dies, "it was alive");
                    let took = down.at - dies;
                    prop_assert!(took <= policy.longest_detection(), "{took:?}");
                }
                ref other => prop_assert!(false, "{other:?}"),
            }
            Ok(())
        })
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
