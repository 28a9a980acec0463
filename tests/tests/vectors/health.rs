//! Outlier detection against Envoy's own tests.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;
use windtunnel_models::health::outlier::{Event, Outcome, Outliers, Peers, Policy, Reason};

use crate::row::Vector;

const MS: Duration = Duration::from_millis(1);

/// A detector of endpoints whose calls of the first interval succeeded in so many percent.
fn detector(rates: &[u64], began: Instant) -> Outliers {
    let policy = Policy {
        always_eject_one: true,
        ..Policy::default()
    };
    let mut machine = Outliers::new(policy, ChaCha8Rng::seed_from_u64(0), began).unwrap();
    let names: Vec<Arc<str>> = (0..rates.len()).map(|n| n.to_string().into()).collect();
    machine.update(&names, began);
    for (name, rate) in names.iter().zip(rates) {
        for call in 0..100 {
            // Failures evenly among the successes: never five in a row.
            let passes = call * rate / 100 != (call + 1) * rate / 100;
            let status = if passes { 200 } else { 500 };
            let status = StatusCode::from_u16(status).unwrap();
            machine.report(name, Outcome::Answered(status), began + MS);
        }
    }
    machine
}

/// Who was ejected by the sweep, with its rate and what that was measured against.
fn ejected(events: &[Event]) -> (&str, f64, Peers) {
    match events {
        [
            Event::Ejected {
                endpoint,
                reason: Reason::SuccessRate { rate, peers },
                ..
            },
        ] => (endpoint, *rate, *peers),
        other => panic!("{other:?}"),
    }
}

#[test]
fn v23b_success_rates_and_the_time_of_an_ejection() {
    let v = Vector::new("V-23b", "Envoy, outlier detection tests");
    let began = Instant::now();
    let mut machine = detector(&[50, 100, 100, 100, 100], began);
    v.exact("before the sweep", false, machine.is_ejected("0"));
    let events = machine.sweep(began + 10_000 * MS);
    let (endpoint, rate, peers) = ejected(&events);
    v.exact("ejected at 10 000 ms", ("0", 50.0), (endpoint, rate));
    v.exact("mean", 90.0, peers.mean);
    v.exact("deviation", 20.0, peers.deviation);
    v.exact("threshold", 52.0, peers.threshold);
    machine.sweep(began + 19_999 * MS);
    v.exact("sweep at 19 999 ms", true, machine.is_ejected("0"));
    machine.sweep(began + 50_001 * MS);
    v.exact("sweep at 50 001 ms", false, machine.is_ejected("0"));
}

#[test]
fn v23b_nine_good_ones_and_one_half_good() {
    let v = Vector::new("V-23b", "Envoy, outlier detection tests");
    let began = Instant::now();
    let rates = [100, 100, 100, 100, 100, 100, 100, 100, 100, 50];
    let events = detector(&rates, began).sweep(began + 10_000 * MS);
    let (endpoint, _, peers) = ejected(&events);
    v.exact("ejected", "9", endpoint);
    v.exact("threshold", 66.5, peers.threshold);
}
