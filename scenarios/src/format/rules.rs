//! The rules of a scenario: their expressions, and the rule that a canary names.

use super::references::Checker;
use std::{collections::BTreeSet, ops::Range};
use windtunnel_checkers::{RuleError, expression::ParseError};

/// Finds rules that do not compile, ids given twice, and an `expect` that names no rule.
pub(super) fn check(checker: &mut Checker<'_, '_>) {
    let mut seen = BTreeSet::new();
    for (number, check) in checker.scenario.checks.iter().enumerate() {
        let part = format!("checks.{number}");
        if !seen.insert(&check.id) {
            let message = format!("`{}` is the id of two of the checks", check.id);
            let span = checker.places.at(&part, "id");
            checker.report(span, message, "give each a name of its own");
        }
        if let Err(RuleError { field, error }) = check.rule.compile(&check.id) {
            let texts = check.rule.texts();
            let written = texts.iter().find(|(name, _)| *name == field);
            let value = match written {
                Some((_, written)) => checker.places.text_below(&part, "rule", written),
                None => checker.places.at(&part, "rule"),
            };
            let written = written.map_or("", |(_, written)| *written);
            let span = caret(checker.text, value, written, &error);
            checker.report(span, error.message, &error.help);
        }
    }
    if let Some(expect) = &checker.scenario.expect {
        let mut known = checker.places.texts("checks", "id");
        known.extend(["no-panic", "no-failed-main"]);
        let span = checker.places.at("expect", "violated");
        checker.known(span, "check", &expect.violated, &known);
    }
}

/// The wrong part of an expression; the whole text if escapes hide where it stands in the file.
fn caret(text: &str, value: Range<usize>, written: &str, error: &ParseError) -> Range<usize> {
    let found = text
        .get(value.clone())
        .and_then(|raw| raw.find(written))
        .filter(|_| !written.is_empty());
    let Some(at) = found else { return value };
    let start = value.start + at + error.offset;
    start..start + error.length
}
