//! What an audit prints for people.

use super::{
    difference::difference,
    style::{RULE, Style, Tone, clean, columns},
};
use crate::{
    json::{AuditLine, AuditSummary},
    numbers::{counted, duration, grouped},
};
use windtunnel_record::Span;

/// A seed whose runs differ or could not be compared: both digests, and the first difference.
/// `conditions` says how the processes of both runs were made different.
pub fn audit_line(line: &AuditLine, conditions: [&str; 2], style: Style) -> String {
    let name = format!("{}@{}", clean(&line.scenario), line.seed);
    if line.status == "aborted" {
        let why = line.why.as_deref().unwrap_or_default();
        return style.line(
            Tone::Doubtful,
            "ABORTED",
            &format!("{name}   {}", clean(why)),
        );
    }
    let [one, other] = line
        .digests
        .map(|digest| digest.map(|digest| digest.to_string()).unwrap_or_default());
    let headline = format!("{name}   one seed, two digests: {one} and {other}");
    let mut text = style.line(Tone::Bad, "TWO", &headline);
    match &line.difference {
        Some(told) => text += &difference(told, conditions[0], conditions[1], style),
        None => text += &style.more(&clean(line.why.as_deref().unwrap_or_default())),
    }
    if let Some([one, other]) = &line.directories {
        let again = format!("windtunnel diff {one} {other} --context 50");
        text += &style.line(Tone::Label, "More", &again);
    }
    text
}

/// The summary of an audit.
pub fn audit_summary(summary: &AuditSummary, style: Style) -> String {
    let mut text = RULE.to_owned();
    let (tone, word) = match (summary.differing, summary.aborted) {
        (0, 0) => (Tone::Good, "SAME"),
        (0, _) => (Tone::Doubtful, "UNKNOWN"),
        _ => (Tone::Bad, "DIFFERS"),
    };
    let took = duration(Span::from_millis(summary.wall_ms));
    let seeds = counted(summary.seeds, "seed");
    let mut told = format!("{seeds}, each run twice, in {took}");
    for (count, what) in [
        (summary.differing, "with two digests"),
        (summary.aborted, "not compared"),
    ] {
        if count > 0 {
            told += &format!("; {} {what}", grouped(count));
        }
    }
    text += &style.line(tone, word, &told);
    let rows: Vec<[String; 4]> = summary
        .scenarios
        .iter()
        .map(|scenario| {
            [
                clean(&scenario.scenario),
                format!(
                    "{} of {} same",
                    grouped(scenario.same),
                    grouped(scenario.seeds)
                ),
                counted(scenario.events / scenario.seeds.max(1), "event"),
                format!(
                    "{} ms",
                    grouped(scenario.wall_ms / scenario.seeds.max(1) / 2)
                ),
            ]
        })
        .collect();
    for (index, row) in columns(&rows, [false, true, true, true]).iter().enumerate() {
        text += &match index {
            0 => style.line(Tone::Label, "Per run", row),
            _ => style.more(row),
        };
    }
    text
}
