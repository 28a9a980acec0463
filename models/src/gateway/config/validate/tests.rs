//! What validation finds.

use serde_json::json;

use super::*;

fn read(value: serde_json::Value) -> Config {
    serde_json::from_value(value).unwrap()
}

fn fields(config: &Config) -> Vec<String> {
    let problems = config.validate().unwrap_err().problems;
    problems.into_iter().map(|problem| problem.field).collect()
}

fn smallest() -> serde_json::Value {
    json!({
        "upstreams": {"shop": {"endpoints": ["shop:80"]}},
        "routes": [{"name": "all", "upstream": "shop"}],
    })
}

#[test]
fn the_smallest_configuration_is_valid() {
    assert_eq!(read(smallest()).validate(), Ok(()));
}

#[test]
fn every_problem_is_found_at_once_and_named() {
    let config = read(json!({
        "deadline": "0s",
        "identity": {"header": "x-client"},
        "limit": {"rate": "0/s", "burst": 0},
        "keys": {"partners": {"a": "k", "b": "k"}},
        "upstreams": {
            "shop": {"endpoints": ["shop"], "breaker": {"trials": 0},
                     "retry-budget": {"ratio": 2.0}},
        },
        "routes": [
            {"name": "a", "upstream": "gone", "keys": "gone", "hosts": ["a:80", "*."]},
            {"name": "a", "upstream": "shop", "deadline": "1s",
             "matches": [{"path": {"prefix": "/a//b"}, "method": "get"}],
             "retry": {"attempts": 3, "per-try-timeout": "500ms", "statuses": [404]}},
        ],
    }));
    let expected = [
        "identity.header",
        "limit.rate",
        "limit.burst",
        "deadline",
        "keys.partners.b",
        "upstreams.shop.endpoints",
        "upstreams.shop.breaker.trials",
        "upstreams.shop.retry-budget.ratio",
        "routes[0].upstream",
        "routes[0].keys",
        "routes[0].hosts[0]",
        "routes[0].hosts[1]",
        "routes[1].name",
        "routes[1].matches[0].path",
        "routes[1].matches[0].method",
        "routes[1].retry.per-try-timeout",
        "routes[1].retry.statuses",
    ];
    assert_eq!(fields(&config), expected);
}

#[test]
fn unknown_keys_are_errors() {
    let mut value = smallest();
    value["dedline"] = json!("1s");
    let error = serde_json::from_value::<Config>(value)
        .unwrap_err()
        .to_string();
    assert!(error.contains("dedline"), "{error}");
}

#[test]
fn an_endpoint_listed_twice_is_refused() {
    let mut config = read(smallest());
    config
        .upstreams
        .get_mut("shop")
        .unwrap()
        .endpoints
        .push("shop:80".into());
    assert_eq!(fields(&config), ["upstreams.shop.endpoints"]);
}

#[test]
fn every_mistake_about_what_becomes_of_a_request_is_found() {
    let mut value = smallest();
    value["routes"] = json!([
        {"name": "a"},
        {"name": "b", "upstream": "shop", "respond": {"status": 200}},
        {"name": "c", "split": {"to": [{"upstream": "gone", "weight": 1}],
                                "sticky": {"cookie": "a b"}}},
        {"name": "d", "redirect": {"status": 300, "scheme": "ftp", "host": "a:1", "port": 0,
                                   "path": {"full": "/a/../b"}}, "mirror": [{"upstream": "shop"}]},
        {"name": "e", "respond": {"status": 204, "body": "x", "headers": {"connection": "close"}}},
        {"name": "f", "upstream": "shop", "matches": [{"path": {"exact": "/a"}}],
         "rewrite": {"path": {"prefix": "/b"}},
         "request-headers": {"set": {"content-length": "1"}, "remove": ["a b"]},
         "mirror": [{"upstream": "gone", "share": 1.5, "max-in-flight": 0, "deadline": "0s"}]},
        {"name": "g", "upstream": "shop", "matches": [{"path": {"regex": "a)(b"},
         "header-patterns": {"x": "["}, "query-patterns": {"y": "*"}}]},
    ]);
    let expected = [
        "routes[0]",
        "routes[1]",
        "routes[2].split.to[0].upstream",
        "routes[2].split.sticky.cookie",
        "routes[3].redirect.status",
        "routes[3].redirect.scheme",
        "routes[3].redirect.host",
        "routes[3].redirect.port",
        "routes[3].redirect.path",
        "routes[3].mirror",
        "routes[4].respond.body",
        "routes[4].respond.headers.connection",
        "routes[5].rewrite.path",
        "routes[5].mirror[0].upstream",
        "routes[5].mirror[0].share",
        "routes[5].mirror[0].max-in-flight",
        "routes[5].mirror[0].deadline",
        "routes[5].request-headers.remove[0]",
        "routes[5].request-headers.set.content-length",
        "routes[6].matches[0].path.regex",
        "routes[6].matches[0].header-patterns.x",
        "routes[6].matches[0].query-patterns.y",
    ];
    assert_eq!(fields(&read(value)), expected);
}

#[test]
fn every_mistake_about_how_requests_spread_is_found() {
    let mut value = smallest();
    value["upstreams"] = json!({
        "a": {"endpoints": ["a:1"], "balance": {"maglev": {"size": 100}}, "hash": "client"},
        "b": {"endpoints": ["b:1"], "balance": {"ketama": {"bound": 100}}, "hash": "client"},
        "c": {"endpoints": ["c:1"], "balance": {"rendezvous": {}}},
        "d": {"endpoints": ["d:1"], "hash": {"cookie": "a"}},
        "e": {"endpoints": [{"address": "e:1", "weight": 0}],
              "balance": {"least-request": {"choices": 1}}},
        "f": {"endpoints": ["f:1"], "balance": {"ketama": {}}, "hash": {"header": "a b"}},
        "g": {"endpoints": ["g:1"], "cluster": {"panic-threshold": 101}},
        "h": {"endpoints": ["h:1"], "cluster": {"zones": {"own": "x", "gateways": {"y": 1}}}},
        "i": {"endpoints": ["i:1"], "outliers": {"base-ejection": "400s"}},
        "shop": {"endpoints": ["shop:1"],
                 "balance": {"peak-ewma": {"tau": "0s"}}, "outliers": {"deviations": -1.0}},
    });
    let expected = [
        "upstreams.a.balance",
        "upstreams.b.balance",
        "upstreams.c.balance",
        "upstreams.d.hash",
        "upstreams.e.balance",
        "upstreams.e.endpoints",
        "upstreams.f.hash.header",
        "upstreams.g.cluster",
        "upstreams.h.cluster",
        "upstreams.i.outliers",
        "upstreams.shop.balance",
        "upstreams.shop.outliers",
    ];
    assert_eq!(fields(&read(value)), expected);
}

#[test]
fn an_endpoint_is_a_text_or_a_table_and_nothing_else() {
    let mut value = smallest();
    value["upstreams"]["shop"]["endpoints"] =
        json!(["a:1", {"address": "b:1", "weight": 3, "priority": 1, "zone": "z"}]);
    assert_eq!(read(value.clone()).validate(), Ok(()));
    for (endpoint, word) in [
        (json!({"adress": "b:1"}), "adress"),
        (json!({"weight": 1}), "address"),
        (json!(7), "name:port"),
    ] {
        value["upstreams"]["shop"]["endpoints"] = json!([endpoint]);
        let error = serde_json::from_value::<Config>(value.clone()).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}
