//! The scenario format as it is written.

use super::{Scenario, schema};
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
