//! What the drop-in offers: the table in ARCHITECTURE and the names that are tried in both worlds are
//! the same.

use std::{collections::BTreeSet, fs, path::Path};

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    fs::read_to_string(root.expect("the workspace").join(path)).expect("it is there")
}

/// The names in backticks of the table, with their module: `sync::Mutex`, `net::tcp::ReadHalf`.
fn told() -> BTreeSet<String> {
    let text = read("ARCHITECTURE.md");
    let (_, table) = text
        .split_once("### What the drop-in offers in the simulated world")
        .expect("the table has its heading");
    let rows = table
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2);
    let mut names = BTreeSet::new();
    for row in rows {
        let (head, cells) = row[1..].split_once('|').expect("a table has cells");
        let module = head.trim().trim_matches('`');
        let quoted = cells.split('`').skip(1).step_by(2);
        for name in quoted.flat_map(expanded) {
            let name = name.trim_end_matches('!');
            names.insert(match module {
                "root" => name.to_owned(),
                module => format!("{module}::{name}"),
            });
        }
    }
    names
}

/// `tcp::{ReadHalf, WriteHalf}` in its parts.
fn expanded(name: &str) -> Vec<String> {
    match name.split_once("::{") {
        Some((module, list)) => {
            let list = list.trim_end_matches('}').split(", ");
            list.map(|name| format!("{module}::{name}")).collect()
        }
        None => vec![name.to_owned()],
    }
}

/// The names that `tests/tests/parity/listing.rs` uses.
fn tried() -> BTreeSet<String> {
    let text = read("tests/tests/parity/listing.rs");
    let (_, list) = text.split_once("are_there! {").expect("the list");
    let names = list.split([',', '\n', '}']).map(str::trim);
    names
        .filter_map(|name| name.strip_prefix("tokio::"))
        .map(Into::into)
        .collect()
}

#[test]
fn what_architecture_lists_of_the_drop_in_is_tried_in_both_worlds_and_nothing_else() {
    let (told, tried) = (told(), tried());
    assert!(told.len() > 80, "the table was read: {told:?}");
    let untried: Vec<_> = told.difference(&tried).collect();
    let untold: Vec<_> = tried.difference(&told).collect();
    assert!(
        untried.is_empty() && untold.is_empty(),
        "untried {untried:?}, untold {untold:?}"
    );
}
