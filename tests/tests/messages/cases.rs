//! Case files that cannot be replayed.

use crate::said;
use insta::assert_snapshot;
use std::{fs, path::Path};
use windtunnel_record::{
    Case, Digest, FaultPlan, Inject, Moment, PlannedFault, RunSpec, Seed, Span, Target, case,
    target::Targets,
};
use windtunnel_tests::program::scratch;

/// The text of a case that is right.
fn right() -> String {
    of(FaultPlan::default())
}

/// The text of a case with these faults.
fn of(faults: FaultPlan) -> String {
    let run = RunSpec {
        faults: Some(faults),
        ..RunSpec::new("shop", Seed(1))
    };
    let case = Case {
        format: case::FORMAT,
        about: "an order was charged twice".into(),
        tool: "0.1.0".into(),
        rule: "no-double-charge".into(),
        broke_at: Moment::START,
        digest: Digest(1),
        run,
    };
    case.to_toml()
}

/// A crash of a replica that the shop does not have.
fn at_nobody() -> FaultPlan {
    let inject = Inject::Crash {
        target: Targets(vec![Target::Name("orders-9".into())]),
        count: None,
    };
    FaultPlan::new(vec![PlannedFault {
        id: "orders-dark".into(),
        at: Moment::START,
        lasting: Span::from_secs(1),
        inject,
    }])
}

fn replayed(at: &Path, name: &str, text: &str) -> String {
    assert_ne!(text, right(), "{name} has no mistake");
    fs::write(at.join(name), text).expect("written");
    said(at, &["replay", name])
}

#[test]
fn a_case_that_cannot_be_read_is_answered_with_the_reason() {
    let at = scratch("messages-cases");
    let all = [
        said(&at, &["replay", "nowhere.case.toml"]),
        replayed(
            &at,
            "newer.case.toml",
            &right().replace("format = 1", "format = 7"),
        ),
        replayed(&at, "bare.case.toml", &right().replace("faults = []", "")),
        replayed(
            &at,
            "misspelt.case.toml",
            &right().replace("rule =", "rul ="),
        ),
        replayed(
            &at,
            "lost.case.toml",
            &right().replace("\"shop\"", "\"shpo\""),
        ),
        replayed(
            &at,
            "digest.case.toml",
            &right().replace("digest = \"0", "digest = \"x"),
        ),
        replayed(&at, "elsewhere.case.toml", &of(at_nobody())),
    ];
    assert_snapshot!("bad_cases", all.join("\n"));
}
