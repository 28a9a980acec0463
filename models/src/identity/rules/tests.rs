//! What matches, and in which order policies count.

use std::net::IpAddr;

use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};

use super::*;

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::new(text)).collect()
}

struct Asked {
    path: &'static str,
    method: Method,
    principal: Option<&'static str>,
    address: IpAddr,
    headers: HeaderMap,
    claims: Option<Map<String, Value>>,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            path: "/",
            method: Method::GET,
            principal: None,
            address: "192.0.2.1".parse().unwrap(),
            headers: HeaderMap::new(),
            claims: None,
        }
    }
}

impl Asked {
    fn matches(&self, rule: &Rule) -> bool {
        let policy = Policy {
            name: "only".into(),
            action: Action::Deny,
            rules: vec![rule.clone()],
        };
        let verdict = Rules::new(7, [policy]).decide(&self.facts(), &|_| Custom::Passes);
        assert_eq!(verdict.version, 7);
        !verdict.passes
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            principal: self.principal,
            request_principal: None,
            claims: self.claims.as_ref(),
            address: self.address,
            host: "shop.example",
            path: self.path,
            method: &self.method,
            headers: &self.headers,
        }
    }
}

fn to(operation: Operation) -> Rule {
    Rule {
        to: vec![operation],
        ..Rule::default()
    }
}

fn from(source: Source) -> Rule {
    Rule {
        from: vec![source],
        ..Rule::default()
    }
}

#[test]
fn an_empty_rule_matches_everything_and_an_empty_policy_nothing() {
    let asked = Asked::default();
    assert!(asked.matches(&Rule::default()));
    let empty = |action| Policy {
        name: "empty".into(),
        action,
        rules: Vec::new(),
    };
    let decide =
        |action| Rules::new(1, [empty(action)]).decide(&asked.facts(), &|_| Custom::Refuses);
    assert_eq!(decide(Action::Deny).reason, Reason::NothingAsked);
    assert_eq!(decide(Action::Custom).reason, Reason::NothingAsked);
    // There is one that allows, and it allows nothing.
    assert_eq!(decide(Action::Allow).reason, Reason::NotAllowed);
}

#[test]
fn patterns_are_exact_or_open_at_one_end() {
    let fits = |pattern: &str, path| {
        Asked {
            path,
            ..Asked::default()
        }
        .matches(&to(Operation {
            paths: patterns(&[pattern]),
            ..Operation::default()
        }))
    };
    assert!(fits("/admin", "/admin") && !fits("/admin", "/admin/") && !fits("/admin", "/Admin"));
    assert!(fits("/admin/*", "/admin/users") && !fits("/admin/*", "/admin"));
    assert!(fits("*.js", "/a/b.js") && !fits("*.js", "/a/b.json"));
    assert!(fits("*", "/") && !fits("*", ""));
}

#[test]
fn what_is_not_there_is_in_no_list() {
    let principals = from(Source {
        principals: patterns(&["*"]),
        ..Source::default()
    });
    let others = from(Source {
        not_principals: patterns(&["spiffe://here/*"]),
        ..Source::default()
    });
    let nobody = Asked::default();
    assert!(!nobody.matches(&principals) && nobody.matches(&others));
    let somebody = Asked {
        principal: Some("spiffe://here/shop"),
        ..Asked::default()
    };
    assert!(somebody.matches(&principals) && !somebody.matches(&others));
}

#[test]
fn every_list_of_a_source_and_an_operation_has_to_be_met() {
    let rule = to(Operation {
        hosts: patterns(&["*.example"]),
        methods: patterns(&["GET", "HEAD"]),
        paths: patterns(&["/a/*"]),
        not_paths: patterns(&["/a/b/*"]),
        ..Operation::default()
    });
    let asks = |path, method| {
        Asked {
            path,
            method,
            ..Asked::default()
        }
        .matches(&rule)
    };
    assert!(asks("/a/x", Method::GET) && asks("/a/x", Method::HEAD));
    assert!(
        !asks("/a/x", Method::POST) && !asks("/b/x", Method::GET) && !asks("/a/b/x", Method::GET)
    );
}

#[test]
fn addresses_are_compared_by_their_first_bits() {
    let in_block = |block: &str, address: &str| {
        let blocks = vec![block.parse().unwrap()];
        Asked {
            address: address.parse().unwrap(),
            ..Asked::default()
        }
        .matches(&from(Source {
            blocks,
            ..Source::default()
        }))
    };
    assert!(in_block("10.0.0.0/8", "10.255.0.1") && !in_block("10.0.0.0/8", "11.0.0.1"));
    assert!(in_block("10.0.0.1", "10.0.0.1") && !in_block("10.0.0.1", "10.0.0.2"));
    assert!(in_block("0.0.0.0/0", "203.0.113.9") && !in_block("0.0.0.0/0", "2001:db8::1"));
    assert!(
        in_block("10.0.0.0/8", "::ffff:10.1.2.3"),
        "it is IPv4 in IPv6"
    );
    assert!(in_block("2001:db8::/32", "2001:db8:1::1") && !in_block("2001:db8::/32", "2001:db9::"));
    assert!(in_block("::/0", "2001:db8::1"));
    for text in [
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "10.0.0/8",
        "",
        "10.0.0.0/",
        "::/129",
    ] {
        assert!(text.parse::<Block>().is_err(), "{text}");
    }
}

#[test]
fn conditions_look_at_headers_and_claims_also_in_lists() {
    let claims =
        json!({ "roles": ["reader", "writer"], "realm": { "tier": "gold" }, "admin": true });
    let asked = Asked {
        claims: claims.as_object().cloned(),
        headers: [("x-env".parse().unwrap(), "prod".parse().unwrap())]
            .into_iter()
            .collect(),
        ..Asked::default()
    };
    let when = |attribute: &str, values: &[&str], not_values: &[&str]| Rule {
        when: vec![Condition {
            attribute: attribute.into(),
            values: patterns(values),
            not_values: patterns(not_values),
        }],
        ..Rule::default()
    };
    assert!(asked.matches(&when("claim.roles", &["writer"], &[])));
    assert!(!asked.matches(&when("claim.roles", &["owner"], &[])));
    assert!(!asked.matches(&when("claim.roles", &["reader"], &["writer"])));
    assert!(asked.matches(&when("claim.realm.tier", &["gold"], &[])));
    assert!(asked.matches(&when("claim.admin", &["true"], &[])));
    assert!(asked.matches(&when("header.x-env", &["pro*"], &[])));
    assert!(!asked.matches(&when("header.x-other", &["*"], &[])));
    assert!(asked.matches(&when("claim.none", &[], &["x"])));
    assert!(
        !asked.matches(&when("something", &["*"], &[])),
        "nobody knows it"
    );
}

#[test]
fn whoever_was_to_be_asked_and_says_nothing_refuses() {
    let custom = Policy {
        name: "elsewhere".into(),
        action: Action::Custom,
        rules: vec![Rule::default()],
    };
    let rules = Rules::new(1, [custom]);
    let asked = Asked::default();
    assert_eq!(rules.to_ask(&asked.facts()), ["elsewhere".into()]);
    let verdict = rules.decide(&asked.facts(), &|_| Custom::Silent);
    assert_eq!(verdict.reason, Reason::Silent("elsewhere".into()));
    assert!(!verdict.passes);
}
