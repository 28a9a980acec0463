//! Weighted turns, moving averages and slow start against nginx, tower and Envoy.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use windtunnel_models::balance::load::Ewma;
use windtunnel_models::balance::turns::{SmoothPeers, SmoothPolicy};
use windtunnel_models::balance::{Endpoint, Outcome, SlowStart};

use crate::row::Vector;

fn peers(weights: &[(&str, u32)], max_fails: u32) -> SmoothPeers {
    let policy = SmoothPolicy {
        max_fails,
        ..SmoothPolicy::default()
    };
    let each = weights.iter();
    let endpoints: Vec<_> = each
        .map(|(name, weight)| Endpoint::new(*name).weighing(*weight))
        .collect();
    let mut peers = SmoothPeers::new(policy).unwrap();
    peers.update(&endpoints);
    peers
}

fn next(peers: &mut SmoothPeers) -> Arc<str> {
    let turn = peers.pick(Instant::now(), &|_| true);
    turn.expect("all are up").name().clone()
}

#[test]
fn v01_smooth_weights_of_five_one_and_one() {
    let v = Vector::new("V-01", "nginx, smooth weighted round robin");
    let mut peers = peers(&[("a", 5), ("b", 1), ("c", 1)], 1);
    for (turn, (name, current)) in [
        ("a", [-2, 1, 1]),
        ("a", [-4, 2, 2]),
        ("b", [1, -4, 3]),
        ("a", [-1, -3, 4]),
        ("c", [4, -2, -2]),
        ("a", [2, -1, -1]),
        ("a", [0, 0, 0]),
    ]
    .into_iter()
    .enumerate()
    {
        v.exact(&format!("turn {turn}"), name, &*next(&mut peers));
        let got: Vec<i64> = peers.weights().iter().map(|peer| peer.current).collect();
        v.exact(&format!("weights after {turn}"), current.to_vec(), got);
    }
}

#[test]
fn v04_equal_weights_take_turns() {
    let v = Vector::new("V-04", "nginx, smooth weighted round robin");
    let mut peers = peers(&[("a", 1), ("b", 1), ("c", 1)], 1);
    for expected in ["a", "b", "c", "a", "b", "c"] {
        v.exact("turn", expected, &*next(&mut peers));
    }
}

#[test]
fn v05_a_failure_halves_a_weight_and_each_pick_brings_one_back() {
    let v = Vector::new("V-05", "nginx, weight 10, max_fails 2");
    let mut peers = peers(&[("a", 10), ("b", 10)], 2);
    let id = peers.find("a").unwrap();
    let failure = Outcome::Failure { patience: None };
    peers.ended(id, failure, Instant::now());
    for expected in [5, 6, 7, 8, 9, 10, 10] {
        let got = peers.weights()[0].effective;
        v.exact("effective weight", expected, got);
        next(&mut peers);
    }
}

#[test]
fn v22_peak_ewma_of_two_calls() {
    let v = Vector::new("V-22", "tower, load::peak_ewma, tau 1 s, default 20 ms");
    let ms = Duration::from_millis;
    let start = Instant::now();
    let mut ewma = Ewma::new(ms(1000), ms(20), start).unwrap();
    v.exact("at the beginning", 20e6, ewma.cost(0, start));
    ewma.sample(ms(200), start + ms(300));
    let after_the_first = ewma.cost(1, start + ms(300));
    v.exact("after the first, one pending", 400e6, after_the_first);
    ewma.sample(ms(200), start + ms(400));
    let after_the_second = ewma.cost(0, start + ms(400));
    v.exact("after the second", 200e6, after_the_second);
    let later = ewma.cost(0, start + ms(1_400));
    v.at_most("one second later", 100e6, later);
    let much_later = ewma.cost(0, start + ms(11_400));
    v.at_most("ten seconds after that", 0.1e6, much_later);
}

#[test]
fn v23_slow_start() {
    let v = Vector::new("V-23", "Envoy, window 60 s, minimum 10 %");
    let ages = [3, 6, 15, 30, 45];
    for (aggression, expected) in [
        (1.0, [0.10, 0.10, 0.25, 0.50, 0.75]),
        (2.0, [0.224, 0.316, 0.5, 0.707, 0.866]),
        (0.5, [0.1, 0.1, 0.1, 0.25, 0.5625]),
    ] {
        let slow_start = SlowStart {
            aggression,
            ..SlowStart::over(Duration::from_secs(60))
        };
        for (age, expected) in ages.into_iter().zip(expected) {
            let got = slow_start.factor(Duration::from_secs(age));
            let what = format!("aggression {aggression}, {age} s");
            v.within(&what, expected, got, 0.001 / expected);
        }
    }
}
