//! Settings changed by their paths.

use crate::format::{BalancerKind, Policy, Scenario, apply_overrides};
use std::collections::BTreeMap;
use windtunnel_record::Span;

const TEXT: &str = r#"
format = 1
name = "small"
[services.back]
replicas = 2
[policies]
lb.balancer = { kind = "power-of-two-choices" }
[[load]]
name = "callers"
via = "back"
stages = [{ for = "10s", rate = "100/s" }]
"#;

fn changed(settings: &[(&str, &str)]) -> Result<String, String> {
    let settings = settings
        .iter()
        .map(|(path, value)| ((*path).into(), (*value).into()));
    apply_overrides(TEXT, &settings.collect::<BTreeMap<_, _>>())
}

fn scenario(settings: &[(&str, &str)]) -> Scenario {
    let text = changed(settings).expect("the paths are there");
    Scenario::from_toml(&text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[test]
fn values_are_toml_and_bare_words_are_texts() {
    let scenario = scenario(&[
        ("services.back.replicas", "4"),
        ("services.back.zones", "[\"x\", \"y\"]"),
        ("policies.lb.balancer.kind", "round-robin"),
        ("about", "two words"),
    ]);
    assert_eq!(scenario.services["back"].replicas, 4);
    assert_eq!(scenario.services["back"].zones, ["x", "y"]);
    assert_eq!(scenario.about, "two words");
    let Policy::Balancer(balancer) = &scenario.policies["lb"] else {
        panic!("lb is a balancer");
    };
    assert_eq!(balancer.kind, BalancerKind::RoundRobin);
}

#[test]
fn items_of_lists_are_meant_by_name_or_number() {
    let settings = [
        ("load.callers.zone", "b"),
        ("load.0.stages.0.rate", "7/s"),
        ("load.0.timeout", "3s"),
    ];
    let load = &scenario(&settings).load[0];
    assert_eq!(load.zone, "b");
    assert_eq!(load.timeout, Span::from_secs(3));
    assert!((load.stages[0].rate.as_per_second() - 7.0).abs() < 1e-9);
}

#[test]
fn tables_that_have_defaults_need_not_be_there() {
    let scenario = scenario(&[("run.settle", "5s"), ("network.loss", "0.25")]);
    assert_eq!(scenario.run.settle, Span::from_secs(5));
    assert_eq!(scenario.network.loss, Some(0.25));
}

#[test]
fn a_path_that_leads_nowhere_is_an_error_that_says_what_was_meant() {
    for (path, says) in [
        ("services.bakc.replicas", "did you mean `back`?"),
        ("servces.back.replicas", "did you mean `services`?"),
        ("load.nobody.zone", "is no number, id or name"),
        ("load.7", "is no number, id or name"),
        ("name.first", "has no parts"),
        ("services..replicas", "empty step"),
    ] {
        let error = changed(&[(path, "4")]).expect_err(path);
        assert!(error.contains(says) && error.contains(path), "{error}");
    }
}

#[test]
fn a_key_that_the_format_does_not_have_is_found_when_the_result_is_read() {
    let text = changed(&[("services.back.replica", "4")]).expect("the path is there");
    let problems = Scenario::from_toml(&text).expect_err("no such key");
    assert_eq!(problems.len(), 1);
    assert_eq!(
        problems[0].help.as_deref(),
        Some("did you mean `replicas`?")
    );
}
