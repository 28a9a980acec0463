//! Endpoints that fail: retries, ejections, priorities.

use std::path::Path;

use serde_json::{Value, json};

use crate::endpoint::Behaviour::Status;
use crate::stage::{Pair, cluster, cluster_of, config, lb_endpoint, to_main};

/// Retries on 503 in Envoy's words; `retries` are on top of the first attempt.
fn retries(retries: u32) -> Value {
    json!({"retry_policy": {
        "retry_on": "retriable-status-codes",
        "retriable_status_codes": [503],
        "num_retries": retries,
        "retry_back_off": {"base_interval": "0.001s"},
    }})
}

/// The same in ours.
fn attempts(attempts: u32) -> Value {
    json!({"retry": {"attempts": attempts, "base": "1ms", "cap": "2ms", "statuses": [503]}})
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|found| **found == status).count()
}

pub async fn one_of_three_fails_and_nothing_is_retried(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(200), Status(200), Status(503)],
        |all| to_main(json!([cluster("main", all, json!({}))]), json!({})),
        |all| config(all, json!({}), json!({})),
    );
    let pair = pair.await;
    for stage in pair.both() {
        let statuses = stage.statuses(60).await;
        assert_eq!((count(&statuses, 200), count(&statuses, 503)), (40, 20));
        assert_eq!(stage.counts(), [20, 20, 20]);
    }
}

pub async fn one_of_three_fails_and_is_retried_elsewhere(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(200), Status(200), Status(503)],
        |all| to_main(json!([cluster("main", all, json!({}))]), retries(1)),
        |all| config(all, json!({"retry-budget": null}), attempts(2)),
    );
    let pair = pair.await;
    for stage in pair.both() {
        let statuses = stage.statuses(60).await;
        assert_eq!(count(&statuses, 200), 60);
        let counts = stage.counts();
        assert_eq!(counts[0] + counts[1], 60, "{counts:?}");
        // A rotation of three that begins anywhere: 60 + n attempts, of which every third fails.
        assert!(counts[2].abs_diff(30) <= 1, "{counts:?}");
    }
}

pub async fn retries_end_with_the_attempts(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(503)],
        |all| to_main(json!([cluster("main", all, json!({}))]), retries(2)),
        |all| config(all, json!({"retry-budget": null}), attempts(3)),
    );
    let pair = pair.await;
    for stage in pair.both() {
        assert_eq!(stage.statuses(10).await, [503; 10]);
        assert_eq!(stage.counts(), [30]);
    }
}

/// The laws differ: ours repeats what the endpoint may have seen only if the method is idempotent.
pub async fn a_post_is_repeated_by_envoy_only(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(503)],
        |all| to_main(json!([cluster("main", all, json!({}))]), retries(2)),
        |all| config(all, json!({"retry-budget": null}), attempts(3)),
    );
    let pair = pair.await;
    for (stage, asked) in pair.both().into_iter().zip([3, 1]) {
        assert_eq!(stage.ask("POST", "/", &[]).await.status(), 503);
        assert_eq!(stage.counts(), [asked]);
    }
}

/// Ejections that outlast the script; `success-rate` and the like stay off.
fn detection() -> Value {
    json!({
        "consecutive_5xx": 5, "enforcing_consecutive_5xx": 100, "max_ejection_percent": 100,
        "enforcing_success_rate": 0, "enforcing_consecutive_gateway_failure": 0,
        "interval": "600s", "base_ejection_time": "600s", "max_ejection_time": "600s",
    })
}

/// The same in ours.
fn outliers() -> Value {
    json!({
        "consecutive-errors": 5, "max-ejection-percent": 100, "deviations": 0.0,
        "interval": "10m", "base-ejection": "10m", "max-ejection": "10m",
    })
}

pub async fn five_failures_in_a_row_eject(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(200), Status(200), Status(500)],
        |all| {
            let further = json!({"outlier_detection": detection()});
            to_main(json!([cluster("main", all, further)]), json!({}))
        },
        |all| config(all, json!({"outliers": outliers()}), json!({})),
    );
    let pair = pair.await;
    let ours = pair.ours.statuses(60).await;
    assert_eq!((count(&ours, 500), count(&ours, 200)), (5, 55));
    assert_eq!(pair.ours.counts()[2], 5);
    let theirs = pair.envoy.statuses(60).await;
    let failed = count(&theirs, 500);
    assert!((5..=5 + LATE).contains(&failed), "{theirs:?}");
    assert_eq!(pair.envoy.counts()[2], failed);
    assert_eq!(theirs[3 * (5 + LATE)..], [200; 60 - 3 * (5 + LATE)]);
}

/// So many further requests may be on their way to an endpoint that Envoy ejects: its workers hear of it
/// from its main thread, when that gets to run.
const LATE: usize = 10;

pub async fn the_next_priority_takes_over(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(500), Status(200)],
        |all| {
            let localities = json!([
                {"priority": 0, "lb_endpoints": [lb_endpoint(all[0], 1)]},
                {"priority": 1, "lb_endpoints": [lb_endpoint(all[1], 1)]},
            ]);
            let further = json!({"outlier_detection": detection()});
            to_main(json!([cluster_of("main", localities, further)]), json!({}))
        },
        |all| {
            let endpoints = json!([
                {"address": all[0].to_string(), "priority": 0},
                {"address": all[1].to_string(), "priority": 1},
            ]);
            config(
                all,
                json!({"endpoints": endpoints, "outliers": outliers()}),
                json!({}),
            )
        },
    );
    let pair = pair.await;
    let ours = pair.ours.statuses(40).await;
    assert_eq!(ours[..5], [500; 5]);
    assert_eq!(ours[5..], [200; 35]);
    assert_eq!(pair.ours.counts(), [5, 35]);
    let theirs = pair.envoy.statuses(40).await;
    let failed = count(&theirs, 500);
    assert!((5..=5 + LATE).contains(&failed), "{theirs:?}");
    assert_eq!(theirs[..failed], vec![500; failed]);
    assert_eq!(pair.envoy.counts(), [failed, 40 - failed]);
}

/// The laws differ in the word only: ours tells a gateway that cannot reach anybody (502) from a
/// service that is not there (503).
pub async fn nobody_listens(program: &Path) {
    let deserted = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("a bound socket")
    };
    let pair = Pair::new(
        program,
        &[],
        |_| {
            to_main(
                json!([cluster("main", &[deserted()], json!({}))]),
                json!({}),
            )
        },
        |_| config(&[deserted()], json!({}), json!({})),
    );
    let pair = pair.await;
    assert_eq!(pair.envoy.statuses(3).await, [503; 3]);
    assert_eq!(pair.ours.statuses(3).await, [502; 3]);
}
