//! A line per seed of a sweep, and the summary at its end.

use super::{
    run::under,
    style::{RULE, Style, Tone, clean, columns, status},
};
use crate::{
    json::{RuleSummary, SeedCost, SeedLine, SweepSummary},
    numbers::{counted, duration, grouped},
};
use serde::Serialize;
use windtunnel_record::{Digest, Seed, Span};

/// One seed in one line.
pub fn seed_line(line: &SeedLine, style: Style) -> String {
    let (tone, word) = status(line.status());
    let took = format!(
        "[{:>7.2}s] @{}",
        line.run.wall_ms as f64 / 1e3,
        line.run.seed
    );
    let told = if let Some(why) = &line.aborted {
        clean(why)
    } else if let Some(check) = line.run.checks.iter().find(|check| check.fails()) {
        let at = check
            .witness
            .as_ref()
            .map_or(0.0, |witness| witness.at_ms / 1e3);
        format!("{} at {at:.3} s", clean(&check.id))
    } else if let Some(check) = line
        .run
        .checks
        .iter()
        .find(|check| check.verdict == "unknown")
    {
        let why = check.reason.as_deref().unwrap_or_default();
        format!("{}: {}", clean(&check.id), clean(why))
    } else {
        let digest = line
            .run
            .digest
            .map(|digest| digest.to_string())
            .unwrap_or_default();
        let simulated = duration(Span::from_millis(line.run.simulated_ms));
        let events = counted(line.run.events, "event");
        format!(
            "{simulated} simulated   {events}   {}",
            digest.get(..8).unwrap_or_default()
        )
    };
    style.line(tone, word, &format!("{took}   {told}"))
}

/// A violation that was confirmed and became a case file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The rule and what its witness says.
    pub about: String,
    /// The digest of the run as it is in the case.
    pub digest: Digest,
    /// How many fresh processes agreed on it.
    pub confirmations: u32,
    /// How many faults there were when it was found.
    pub faults_before: usize,
    /// How many of them the case needs.
    pub faults_left: usize,
    /// How many runs shrinking took; none if it was not shrunk.
    pub shrink_runs: usize,
    /// The case file, as it stands on a command line.
    pub case: String,
}

/// The summary of a sweep that took `wall_ms` milliseconds. `findings` are the violations that became
/// cases; without any, the fastest failing seed is named, or the first that came to no verdict, with
/// what `again` says runs it. A sweep that held ends without such a line.
pub fn sweep_summary(
    summary: &SweepSummary,
    wall_ms: u64,
    findings: &[Finding],
    again: impl FnOnce(Seed) -> String,
    style: Style,
) -> String {
    let mut text = RULE.to_owned();
    let tone = if summary.violated > 0 {
        Tone::Bad
    } else if summary.unknown + summary.aborted > 0 {
        Tone::Doubtful
    } else {
        Tone::Good
    };
    text += &style.line(tone, "Summary", &headline(summary, wall_ms));
    text += &rules(summary, style);
    text += &fault_kinds(summary, style);
    if let Some(SeedCost { seed, wall_ms }) = summary.slowest {
        let line = format!("seed {seed} took {:.2} s", wall_ms as f64 / 1e3);
        text += &style.line(Tone::Label, "Slowest", &line);
    }
    if !summary.never_met.is_empty() {
        let rules: Vec<_> = summary.never_met.iter().map(|id| clean(id)).collect();
        let line = format!(
            "{} (by no seed: too gentle to prove anything)",
            rules.join(", ")
        );
        text += &style.line(Tone::Doubtful, "Unmet", &line);
    }
    if let Some(SeedCost { seed, wall_ms }) = summary.fastest_failing {
        let line = format!("seed {seed} fails in {:.2} s", wall_ms as f64 / 1e3);
        text += &style.line(Tone::Label, "Fastest", &line);
    }
    let failing = summary.fastest_failing.map(|cost| cost.seed);
    let fallback = failing.or(summary.first_undecided);
    for finding in findings {
        text += &found(finding, style);
    }
    if let (Some(seed), []) = (fallback, findings) {
        text += &style.line(Tone::Label, "Reproduce", &clean(&again(seed)));
    }
    text
}

