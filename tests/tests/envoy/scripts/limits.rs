//! Time and number: timeouts, rates, copies.

use std::path::Path;

use serde_json::json;

use crate::endpoint::Behaviour::{Silence, Status};
use crate::stage::{Pair, cluster, config, to_main};

pub async fn an_endpoint_is_silent_past_the_timeout(program: &Path) {
    let pair = Pair::new(
        program,
        &[Silence],
        |all| {
            to_main(
                json!([cluster("main", all, json!({}))]),
                json!({"timeout": "0.2s"}),
            )
        },
        |all| config(all, json!({}), json!({"deadline": "200ms"})),
    );
    let pair = pair.await;
    for stage in pair.both() {
        assert_eq!(stage.statuses(3).await, [504; 3]);
        assert_eq!(stage.counts(), [3]);
    }
}

pub async fn a_burst_passes_and_the_rest_is_refused(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(200)],
        |all| {
            let mut policy = to_main(json!([cluster("main", all, json!({}))]), json!({}));
            let always = json!({"default_value": {"numerator": 100, "denominator": "HUNDRED"}});
            policy.filters.push(json!({
                "name": "envoy.filters.http.local_ratelimit",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
                    "stat_prefix": "limit",
                    "token_bucket": {"max_tokens": 5, "tokens_per_fill": 5, "fill_interval": "3600s"},
                    "filter_enabled": always, "filter_enforced": always,
                },
            }));
            policy
        },
        // One cell in a hour: nothing comes back while the script runs.
        |all| {
            config(
                all,
                json!({}),
                json!({"limit": {"rate": "1/h", "burst": 5}}),
            )
        },
    );
    let pair = pair.await;
    for stage in pair.both() {
        let statuses = stage.statuses(20).await;
        assert_eq!(statuses[..5], [200; 5]);
        assert_eq!(statuses[5..], [429; 15]);
        assert_eq!(stage.counts(), [5]);
    }
}

pub async fn a_mirror_gets_every_request(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(200), Status(500)],
        |all| {
            let clusters = [("main", 0), ("copy", 1)];
            let clusters = clusters.map(|(name, at)| cluster(name, &all[at..=at], json!({})));
            let mirror = json!({"request_mirror_policies": [{"cluster": "copy"}]});
            to_main(json!(clusters), mirror)
        },
        |all| {
            let mut config = config(
                &all[..1],
                json!({}),
                json!({"mirror": [{"upstream": "copy"}]}),
            );
            config["upstreams"]["copy"] = json!({"endpoints": [all[1].to_string()]});
            config
        },
    );
    let pair = pair.await;
    for stage in pair.both() {
        assert_eq!(stage.statuses(30).await, [200; 30]);
        stage.until_asked(1, 30).await;
        assert_eq!(stage.counts(), [30, 30]);
    }
}
