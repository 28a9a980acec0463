//! What is reported about a file with mistakes: all of them, each at its place, nothing besides.

use crate::format::{Problem, Scenario};

fn problems(text: &str) -> Vec<Problem> {
    Scenario::from_toml(text).expect_err("the text has mistakes")
}

/// The text that each problem points at, and its message.
fn found(text: &str) -> Vec<(String, String)> {
    let problems = problems(text).into_iter();
    problems
        .map(|problem| (text[problem.span].to_owned(), problem.message))
        .collect()
}

/// A valid frame around the parts under test.
fn with(parts: &str) -> String {
    format!("format = 1\nname = \"test\"\n{parts}\n[services.back]\n")
}

/// A load that lacks nothing but what `rest` says.
fn load(rest: &str) -> String {
    format!("[[load]]\nstages = [{{ for = \"1s\", rate = \"1/s\" }}]\n{rest}")
}

/// A fault that lacks nothing but what `rest` says.
fn fault(rest: &str) -> String {
    format!("[[faults]]\nid = \"f\"\nat = \"1s\"\nfor = \"1s\"\n{rest}")
}

#[test]
fn five_mistakes_are_five_problems_with_line_column_and_what_would_be_right() {
    let text = r#"format = 1
name = "five"
[services.front]
replica = 2
calls = [{ to = "bakc", timeout = "1s" }]
[services.back]
work = "5 parsecs"
[[faults]]
id = "cut"
at = "1s"
inject = { crush = { target = "front" } }
[[checks]]
id = "rule"
rule = { always = "sum(sold) <=" }
"#;
    let problems: Vec<_> = problems(text)
        .into_iter()
        .map(|problem| (problem.line, problem.column, problem.message, problem.help))
        .collect();
    let expected = [
        (4, 1, "replica", "replicas"),
        (5, 18, "bakc", "back"),
        (7, 9, "parsecs", "ns, us, ms, s, m, h, d"),
        (11, 12, "crush", "crash"),
        (14, 32, "found the end", "sum(sold)"),
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for ((line, column, message, help), expected) in problems.iter().zip(expected) {
        assert_eq!((*line, *column), (expected.0, expected.1), "{message}");
        assert!(message.contains(expected.2), "{message}");
        let all = format!("{message} {}", help.as_deref().unwrap_or_default());
        assert!(all.contains(expected.3), "{all}");
    }
}

#[test]
fn every_mistake_of_one_table_is_reported() {
    let text = with(
        r#"[services.front]
cores = "two"
calls = [{ to = "nobody", timeout = 5 }, { timeout = "1s" }, { to = "back", retri = "x" }]
errors = 1.5"#,
    );
    let found = found(&text);
    let quoted: Vec<_> = found.iter().map(|(quoted, _)| quoted.as_str()).collect();
    let expected = [
        "\"two\"",
        "nobody",
        "5",
        "{ timeout = \"1s\" }",
        "retri",
        "1.5",
    ];
    assert_eq!(quoted, expected, "{found:#?}");
}

#[test]
fn a_table_that_cannot_be_read_does_not_move_the_places_of_the_next() {
    let text = with(
        r#"[[load]]
name = "first"
[[load]]
name = "second"
via = "bakc"
stages = [{ for = "1s", rate = "1/s" }]"#,
    );
    let problems = problems(&text);
    let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [3, 7], "{problems:#?}");
    assert_eq!(&text[problems[1].span.clone()], "bakc");
}

#[test]
fn what_follows_from_a_mistake_is_no_mistake_of_its_own() {
    // Each has one mistake; reading on must not find the hole that it leaves.
    for (parts, mistake) in [
        (
            "[expect]\nviolated = \"r\"\n[[checks]]\nid = \"r\"\nrule = { alwys = \"1 < 2\" }",
            "alwys",
        ),
        (&load("name = \"l\"\nvai = \"back\""), "vai"),
        (
            &fault("inject = { crush = { target = \"back\" } }"),
            "crush",
        ),
        (
            &fault(
                "inject = { crash = { target = \"zone:z\" } }\n\
             [services.other]\nzones = \"z\"",
            ),
            "\"z\"",
        ),
        (
            "[network]\nlinks = [{ between = [\"zone:a\", 5], loss = 0.5 }]",
            "5",
        ),
    ] {
        let found = found(&with(parts));
        let quoted: Vec<_> = found.iter().map(|(quoted, _)| quoted.as_str()).collect();
        assert_eq!(quoted, [mistake], "{found:#?}");
    }
}

