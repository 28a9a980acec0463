//! The tail at scale (J. Dean and L. A. Barroso, 2013), with the hedging service in virtual time: hours of
//! waiting that take seconds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use tokio::time::{Instant, sleep};
use tower::{ServiceExt, service_fn};
use windtunnel_models::hedge::{Delay, HedgeService, Policy};
use windtunnel_models::retry::{Idempotent, TokenBudget, Verdict};

use crate::row::Vector;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn v33_the_chance_that_one_of_many_is_slow() {
    let v = Vector::new("V-33", "the tail at scale, closed form");
    for (what, slow, servers, expected) in [
        ("any of 100 above its p99, %", 0.01, 100, 63.4),
        ("1 in 10 000 at 2 000 servers, %", 1e-4, 2000, 18.1),
    ] {
        let chance: f64 = 1.0 - (1.0_f64 - slow).powi(servers);
        v.exact(what, expected, (chance * 1000.0).round() / 10.0);
    }
}

const SERVERS: usize = 100;
const READS: usize = 1000;

/// What reads of one part per server came to.
struct Reads {
    /// How long they took, in order.
    taken: Vec<Duration>,
    /// Attempts per part.
    attempts: f64,
    /// Parts that were slower than their p99 when they were asked first.
    slow: usize,
}

impl Reads {
    fn p999(&self) -> f64 {
        self.taken[READS - 1 - READS / 1000].as_secs_f64() * 1e3
    }
}

/// An answer takes 2 ms or an exponential rest on it, so that its p99 is near 8 ms; one in 10 000 stalls
/// for a second on average.
fn takes(rng: &mut ChaCha8Rng) -> Duration {
    let mut uniform = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let (is_stalled, draw) = (uniform() < 1e-4, 1.0 - uniform());
    let mean = if is_stalled { 1000.0 } else { 1.3 };
    Duration::from_secs_f64((2.0 - mean * draw.ln()) / 1e3)
}

async fn read(delay: Option<Delay>) -> Reads {
    let chance = Arc::new(Mutex::new((ChaCha8Rng::seed_from_u64(33), 0)));
    let drawn = chance.clone();
    let leaf = service_fn(move |_: usize| {
        let mut drawn = drawn.lock().unwrap();
        let takes = takes(&mut drawn.0);
        drawn.1 += usize::from(takes > ms(8));
        async move {
            sleep(takes).await;
            Ok::<_, ()>(())
        }
    });
    let hour = Delay::Fixed(ms(3_600_000));
    let policy = Policy {
        attempts: 2,
        delay: delay.unwrap_or(hour),
        ..Policy::default()
    };
    let budget = TokenBudget::new(ms(10_000), 10, 0.03, Instant::now()).unwrap();
    let budget = Arc::new(Mutex::new(budget));
    let judge = Idempotent(|_: &_, _: &_| Verdict::Success);
    let hedging = HedgeService::new(leaf, policy, budget, judge).unwrap();
    let mut taken = Vec::new();
    for _ in 0..READS {
        let began = Instant::now();
        let parts = (0..SERVERS).map(|part| hedging.clone().oneshot(part));
        join_all(parts).await;
        taken.push(began.elapsed());
    }
    taken.sort();
    let counts = hedging.counts();
    let slow = chance.lock().unwrap().1;
    Reads {
        taken,
        attempts: counts.attempts as f64 / counts.calls as f64,
        slow,
    }
}

#[tokio::test]
async fn v33_hedging_cuts_the_tail_for_a_few_more_requests() {
    let v = Vector::new("V-33", "the tail at scale, 100 servers, stalls of a second");
    let plain = read(None).await;
    let beyond = plain.slow as f64 / (READS * SERVERS) as f64;
    println!("parts beyond 8 ms: {:.2} %", beyond * 100.0);
    let at_p99 = Delay::Percentile {
        percentile: 0.99,
        window: ms(1000),
        minimum: 1000,
        least: ms(1),
    };
    for (what, delay) in [
        ("after 10 ms", Delay::Fixed(ms(10))),
        ("after the p99", at_p99),
    ] {
        let hedged = read(Some(delay)).await;
        println!("p99.9 {:.0} ms -> {:.0} ms", plain.p999(), hedged.p999());
        let cut = plain.p999() / hedged.p999();
        v.at_most(&format!("{what}: 10 / cut of p99.9"), 1.0, 10.0 / cut);
        let more = (hedged.attempts - 1.0) * 100.0;
        v.at_most(&format!("{what}: more requests, %"), 3.0, more);
        assert!(more > 0.0, "nothing was hedged");
    }
    assert_eq!(plain.attempts, 1.0);
}
