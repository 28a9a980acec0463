//! How Envoy shares the load out over priorities, and what the sizes of subsets come to.

use windtunnel_models::balance::Endpoint;
use windtunnel_models::balance::cluster::priority::{Shares, Tally};
use windtunnel_models::balance::cluster::{Policy, Subset, subset::Spread};

use crate::row::Vector;

/// Priorities of a hundred hosts, so many of them healthy.
fn shares(healthy: &[u64], panic_threshold: u32) -> Shares {
    let tallies: Vec<_> = healthy
        .iter()
        .map(|&healthy| Tally {
            hosts: 100,
            healthy,
        })
        .collect();
    Shares::new(
        &tallies,
        Policy::default().overprovisioning,
        panic_threshold,
    )
}

#[test]
fn v21_loads_of_priorities() {
    let v = Vector::new("V-21", "Envoy, priority levels, factor 1.4");
    let threshold = Policy::default().panic_threshold;
    for (healthy, loads, panics) in [
        ([72, 100], [100, 0], [false, false]),
        ([50, 100], [70, 30], [false, false]),
        ([25, 25], [50, 50], [true, true]),
    ] {
        let shares = shares(&healthy, threshold);
        v.exact(
            &format!("loads at {healthy:?} %"),
            &loads[..],
            shares.loads(),
        );
        v.exact(
            &format!("panics at {healthy:?} %"),
            &panics[..],
            shares.panics(),
        );
    }
    let total: u64 = [25, 25]
        .map(|healthy| {
            Tally {
                hosts: 100,
                healthy,
            }
            .health(140)
        })
        .iter()
        .sum();
    v.exact("total at [25, 25] %", 70, total);
    // Where Envoy's page shows these figures it has not come to panics yet; the law itself would have all
    // three of them in panic, and equal parts for equal sizes.
    let three = [25, 25, 20];
    v.exact(
        "loads at [25, 25, 20] %, no panic",
        &[37, 35, 28][..],
        shares(&three, 0).loads(),
    );
    let panicking = shares(&three, threshold);
    v.exact(
        "loads at [25, 25, 20] %, panic",
        &[34, 33, 33][..],
        panicking.loads(),
    );
    v.exact(
        "panics at [25, 25, 20] %",
        &[true; 3][..],
        panicking.panics(),
    );
}

#[test]
fn loads_of_two_priorities_at_other_healths() {
    let v = Vector::new("V-21", "Envoy, the same law at other healths");
    for (healthy, loads) in [
        ([100, 100], [100, 0]),
        ([71, 100], [99, 1]),
        ([25, 100], [35, 65]),
        ([0, 100], [0, 100]),
    ] {
        let shares = shares(&healthy, 50);
        v.exact(
            &format!("loads at {healthy:?} %"),
            &loads[..],
            shares.loads(),
        );
        v.exact(
            &format!("panics at {healthy:?} %"),
            &[false; 2][..],
            shares.panics(),
        );
    }
}

#[test]
fn deterministic_subsets_of_the_book() {
    let v = Vector::new(
        "subsets",
        "SRE book, chapter 20: 300 clients with 10 of 300 backends each",
    );
    let all: Vec<_> = (0..300).map(|i| Endpoint::new(format!("b{i}"))).collect();
    let of = |client| Subset::Deterministic { client, size: 10 }.choose(&all);
    let spread = Spread::new(&all, (0..300).map(of));
    v.exact("fewest connections", 10, spread.least());
    v.exact("most connections", 10, spread.most());
}