#[test]
fn every_line_that_is_no_toml_is_reported() {
    let text = "format = 1\nname = \"open\nabout = \"x\"\n[run]\nduration = 30s\n[services.a\n";
    let lines: Vec<_> = problems(text).iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [2, 5, 6]);
}

#[test]
fn the_caret_stands_inside_the_expression_also_of_texts_over_several_lines() {
    let single = with("[[checks]]\nid = \"r\"\nrule = { always = \"count(a) <= $ 1\" }");
    let several = with("[[checks]]\nid = \"r\"\nrule.always = '''\ncount(a) <= $ 1'''");
    for text in [single, several] {
        let problems = problems(&text);
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert_eq!(&text[problems[0].span.clone()], "$", "{problems:#?}");
    }
}

#[test]
fn names_are_looked_up_where_they_belong() {
    for (parts, quoted, message) in [
        (
            "[policies]\nb.breaker = {}\n\
             [services.front]\ncalls = [{ to = \"back\", retry = \"b\" }]",
            "b",
            "policy `b` is a breaker, not a retry",
        ),
        (
            "[services.front]\napp = \"shop/order\"",
            "shop/order",
            "there is no application called `shop/order`",
        ),
        (
            "[expect]\nviolated = \"nothing\"",
            "nothing",
            "there is no check called `nothing`",
        ),
        (
            &fault("inject = { pause = { target = \"back[1]\" } }"),
            "back[1]",
            "no host is meant by `back[1]`",
        ),
        (
            "[[checks]]\nid = \"r\"\nrule = { never = \"1 > 2\" }\n\
             [[checks]]\nid = \"r\"\nrule = { never = \"1 > 2\" }",
            "r",
            "`r` is the id of two of the checks",
        ),
        (
            &load("name = \"back-0\"\nvia = \"back\""),
            "back-0",
            "`back-0` is a load and a service or one of its hosts",
        ),
        (
            "[network]\nlinks = [{ between = [\"zone:a\", \"zone:q\"], loss = 0.5 }]",
            "zone:q",
            "no host is meant by `zone:q`",
        ),
    ] {
        let found = found(&with(parts));
        assert_eq!(found, [(quoted.to_owned(), message.to_owned())]);
    }
}

#[test]
fn settings_of_a_written_service_are_looked_at_as_the_service_does() {
    let text = with(
        "[services.payments]\napp = \"shop/payments\"\n\
         config = { fundz = 5, forgets-keys = \"yes\" }\n\
         [services.orders]\napp = \"shop/orders\"\n\
         config.planted = { no-sink = true, no-sync = true }",
    );
    let problems = problems(&text);
    let told: Vec<_> = problems
        .iter()
        .map(|problem| {
            let quoted = &text[problem.span.clone()];
            let help = problem.help.as_deref().unwrap_or_default();
            (problem.line, quoted, problem.message.as_str(), help)
        })
        .collect();
    let wanted = "this is the text \"yes\", wanted is true or false";
    let expected = [
        (5, "fundz", "unknown key `fundz`", "did you mean `funds`?"),
        (5, "\"yes\"", wanted, ""),
        (
            8,
            "no-sink",
            "unknown key `no-sink`",
            "did you mean `no-sync`?",
        ),
    ];
    assert_eq!(told, expected);
}

