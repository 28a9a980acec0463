//! Who is picked.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::endpoint::Behaviour::Status;
use crate::proxy::Policy;
use crate::stage::{Pair, Stage, cluster, cluster_of, config, lb_endpoint, to_main};

pub async fn equal_endpoints_take_turns(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(200); 3],
        |all| to_main(json!([cluster("main", all, json!({}))]), json!({})),
        |all| config(all, json!({}), json!({})),
    );
    let pair = pair.await;
    for stage in pair.both() {
        stage.statuses(90).await;
        assert_eq!(stage.counts(), [30, 30, 30]);
    }
}

/// Earliest deadline first in both: over whole rounds the shares are exact to one request.
pub async fn weights_are_shares(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(200); 3],
        |all| {
            let weighted = [1, 2, 3].into_iter().zip(all);
            let weighted: Vec<_> = weighted.map(|(w, all)| lb_endpoint(*all, w)).collect();
            let localities = json!([{"lb_endpoints": weighted}]);
            to_main(
                json!([cluster_of("main", localities, json!({}))]),
                json!({}),
            )
        },
        |all| {
            let weighted = [1, 2, 3].into_iter().zip(all);
            let weighted =
                weighted.map(|(w, all)| json!({"address": all.to_string(), "weight": w}));
            let endpoints: Vec<_> = weighted.collect();
            let balance = json!({"earliest-deadline": {}});
            config(
                all,
                json!({"endpoints": endpoints, "balance": balance}),
                json!({}),
            )
        },
    );
    let pair = pair.await;
    for stage in pair.both() {
        stage.statuses(120).await;
        for (count, due) in stage.counts().into_iter().zip([20_usize, 40, 60]) {
            assert!(count.abs_diff(due) <= 1, "{:?}", stage.counts());
        }
    }
}

/// Envoy draws, ours deals out. Of 400 draws at 1/4, 100 are expected; a count outside of 60 to 145 has
/// a chance below one in 100,000 (exact binomial tails). Dealt out, the count is exact to one.
pub async fn a_split_has_its_shares(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(200), Status(200)],
        |all| {
            let clusters = [("a", 0), ("b", 1)];
            let clusters = clusters.map(|(name, at)| cluster(name, &all[at..=at], json!({})));
            let split = json!({"weighted_clusters": {"clusters": [
                {"name": "a", "weight": 3}, {"name": "b", "weight": 1},
            ]}});
            Policy {
                routes: json!([{"match": {"prefix": "/"}, "route": split}]),
                clusters: json!(clusters),
                filters: Vec::new(),
            }
        },
        |all| {
            json!({
                "name": "edge",
                "upstreams": {
                    "a": {"endpoints": [all[0].to_string()]},
                    "b": {"endpoints": [all[1].to_string()]},
                },
                "routes": [{"name": "all", "split": {"to": [
                    {"upstream": "a", "weight": 3}, {"upstream": "b", "weight": 1},
                ]}}],
            })
        },
    );
    let pair = pair.await;
    for (stage, fits) in pair.both().into_iter().zip([60..=145, 99..=101]) {
        assert_eq!(stage.statuses(400).await, [200; 400]);
        let counts = stage.counts();
        assert_eq!(counts[0] + counts[1], 400);
        assert!(fits.contains(&counts[1]), "{counts:?}");
    }
}

const KEYS: usize = 200;

/// Where each key goes, by the number of the endpoint; asked twice, because it must be the same.
async fn owners(stage: &Stage) -> Vec<usize> {
    let mut owners = Vec::new();
    for key in (0..KEYS).chain(0..KEYS) {
        let before = stage.counts();
        let key = format!("user-{key}");
        let answer = stage.ask("GET", "/", &[("x-user", &key)]).await;
        assert_eq!(answer.status(), 200);
        let after = stage.counts();
        let asked = (0..before.len()).find(|at| after[*at] > before[*at]);
        owners.push(asked.expect("one was asked"));
    }
    let again = owners.split_off(KEYS);
    assert_eq!(owners, again, "a key stays where it was");
    owners
}

/// Proxies over all five endpoints and over the first four of them.
async fn before_and_after(program: &Path, theirs: Value, balance: Value) -> [[Vec<usize>; 2]; 2] {
    let hashed = json!({"hash_policy": [{"header": {"header_name": "x-user"}}]});
    let over = |all: &[SocketAddr]| {
        to_main(
            json!([cluster("main", all, theirs.clone())]),
            hashed.clone(),
        )
    };
    let upstream = json!({"balance": balance, "hash": {"header": "x-user"}});
    let ours = |all: &[SocketAddr]| config(all, upstream.clone(), json!({}));
    let pair = Pair::new(program, &[Status(200); 5], over, ours).await;
    let before = [owners(&pair.envoy).await, owners(&pair.ours).await];
    let fewer = pair.with(program, |all| over(&all[..4]), |all| ours(&all[..4]));
    let fewer = fewer.await;
    let after = [owners(&fewer.envoy).await, owners(&fewer.ours).await];
    let ([envoy, ours], [envoy_after, ours_after]) = (before, after);
    [[envoy, envoy_after], [ours, ours_after]]
}

/// Keys that moved although their endpoint stayed, and keys whose endpoint left.
fn moved([before, after]: &[Vec<usize>; 2]) -> (usize, usize) {
    let both = || before.iter().zip(after);
    let needlessly = both().filter(|(before, after)| **before != 4 && before != after);
    let orphans = before.iter().filter(|before| **before == 4).count();
    (needlessly.count(), orphans)
}

/// With a minimum that either set reaches by whole points per endpoint (1000 = 5 · 200 = 4 · 250), the
/// ring of the smaller set gives its endpoints more points: some keys move between those that stay.
/// They are as few in both.
pub async fn a_ring_moves_the_keys_of_who_left_only(program: &Path) {
    let theirs = json!({
        "lb_policy": "RING_HASH",
        "ring_hash_lb_config": {"minimum_ring_size": 1000, "maximum_ring_size": 1000},
    });
    let balance = json!({"ring": {"minimum": 1000, "maximum": 1000}});
    for both in before_and_after(program, theirs, balance).await {
        let (needlessly, orphans) = moved(&both);
        assert!(
            (10..=80).contains(&orphans),
            "{orphans} of {KEYS} lost their endpoint"
        );
        assert!(needlessly <= KEYS / 4, "{needlessly} moved needlessly");
    }
}

pub async fn maglev_moves_little_besides_the_keys_of_who_left(program: &Path) {
    let theirs = json!({"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 65537}});
    let balance = json!({"maglev": {"size": 65537}});
    for both in before_and_after(program, theirs, balance).await {
        let (needlessly, orphans) = moved(&both);
        assert!(
            (15..=70).contains(&orphans),
            "{orphans} of {KEYS} lost their endpoint"
        );
        assert!(needlessly <= KEYS / 10, "{needlessly} moved needlessly");
    }
}
