//! EDGE-CASES.md names tests that exist, once for each id.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The lists of the page and how many lines each has.
const LISTS: [(&str, usize); 8] = [
    ("GW", 41),
    ("LB", 29),
    ("CB", 22),
    ("RT", 18),
    ("RL", 14),
    ("OV", 11),
    ("RG", 1),
    ("DR", 13),
];

#[test]
fn every_edge_case_has_a_test_that_exists_or_is_said_to_be_open() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests is in the workspace");
    let page = fs::read_to_string(root.join("EDGE-CASES.md")).expect("the page is there");
    let mut seen = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, _, tests] = cells[..] else {
            panic!("three cells: {line}");
        };
        assert!(seen.insert(id.to_owned()), "{id} twice");
        if tests.starts_with("open: ") {
            continue;
        }
        for test in tests.split("; ") {
            let mut quoted = test.split('`').skip(1).step_by(2);
            let file = quoted
                .next()
                .unwrap_or_else(|| panic!("{id} names no file"));
            let text = fs::read_to_string(root.join(file));
            let text = text.unwrap_or_else(|_| panic!("{id}: there is no {file}"));
            if let Some(name) = quoted.next() {
                let declared = format!("fn {name}(");
                assert!(text.contains(&declared), "{id}: no `{name}` in {file}");
            }
        }
    }
    for (list, count) in LISTS {
        let prefix = format!("{list}-");
        let found = seen.iter().filter(|id| id.starts_with(&prefix)).count();
        assert_eq!(found, count, "{list}");
    }
}
