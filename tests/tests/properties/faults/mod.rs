//! Whatever goes wrong, the shop sells nothing twice, charges nobody twice and loses no money.
//!
//! Safety only: that checkouts succeed and that the shop recovers soon is not asked of plans which
//! may cut off everybody at once.

mod hunt;
pub mod plans;
mod shop;

use crate::fixed;
use hunt::{Find, hunt};
use shop::Shop;
use std::{fs, path::Path};
use windtunnel_record::Case;
use windtunnel_tests::program::{complaint, scratch, windtunnel};

/// Where cases are committed, below the root of the workspace.
const REGRESSIONS: &str = "tests/regressions";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests is in the workspace")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn no_fault_plan_breaks_the_safety_of_the_shop() {
    let shop = Shop::small(&[]);
    if let Some(find) = hunt(&shop, &mut fixed::runner(100, 100)) {
        let name = find.store(&root().join(REGRESSIONS));
        panic!("{}", find.story(&format!("{REGRESSIONS}/{name}")));
    }
}

#[test]
fn no_committed_case_breaks_its_rule_any_more() {
    let entries = fs::read_dir(root().join(REGRESSIONS)).expect("there are committed cases");
    let paths = entries.map(|entry| entry.expect("readable").path());
    let mut cases: Vec<_> = paths
        .filter(|path| path.extension() == Some("toml".as_ref()))
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "{REGRESSIONS} has no case");
    for path in cases {
        let case = Case::from_toml(&text(&path)).expect("the file is a case");
        let run = Shop::of(&case.run).run(&case.run);
        let report = run.rules.iter().find(|report| report.id == case.rule);
        let report = report.unwrap_or_else(|| panic!("there is no rule `{}`", case.rule));
        assert!(
            !report.fails(),
            "{}: {:?}",
            path.display(),
            report.witness()
        );
    }
}

fn careless() -> Find {
    let settings = [
        ("services.orders.config.never-undoes", "true"),
        ("services.payments.config.forgets-keys", "true"),
        ("services.stock.config.forgets-keys", "true"),
    ];
    let found = hunt(&Shop::small(&settings), &mut fixed::runner(32, 20));
    found.expect("some plan makes a careless shop charge, reserve or leave behind too much")
}

#[test]
fn a_careless_shop_is_caught_and_its_case_file_replays_to_the_same_rule_and_digest() {
    let find = careless();
    let at = scratch("properties");
    let name = find.store(&at);
    let case = Case::from_toml(&text(&at.join(&name))).expect("the file is a case");
    let faults_left = case.run.faults.as_ref().map(|plan| plan.faults().len());
    assert!(faults_left.expect("its faults") <= find.faults_before());

    let again = Shop::of(&case.run).run(&case.run);
    assert_eq!(again.digest, case.digest);
    let broken = shop::broken(&again).expect("the rule breaks again");
    assert_eq!(broken.id, case.rule);

    let line = find.story(&name);
    assert!(line.ends_with(&format!("cargo run --release -- replay {name}")));
    let replayed = windtunnel(&at, &["replay", &name, "--out", "again"]);
    let said = complaint(&replayed);
    assert_eq!(replayed.status.code(), Some(10), "{said}");
    assert!(said.contains("the digest is as recorded"), "{said}");
}
