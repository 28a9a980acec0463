//! The published vectors of routing precedence, and the ties they leave open.

use http::HeaderValue;

use super::*;

fn prefix(path: &str) -> Rule {
    Rule {
        path: PathRule::prefix(path),
        method: None,
        headers: vec![],
        query: vec![],
    }
}

fn exact(path: &str) -> Rule {
    Rule {
        path: PathRule::Exact(path.to_owned()),
        ..prefix("/")
    }
}

fn header(name: &'static str, value: &str) -> Rule {
    Rule {
        headers: vec![(
            HeaderName::from_static(name),
            Pattern::Exact(value.to_owned()),
        )],
        ..prefix("/")
    }
}

/// A table of (backend, hosts, rules), and the question which backend a request reaches.
struct Fixture(Vec<(&'static str, Vec<String>, Vec<Rule>)>);

impl Fixture {
    fn new(routes: Vec<(&'static str, &[&str], Vec<Rule>)>) -> Self {
        let own = |hosts: &[&str]| hosts.iter().map(|host| (*host).to_owned()).collect();
        Self(
            routes
                .into_iter()
                .map(|(name, hosts, rules)| (name, own(hosts), rules))
                .collect(),
        )
    }

    fn ask(&self, host: &str, target: &str, method: &Method, headers: &HeaderMap) -> Option<&str> {
        let mut entries = Vec::new();
        for (name, hosts, rules) in &self.0 {
            entries.push(Entry {
                name,
                hosts,
                rules: rules.clone(),
                created: None,
            });
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let question = Question {
            host,
            path,
            query,
            method,
            headers,
        };
        Table::new(&entries)
            .find(&question)
            .map(|found| self.0[found.entry].0)
    }

    fn get(&self, target: &str) -> Option<&str> {
        self.ask("any", target, &Method::GET, &HeaderMap::new())
    }

    fn versioned(&self, target: &str, version: &'static str) -> Option<&str> {
        let mut headers = HeaderMap::new();
        headers.insert("Version", HeaderValue::from_static(version));
        self.ask("any", target, &Method::GET, &headers)
    }
}

#[test]
fn v_36a_prefixes_and_headers_take_precedence_as_published() {
    let table = Fixture::new(vec![
        ("b1", &[], vec![prefix("/"), header("version", "one")]),
        ("b2", &[], vec![prefix("/v2"), header("version", "two")]),
    ]);
    for target in ["/", "/example", "/v2example", "/foo/v2/example"] {
        assert_eq!(table.get(target), Some("b1"), "{target}");
    }
    for target in ["/v2", "/v2/", "/v2/example"] {
        assert_eq!(table.get(target), Some("b2"), "{target}");
    }
    assert_eq!(table.versioned("/", "one"), Some("b1"));
    assert_eq!(table.versioned("/", "two"), Some("b2"));
}

#[test]
fn v_36b_exact_paths_and_longer_prefixes_take_precedence_as_published() {
    let table = Fixture::new(vec![
        ("b1", &[], vec![exact("/match")]),
        ("b2", &[], vec![exact("/match/exact")]),
        ("b3", &[], vec![exact("/match/exact/one")]),
        ("b3", &[], vec![prefix("/match/")]),
        ("b1", &[], vec![prefix("/match/prefix/")]),
        ("b2", &[], vec![prefix("/match/prefix/one")]),
    ]);
    for (target, backend) in [
        ("/match/exact/one", "b3"),
        ("/match/exact", "b2"),
        ("/match", "b1"),
        ("/match/prefix/one/any", "b2"),
        ("/match/prefix/any", "b1"),
        ("/match/any", "b3"),
    ] {
        assert_eq!(table.get(target), Some(backend), "{target}");
    }
    assert_eq!(table.get("/matchless"), None);
}

#[test]
fn hosts_match_exactly_before_the_longest_wildcard_before_any() {
    let all = || vec![prefix("/")];
    let table = Fixture::new(vec![
        ("any", &[], all()),
        ("wide", &["*.example.com"], all()),
        ("narrow", &["*.eu.example.com"], all()),
        ("exact", &["shop.eu.example.com"], all()),
    ]);
    for (host, backend) in [
        ("shop.eu.example.com", "exact"),
        ("other.eu.example.com", "narrow"),
        ("eu.example.com", "wide"),
        ("a.b.example.com", "wide"),
        ("example.com", "any"),
        ("badexample.com", "any"),
    ] {
        let found = table.ask(host, "/", &Method::GET, &HeaderMap::new());
        assert_eq!(found, Some(backend), "{host}");
    }
}

#[test]
fn only_the_best_matching_host_is_consulted() {
    let table = Fixture::new(vec![
        ("any", &[], vec![prefix("/")]),
        ("shop", &["shop"], vec![prefix("/api")]),
    ]);
    assert_eq!(
        table.ask("shop", "/other", &Method::GET, &HeaderMap::new()),
        None
    );
}

#[test]
fn method_then_headers_then_query_break_ties() {
    let post = Rule {
        method: Some(Method::POST),
        ..prefix("/a")
    };
    let one = Rule {
        headers: header("x", "1").headers,
        ..prefix("/a")
    };
    let pair = |name: &str, value: &str| (name.to_owned(), Pattern::Exact(value.to_owned()));
    let query = Rule {
        query: vec![pair("q", "a b"), pair("r", "")],
        ..prefix("/a")
    };
    let table = Fixture::new(vec![
        ("plain", &[], vec![prefix("/a")]),
        ("query", &[], vec![query]),
        ("header", &[], vec![one]),
        ("post", &[], vec![post]),
    ]);
    let mut x = HeaderMap::new();
    x.insert("x", HeaderValue::from_static("1"));
    let none = HeaderMap::new();
    let target = "/a?q=a%20b&r&q=z";
    assert_eq!(table.ask("h", target, &Method::POST, &x), Some("post"));
    assert_eq!(table.ask("h", target, &Method::GET, &x), Some("header"));
    assert_eq!(table.ask("h", target, &Method::GET, &none), Some("query"));
    assert_eq!(
        table.ask("h", "/a?q=z&q=a%20b&r", &Method::GET, &none),
        Some("plain")
    );
}

#[test]
fn age_then_name_then_position_break_what_is_left() {
    let entry = |name, created| Entry {
        name,
        hosts: &[],
        rules: vec![prefix("/")],
        created,
    };
    let find = |entries: &[Entry<'_>]| {
        let headers = HeaderMap::new();
        let method = Method::GET;
        let (host, path, query) = ("h", "/", "");
        let found = Table::new(entries).find(&Question {
            host,
            path,
            query,
            method: &method,
            headers: &headers,
        });
        found.map(|found| found.entry)
    };
    assert_eq!(
        find(&[entry("a", None), entry("b", Some(2)), entry("c", Some(1))]),
        Some(2)
    );
    assert_eq!(find(&[entry("b", None), entry("a", None)]), Some(1));
    assert_eq!(find(&[entry("a", Some(1)), entry("a", Some(1))]), Some(0));
}

#[test]
fn paths_and_header_values_are_case_sensitive() {
    let table = Fixture::new(vec![
        ("path", &[], vec![exact("/A")]),
        ("value", &[], vec![header("x", "One")]),
    ]);
    assert_eq!(table.get("/a"), None);
    let mut headers = HeaderMap::new();
    headers.insert("X", HeaderValue::from_static("one"));
    assert_eq!(table.ask("h", "/", &Method::GET, &headers), None);
}

#[test]
fn a_regular_expression_stands_between_exact_paths_and_prefixes() {
    let regex = |expression: &str| Rule {
        path: PathRule::Regex(Pattern::regex(expression)),
        ..prefix("/")
    };
    let table = Fixture::new(vec![
        ("prefix", &[], vec![prefix("/a/1")]),
        ("short", &[], vec![regex("/a/.*")]),
        ("long", &[], vec![regex("/a/[0-9]+.*")]),
        ("exact", &[], vec![exact("/a/1")]),
    ]);
    for (path, expected) in [
        ("/a/1", Some("exact")),
        ("/a/12", Some("long")),
        ("/a/b", Some("short")),
        ("/b/a/1", None),
    ] {
        assert_eq!(table.get(path), expected, "{path}");
    }
}
