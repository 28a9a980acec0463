//! The gradient controller against the figures of Envoy's law.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;
use windtunnel_models::overload::Outcome;
use windtunnel_models::overload::concurrency::{Controller, Gradient, GradientPolicy};

use crate::row::Vector;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn v23c_a_gradient_whose_latency_stays_at_its_smallest() {
    let v = Vector::new("V-23c", "Envoy gradient, minRTT 5 ms, sample 5 ms, start 3");
    let mut now = Instant::now();
    let rng = ChaCha8Rng::seed_from_u64(0);
    let mut law = Gradient::new(GradientPolicy::default(), rng, now).unwrap();
    now += ms(5);
    for _ in 0..50 {
        law.on_sample(ms(5), 3, Outcome::Success, now);
    }
    v.exact("minRTT", Some(ms(5)), law.min_rtt());
    v.exact("start", 3, law.limit());
    let expected = [5, 8, 13, 20, 30, 43, 61, 84, 115, 155, 207, 274];
    for (window, expected) in expected.into_iter().enumerate() {
        // In the middle of a window, and right after it: the limit moves with the second.
        for _ in 0..2 {
            now += ms(50);
            law.on_sample(ms(5), law.limit(), Outcome::Success, now);
        }
        v.exact(&format!("window {}", window + 1), expected, law.limit());
    }
}