#[test]
fn settings_that_cannot_work_are_reported_where_they_stand() {
    for (parts, quoted) in [
        ("[services.front]\nreplicas = 0", "0"),
        (
            "[services.front]\nlimp = [{ replica = 1, speed = 0.5 }]",
            "1",
        ),
        ("[services.front]\nspeed = 0.0", "0.0"),
        ("[services.front]\nrole = \"gateway\"", "[services.front]"),
        (
            "[services.front]\nrole = \"gateway\"\n\
             routes = [{ to = \"back\", path-prefix = \"x\" }]",
            "x",
        ),
        (
            "[services.front]\nroutes = [{ to = \"back\" }]",
            "[{ to = \"back\" }]",
        ),
        (
            "[services.front]\nwork = { uniform = { min = \"2s\", max = \"1s\" } }",
            "{ uniform = { min = \"2s\", max = \"1s\" } }",
        ),
        (
            "[services.front]\ndisk = { bandwidth = \"0MiB/s\" }",
            "0MiB/s",
        ),
        ("[services.front]\nfiles = 0", "0"),
        ("[services.front]\nmemory = { limit = \"0B\" }", "0B"),
        (
            "[services.front]\napp = \"shop/stock\"\nmemory = { per-request = \"1KiB\" }",
            "1KiB",
        ),
        ("[services.front]\ndisk = { capacity = \"1KiB\" }", "1KiB"),
        (
            "[services.front]\ndisk = { sync = { uniform = { min = \"2s\", max = \"1s\" } } }",
            "{ uniform = { min = \"2s\", max = \"1s\" } }",
        ),
        (
            &fault("inject = { disk-error = { target = \"back\", rate = 1.5 } }"),
            "1.5",
        ),
        ("[policies]\nr.retry = { attempts = 0 }", "0"),
        (
            "[policies]\nr.retry = { base = \"2s\", cap = \"1s\" }",
            "2s",
        ),
        (
            "[policies]\nr.rate-limit = { rate = \"5/s\", burst = 0 }",
            "0",
        ),
        ("[network]\nloss = 1.5", "1.5"),
        ("[network]\nduplicate = -0.5", "-0.5"),
        ("[network]\nqueue = \"64KiB\"", "64KiB"),
        (
            "[network]\nlinks = [{ between = [\"back\", \"*\"], corrupt = 2.0 }]",
            "2.0",
        ),
        ("[network]\nreorder = { rate = 1.5, by = \"5ms\" }", "1.5"),
        (
            "[network]\ndns = { latency = { uniform = { min = \"2s\", max = \"1s\" } } }",
            "{ uniform = { min = \"2s\", max = \"1s\" } }",
        ),
        (
            &fault("inject = { reorder = { rate = 3.0, by = \"1s\" } }"),
            "3.0",
        ),
        (
            &fault("inject = { bandwidth = { rate = \"10MB/s\" } }"),
            "10MB/s",
        ),
        ("[[load]]\nname = \"l\"\nvia = \"back\"", "[[load]]"),
        (
            &load("name = \"l\"\nvia = \"back\"\nrequest = \"checkout\""),
            "checkout",
        ),
        ("[run]\nduration = \"0s\"", "0s"),
        ("[policies]\nr.retry = { budget = 2.0 }", "2.0"),
    ] {
        let found = found(&with(parts));
        let all: Vec<_> = found.iter().map(|(quoted, _)| quoted.as_str()).collect();
        assert_eq!(all, [quoted], "{found:#?}");
    }
}

#[test]
fn settings_that_cannot_work_together_are_found_as_the_run_would_find_them() {
    for (parts, quoted, says) in [
        (
            "[policies]\nr.retry = { attempts = 3, per-try-timeout = \"500ms\" }\n\
             [services.front]\ncalls = [{ to = \"back\", timeout = \"1s\", retry = \"r\" }]",
            "r",
            "longer than the deadline",
        ),
        (
            "[policies]\nb.breaker = { open-for = \"0s\" }\n\
             [services.front]\nrole = \"gateway\"\n\
             routes = [{ to = \"back\" }, { to = \"back\", host = \"b\", breaker = \"b\" }]",
            "b",
            "`breaker.open-for`",
        ),
        (
            "[services.front]\nrole = \"gateway\"\n\
             routes = [{ to = \"back\", path-prefix = \"/a//b\" }]",
            "/a//b",
            "must be normalised",
        ),
        (
            &load("name = \"two words\"\nvia = \"back\""),
            "two words",
            "`name` must be letters",
        ),
        (
            &load("name = \"l\"\nvia = \"back\"\ntimeout = \"0s\""),
            "0s",
            "`timeout` must be longer than zero",
        ),
    ] {
        let found = found(&with(parts));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(found[0].0, quoted, "{found:#?}");
        assert!(found[0].1.contains(says), "{found:#?}");
    }
}

#[test]
fn what_is_planned_is_told_apart_from_what_is_misspelt() {
    for parts in [
        "[sagas.checkout]\nowner = \"back\"",
        "[backing]\nbus.kafka = {}",
        "[services.front]\nmtls = true",
        "[services.front]\nrole = \"grpc\"",
        "[[checks]]\nid = \"c\"\nrule = { linearizable = { object = \"x\" } }",
    ] {
        let found = found(&with(parts));
        assert_eq!(found.len(), 1, "{found:#?}");
        let (quoted, message) = &found[0];
        assert_eq!(message, &format!("`{quoted}` is not modelled yet"));
    }
}

#[test]
fn a_file_without_format_and_name_says_both() {
    let messages: Vec<_> = found("[services.back]").into_iter().map(|f| f.1).collect();
    let expected = ["the key `format` is missing", "the key `name` is missing"];
    assert_eq!(messages, expected);
}
