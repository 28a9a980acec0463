//! What no source file may contain.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests is in the workspace")
        .into()
}

/// All Rust files of the workspace with their text, by path from its root.
fn sources() -> Vec<(String, String)> {
    fn walk(directory: &Path, root: &Path, into: &mut Vec<(String, String)>) {
        let mut entries: Vec<_> = fs::read_dir(directory)
            .expect("a directory of the workspace")
            .map(|entry| entry.expect("readable").path())
            .collect();
        entries.sort();
        for path in entries {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                walk(&path, root, into);
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).expect("source is text");
                let path = path.strip_prefix(root).expect("below the root");
                into.push((path.display().to_string(), text));
            }
        }
    }
    let mut all = Vec::new();
    walk(&root(), &root(), &mut all);
    assert!(all.len() > 50, "the walk found the workspace");
    all
}

/// Texts that must not occur, put together so that this file does not contain them.
fn banned() -> Vec<(String, &'static str)> {
    let join = |one: &str, other: &str| format!("{one}{other}");
    vec![
        (join("todo", "!("), "finish it"),
        (join("unimpl", "emented!("), "finish it"),
        (
            join("#[ign", "ore"),
            "a test that does not run proves nothing",
        ),
        (join("#[al", "low("), "use #[expect(…, reason = …)]"),
        (join("#![al", "low("), "use #[expect(…, reason = …)]"),
        (join("FIX", "ME"), "open an issue"),
        (join("db", "g!("), "remove it"),
    ]
}

#[test]
fn no_source_contains_what_is_banned() {
    for (path, text) in sources() {
        for (banned, instead) in banned() {
            assert!(
                !text.contains(&banned),
                "{path} contains `{banned}`: {instead}"
            );
        }
    }
}

#[test]
fn no_file_grows_past_500_lines() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(
            lines <= 500,
            "{path} has {lines} lines: one concept per file"
        );
    }
}

#[test]
fn every_file_says_in_its_first_line_what_it_is() {
    for (path, text) in sources() {
        assert!(
            text.starts_with("//!"),
            "{path} does not open with a sentence about itself"
        );
    }
}

#[test]
fn no_drawer_for_odds_and_ends() {
    for (path, _) in sources() {
        for part in path.split('/') {
            let name = part.strip_suffix(".rs").unwrap_or(part);
            let drawer = [
                "utils", "util", "helpers", "helper", "common", "misc", "imp", "manager",
            ];
            assert!(
                !drawer.contains(&name),
                "{path}: name the concept instead of `{name}`"
            );
        }
    }
}

#[test]
fn components_never_ask_in_which_world_they_are() {
    for (path, text) in sources() {
        if path.starts_with("models/") {
            assert!(!asks_for_the_world(&text), "{path} asks for the world");
            assert!(!text.contains("std::thread"), "{path} names threads");
            assert!(
                !text.contains("std::time::Instant"),
                "{path} reads a clock by the back door"
            );
        }
    }
}

#[test]
fn the_question_for_the_world_is_asked_only_at_the_seam() {
    let seam = |path: &str| {
        path.starts_with("sim-core/tokio/")
            || path == "sim-core/engine/src/lib.rs"
            || path == "sim-core/src/simulation.rs"
            || path.starts_with("scenarios/src/world/")
            || path.ends_with("build.rs")
            || path.starts_with("tests/")
            || path.contains("/tests/")
            || path.contains("/benches/")
    };
    for (path, text) in sources() {
        assert!(
            seam(&path) || !asks_for_the_world(&text),
            "{path} asks for the world; the seam is elsewhere"
        );
    }
}

/// Whether any condition of the compiler's in `text` names a world, however it is put: as an attribute,
/// a macro, negated, or among others.
fn asks_for_the_world(text: &str) -> bool {
    let code: Vec<&str> = text.lines().map(without_comment).collect();
    let code = code.join("\n");
    let conditions = ["cfg(", "cfg!(", "cfg_attr("];
    conditions.iter().any(|condition| {
        let mut found = code.match_indices(condition);
        found.any(|(at, _)| {
            let inside = inside_brackets(&code[at + condition.len()..]);
            let mut words = inside.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.any(|word| ["madsim", "real_world"].contains(&word))
        })
    })
}

/// A line up to its comment; what looks like one inside a text is none.
fn without_comment(line: &str) -> &str {
    let mut starts = line.match_indices("//");
    let is_comment = |at: &usize| line[..*at].matches('"').count().is_multiple_of(2);
    let comment = starts.find_map(|(at, _)| Some(at).filter(is_comment));
    comment.map_or(line, |at| &line[..at])
}

/// `text` up to the bracket that closes what was open before it.
fn inside_brackets(text: &str) -> &str {
    let mut open = 1;
    let end = text.char_indices().find_map(|(at, c)| {
        open += i32::from(c == '(') - i32::from(c == ')');
        (open == 0).then_some(at)
    });
    end.map_or(text, |end| &text[..end])
}

#[test]
fn the_question_for_the_world_is_recognised_however_it_is_put() {
    for asks in [
        "#[cfg(madsim)]",
        "#[cfg(not(madsim))]",
        "#[cfg(all(test, not(madsim)))]\nmod tests;",
        "#![cfg_attr(madsim, expect(unused))]",
        "if cfg!(madsim) { \"http://a\" } else { b }",
        "let url = \"http://a\"; let real = cfg!(any(real_world, not(madsim)));",
        "#[cfg(all(\n    test,\n    madsim,\n))] // here",
    ] {
        assert!(asks_for_the_world(asks), "{asks}");
    }
    for asks_not in [
        "// #[cfg(madsim)]",
        "//! never `cfg(madsim)`",
        "#[cfg(test)] // and not cfg(madsim)",
        "#[cfg(test)]\nuse madsim::runtime;",
    ] {
        assert!(!asks_for_the_world(asks_not), "{asks_not}");
    }
}
