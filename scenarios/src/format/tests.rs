//! The scenario format as it is written.

mod mistakes;
mod overrides;

use super::{GatewayFile, Policy, Scenario, schema};
use crate::catalogue::SCENARIOS;

#[test]
fn every_scenario_of_the_catalogue_is_valid() {
    for (name, text) in SCENARIOS {
        let scenario =
            Scenario::from_toml(text).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
        assert_eq!(&scenario.name, name);
    }
}

#[test]
fn the_committed_schema_is_fresh() {
    let fresh = serde_json::to_string_pretty(&schema()).expect("a schema is JSON");
    let committed = include_str!("../../scenario.schema.json");
    assert_eq!(committed.trim(), fresh, "write it anew: windtunnel schema");
}

#[test]
fn the_committed_schema_of_the_gateway_is_fresh() {
    let fresh = serde_json::to_string_pretty(&GatewayFile::schema()).expect("a schema is JSON");
    let committed = include_str!("../../gateway.schema.json");
    let how = "write it anew: windtunnel schema --of gateway";
    assert_eq!(committed.trim(), fresh, "{how}");
    // A duration of the standard library would be a table of seconds and nanoseconds.
    assert!(!fresh.contains("nanos\""), "a duration without its text");
}

#[test]
fn the_careless_shop_is_the_shop_in_the_same_storm_but_for_its_mistakes() {
    let scenario = |wanted: &str| {
        let found = SCENARIOS.iter().find(|(name, _)| *name == wanted);
        Scenario::from_toml(found.expect("in the catalogue").1).expect("valid")
    };
    let (sound, mut careless) = (scenario("shop"), scenario("shop-careless"));
    let mut mistakes = 0;
    for (name, service) in &mut careless.services {
        let sound = &sound.services[name];
        if service.config != sound.config {
            service.config = sound.config.clone();
            mistakes += 1;
        }
    }
    assert_eq!(mistakes, 3, "orders, payments and stock");
    assert_eq!(careless.services, sound.services);
    assert_eq!(careless.policies, sound.policies);
    assert_eq!(careless.network, sound.network);
    assert_eq!(careless.run, sound.run);
    assert_eq!(careless.load, sound.load);
    assert_eq!(careless.faults, sound.faults);
    for check in &careless.checks {
        assert!(sound.checks.contains(check), "{check:?}");
    }
}

#[test]
fn a_retry_policy_that_names_no_budget_has_none() {
    let text = "format = 1\nname = \"x\"\npolicies.naive.retry = { attempts = 4 }";
    let scenario = Scenario::from_toml(text).expect("valid");
    let Policy::Retry(naive) = &scenario.policies["naive"] else {
        panic!("{:?}", scenario.policies);
    };
    assert_eq!((naive.attempts, naive.budget), (4, None));
}

#[test]
fn replicas_stand_in_the_zones_in_turn_and_loads_are_hosts_with_the_role_client() {
    let text = r#"
        format = 1
        name = "hosts"
        [services.orders]
        replicas = 3
        zones = ["a", "b"]
        [services.edge]
        role = "gateway"
        routes = [{ to = "orders" }]
        [[load]]
        name = "shoppers"
        zone = "c"
        via = "edge"
        stages = [{ for = "1s", rate = "1/s" }]
    "#;
    let topology = Scenario::from_toml(text).expect("valid").topology();
    let hosts: Vec<_> = topology
        .hosts
        .iter()
        .map(|host| (host.name.as_str(), host.zone.as_str(), host.role.as_str()))
        .collect();
    let expected = [
        ("edge-0", "a", "gateway"),
        ("orders-0", "a", "service"),
        ("orders-1", "b", "service"),
        ("orders-2", "a", "service"),
        ("shoppers", "c", "client"),
    ];
    assert_eq!(hosts, expected);
}
