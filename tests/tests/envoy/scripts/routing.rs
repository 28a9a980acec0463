//! Where a request goes, and in what form.

use std::net::IpAddr;
use std::path::Path;

use http::HeaderMap;
use serde_json::{Value, json};

use crate::endpoint::Behaviour::Status;
use crate::proxy::Policy;
use crate::stage::{Pair, cluster, config, to_main};

pub async fn redirects_have_their_codes_and_places(program: &Path) {
    let codes = [
        (301, "MOVED_PERMANENTLY"),
        (302, "FOUND"),
        (303, "SEE_OTHER"),
        (307, "TEMPORARY_REDIRECT"),
        (308, "PERMANENT_REDIRECT"),
    ];
    let theirs = codes.map(|(code, word)| {
        json!({
            "match": {"prefix": format!("/{code}/")},
            "redirect": {
                "host_redirect": "new.example", "prefix_rewrite": "/moved/", "response_code": word,
            },
        })
    });
    let ours: Vec<Value> = codes
        .iter()
        .map(|(code, _)| {
            json!({
                "name": format!("r{code}"),
                "matches": [{"path": {"prefix": format!("/{code}")}}],
                "redirect": {"host": "new.example", "path": {"prefix": "/moved"}, "status": code},
            })
        })
        .collect();
    let pair = Pair::new(
        program,
        &[],
        |_| Policy {
            routes: json!(theirs),
            clusters: json!([]),
            filters: Vec::new(),
        },
        |_| json!({"name": "edge", "routes": ours}),
    );
    let pair = pair.await;
    // Ours keeps the port that was asked unless it is told another (Gateway API).
    let ports = [String::new(), format!(":{}", pair.ours.port())];
    for (code, _) in codes {
        for (stage, port) in pair.both().into_iter().zip(&ports) {
            let answer = stage.ask("GET", &format!("/{code}/a?b=c"), &[]).await;
            assert_eq!(answer.status().as_u16(), code);
            let place = answer.headers()["location"].to_str().expect("a text");
            assert_eq!(place, format!("http://new.example{port}/moved/a?b=c"));
        }
    }
}

pub async fn an_answer_needs_no_endpoint(program: &Path) {
    let pair = Pair::new(
        program,
        &[],
        |_| Policy {
            routes: json!([{
                "match": {"prefix": "/"},
                "direct_response": {"status": 418, "body": {"inline_string": "a teapot"}},
            }]),
            clusters: json!([]),
            filters: Vec::new(),
        },
        |_| {
            let respond = json!({"status": 418, "body": "a teapot"});
            json!({"name": "edge", "routes": [{"name": "all", "respond": respond}]})
        },
    );
    let pair = pair.await;
    for stage in pair.both() {
        let answer = stage.ask("GET", "/", &[]).await;
        assert_eq!(answer.status(), 418);
        assert_eq!(answer.body(), "a teapot");
    }
}

pub async fn prefixes_are_rewritten(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(200)],
        |all| Policy {
            routes: json!([
                {"match": {"path_separated_prefix": "/api"},
                 "route": {"cluster": "main", "prefix_rewrite": "/v2"}},
                {"match": {"safe_regex": {"regex": "/items/[0-9]+"}},
                 "route": {"cluster": "main"}},
            ]),
            clusters: json!([cluster("main", all, json!({}))]),
            filters: Vec::new(),
        },
        |all| {
            json!({
                "name": "edge",
                "upstreams": {"main": {"endpoints": [all[0].to_string()]}},
                "routes": [
                    {"name": "api", "upstream": "main", "matches": [{"path": {"prefix": "/api"}}],
                     "rewrite": {"path": {"prefix": "/v2"}}},
                    {"name": "items", "upstream": "main",
                     "matches": [{"path": {"regex": "/items/[0-9]+"}}]},
                ],
            })
        },
    );
    let pair = pair.await;
    let asked = [
        ("/api/users?x=1", 200),
        ("/api", 200),
        ("/apix", 404),
        ("/items/42", 200),
        ("/items/42/more", 404),
        ("/items/x", 404),
    ];
    for stage in pair.both() {
        for (target, status) in asked {
            assert_eq!(
                stage.ask("GET", target, &[]).await.status(),
                status,
                "{target}"
            );
        }
        let arrived = stage.endpoints[0].asked();
        let arrived: Vec<_> = arrived.iter().map(|asked| &*asked.target).collect();
        assert_eq!(arrived, ["/v2/users?x=1", "/v2", "/items/42"]);
    }
}

pub async fn paths_have_one_form(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(200)],
        |all| to_main(json!([cluster("main", all, json!({}))]), json!({})),
        |all| config(all, json!({}), json!({})),
    );
    let pair = pair.await;
    let forms = [
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a//b", "/a/b"),
        ("/%2e%2e/x", "/x"),
        ("/a/b/../../c?q=/../", "/c?q=/../"),
    ];
    for stage in pair.both() {
        for (target, _) in forms {
            assert_eq!(
                stage.ask("GET", target, &[]).await.status(),
                200,
                "{target}"
            );
        }
        let arrived = stage.endpoints[0].asked();
        let arrived: Vec<_> = arrived.iter().map(|asked| &*asked.target).collect();
        assert_eq!(arrived, forms.map(|(_, form)| form));
    }
}

fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

pub async fn headers_change_and_hops_end(program: &Path) {
    let pair = Pair::new(
        program,
        &[Status(200)],
        |all| {
            let mut policy = to_main(json!([cluster("main", all, json!({}))]), json!({}));
            policy.routes[0]["request_headers_to_remove"] = json!(["x-gone"]);
            policy.routes[0]["request_headers_to_add"] = json!([
                {"header": {"key": "x-set", "value": "new"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
            ]);
            policy.routes[0]["response_headers_to_add"] = json!([
                {"header": {"key": "x-answer", "value": "yes"}},
            ]);
            policy
        },
        |all| {
            let changes = json!({
                "request-headers": {"remove": ["x-gone"], "set": {"x-set": "new"}},
                "response-headers": {"add": {"x-answer": "yes"}},
            });
            config(all, json!({}), changes)
        },
    );
    let pair = pair.await;
    for stage in pair.both() {
        let sent = [
            ("x-gone", "1"),
            ("x-set", "old"),
            ("x-kept", "1"),
            ("keep-alive", "5"),
            ("proxy-connection", "keep-alive"),
            ("te", "gzip"),
        ];
        let answer = stage.ask("GET", "/", &sent).await;
        assert_eq!(value(answer.headers(), "x-answer"), Some("yes"));
        let arrived = &stage.endpoints[0].asked()[0].headers;
        assert_eq!(value(arrived, "x-set"), Some("new"));
        assert_eq!(value(arrived, "x-kept"), Some("1"));
        for gone in [
            "x-gone",
            "keep-alive",
            "proxy-connection",
            "connection",
            "te",
        ] {
            assert_eq!(value(arrived, gone), None, "{gone}");
        }
        assert_eq!(value(arrived, "x-forwarded-proto"), Some("http"));
    }
    // For a client on the loopback Envoy writes an address that the machine has elsewhere.
    let [theirs, ours] = pair.both().map(|stage| {
        let arrived = &stage.endpoints[0].asked()[0].headers;
        value(arrived, "x-forwarded-for").map(str::to_owned)
    });
    let theirs = theirs.and_then(|from| from.parse::<IpAddr>().ok());
    assert!(theirs.is_some());
    assert_eq!(ours.as_deref(), Some("127.0.0.1"));
}