fn found(finding: &Finding, style: Style) -> String {
    let digest = finding.digest.to_string();
    let confirmed = format!(
        "{0} of {0} fresh processes, digest {1}",
        finding.confirmations,
        digest.get(..8).unwrap_or_default()
    );
    let mut text = style.line(Tone::Bad, "Found", &clean(&finding.about));
    text += &style.line(Tone::Label, "Confirmed", &confirmed);
    if finding.shrink_runs > 0 {
        let shrunk = format!(
            "{} -> {} ({})",
            counted(finding.faults_before as u64, "fault"),
            finding.faults_left,
            counted(finding.shrink_runs as u64, "run")
        );
        text += &style.line(Tone::Label, "Shrunk", &shrunk);
    }
    let line = format!("windtunnel replay {}", finding.case);
    text + &style.line(Tone::Label, "Reproduce", &line)
}

fn headline(summary: &SweepSummary, wall_ms: u64) -> String {
    let speed = match wall_ms {
        0 => String::new(),
        wall => format!(" ({}x)", grouped(summary.simulated_ms / wall)),
    };
    let counts = [
        (summary.held, "held"),
        (summary.violated, "violated"),
        (summary.unknown, "unknown"),
        (summary.aborted, "aborted"),
    ];
    let counts: Vec<_> = counts
        .iter()
        .filter(|(count, word)| *count > 0 || *word == "held")
        .map(|(count, word)| format!("{} {word}", grouped(*count)))
        .collect();
    format!(
        "[{:>7.2}s] {}, {} simulated{speed}: {}",
        wall_ms as f64 / 1e3,
        counted(summary.seeds, "run"),
        duration(Span::from_millis(summary.simulated_ms)),
        counts.join(", "),
    )
}

fn rules(summary: &SweepSummary, style: Style) -> String {
    let row = |rule: &RuleSummary| {
        let told = if rule.kind == "sometimes" {
            let met = if rule.held > 0 { "met" } else { "never met" };
            format!(
                "in {} of {}   {met}",
                grouped(rule.held),
                counted(summary.seeds, "run")
            )
        } else {
            told(rule)
        };
        let checked = format!("{} checked", grouped(rule.evaluated));
        [clean(&rule.id), rule.kind.clone(), checked, told]
    };
    let rows: Vec<_> = summary.rules.iter().map(row).collect();
    under(
        Tone::Label,
        "Rules",
        &columns(&rows, [false, false, true, false]),
        style,
    )
}

fn told(rule: &RuleSummary) -> String {
    let mut parts = Vec::new();
    if rule.violated > 0 {
        let first = rule.first_violation.map(|seed| format!(" (first @{seed})"));
        parts.push(format!(
            "{} violated{}",
            grouped(rule.violated),
            first.unwrap_or_default()
        ));
    }
    if rule.unknown > 0 {
        parts.push(format!("{} unknown", grouped(rule.unknown)));
    }
    if parts.is_empty() {
        "held".into()
    } else {
        parts.join(", ")
    }
}

fn fault_kinds(summary: &SweepSummary, style: Style) -> String {
    let rows: Vec<_> = summary
        .fault_kinds
        .iter()
        .map(|kind| {
            let share = 100 * kind.seeds_hit / summary.seeds.max(1);
            [
                clean(&kind.kind),
                format!("in {}", counted(kind.seeds, "run")),
                format!(
                    "hit open requests in {} ({share} %)",
                    grouped(kind.seeds_hit)
                ),
            ]
        })
        .collect();
    under(
        Tone::Label,
        "Faults",
        &columns(&rows, [false, false, false]),
        style,
    )
}
