//! The summary printed after a run.

use super::style::{RULE, Style, Tone, clean, columns, status};
use crate::{
    json::Check,
    metrics::Summary,
    numbers::{counted, duration, grouped, instant, latency, percent},
    series::{FaultBand, faults},
};
use windtunnel_record::{RunRecord, Span};

/// The most faults that are listed one by one.
const MOST_FAULTS: usize = 12;

/// The summary of a run. `replay` is what stands after `windtunnel replay` to have it again: its
/// directory or case; it is the last line if the run did not hold.
pub fn run_summary(run: &RunRecord, replay: &str, style: Style) -> String {
    let mut text = style.line(
        Tone::Label,
        "Run",
        &format!("{}   {}", clean(&run.spec.scenario), clean(&run.about)),
    );
    let (tone, word) = status(run.verdict());
    text += &style.line(tone, word, &headline(run));
    text += RULE;
    text += &requests(run, style);
    text += &fault_list(&faults(run), style);
    text += &rules(run, style);
    if let Some(limit) = run.limit() {
        text += &style.line(Tone::Doubtful, "Stopped", &clean(limit));
    }
    if run.verdict() != "held" {
        let line = format!("windtunnel replay {replay}");
        text += &style.line(Tone::Label, "Reproduce", &line);
    }
    text
}

/// What is to be said of a canary, whose rule `expected` has to break and no other; `as_it_must` says
/// whether that is what happened.
pub fn canary(expected: &str, as_it_must: bool, style: Style) -> String {
    let rule = clean(expected);
    if as_it_must {
        let text = format!("{rule} has to break here, and did: all is as it must be");
        style.line(Tone::Good, "Canary", &text)
    } else {
        let text = format!("{rule} and nothing else has to break here, and it went otherwise");
        style.line(Tone::Bad, "Canary", &text)
    }
}

fn headline(run: &RunRecord) -> String {
    let digest = run.digest.to_string();
    format!(
        "[{:>7.2}s] @{}   {} simulated   {}   {}",
        run.wall_ms as f64 / 1e3,
        run.spec.seed,
        duration(run.simulated),
        counted(run.event_count, "event"),
        &digest[..8],
    )
}

fn requests(run: &RunRecord, style: Style) -> String {
    let summary = Summary::of(run);
    let Some(success) = summary.success else {
        return style.line(Tone::Label, "Requests", "none");
    };
    let parts = [
        (summary.ok, "ok"),
        (summary.fail, "failed"),
        (summary.unknown, "unknown"),
        (summary.pending, "pending"),
    ];
    let parts = parts.iter().filter(|part| part.0 > 0);
    let parts: Vec<_> = parts
        .map(|(count, word)| format!("{} {word}", grouped(*count)))
        .collect();
    let rate = summary
        .throughput_rps
        .map(|rate| format!(", {rate:.1} ok/s"));
    let mut text = style.line(
        Tone::Label,
        "Requests",
        &format!(
            "{}: {} ({} success{})",
            grouped(summary.requests()),
            parts.join(", "),
            percent(success),
            rate.unwrap_or_default(),
        ),
    );
    if let (Some(p50), Some(p99), Some(p999)) = (summary.p50_ms, summary.p99_ms, summary.p999_ms) {
        let [p50, p99, p999] = [p50, p99, p999].map(latency);
        let line = format!("p50 {p50}   p99 {p99}   p99.9 {p999}");
        text += &style.line(Tone::Label, "Latency", &line);
    }
    text
}

fn fault_list(bands: &[FaultBand], style: Style) -> String {
    let row = |band: &FaultBand| {
        let lasted = band.to.since(band.from);
        [
            clean(&band.kind),
            clean(&band.id),
            format!("at {}", instant(band.from)),
            if lasted == Span::ZERO {
                String::new()
            } else {
                format!("for {}", duration(lasted))
            },
            hosts(&band.hosts),
            if band.hit.is_some() {
                "hit open requests".into()
            } else {
                String::new()
            },
        ]
    };
    let rows: Vec<_> = bands.iter().take(MOST_FAULTS).map(row).collect();
    let mut lines = columns(&rows, [false, false, false, false, false, false]);
    if bands.len() > MOST_FAULTS {
        lines.push(format!("and {} more", bands.len() - MOST_FAULTS));
    }
    if lines.is_empty() {
        lines.push("none".into());
    }
    under(Tone::Label, "Faults", &lines, style)
}

fn hosts(hosts: &[String]) -> String {
    match hosts {
        [] => String::new(),
        [one] => format!("on {}", clean(one)),
        several => format!("on {} hosts", several.len()),
    }
}

fn rules(run: &RunRecord, style: Style) -> String {
    let checks: Vec<Check> = run.rules.iter().map(Check::of).collect();
    let row = |check: &Check| {
        let at = check
            .witness
            .as_ref()
            .map(|witness| format!(" at {:.3} s", witness.at_ms / 1e3));
        [
            clean(&check.id),
            check.kind.clone(),
            format!("{} checked", grouped(check.evaluated)),
            format!("{}{}", check.verdict, at.unwrap_or_default()),
        ]
    };
    let rows: Vec<_> = checks.iter().map(row).collect();
    let lines = columns(&rows, [false, false, true, false]);
    let mut text = under(Tone::Label, "Rules", &lines, style);
    for check in &checks {
        if let Some(witness) = &check.witness {
            let line = format!("{}: {}", clean(&check.id), clean(&witness.says));
            let (tone, label) = if check.fails() {
                (Tone::Bad, "Violated")
            } else {
                (Tone::Doubtful, "Warning")
            };
            text += &style.line(tone, label, &line);
            let pending = witness.pending.iter().take(5);
            pending.for_each(|what| text += &style.more(&format!("pending: {}", clean(what))));
        }
    }
    let unknown = checks.iter().filter(|check| check.verdict == "unknown");
    for check in unknown {
        let why = check.reason.as_deref().unwrap_or_default();
        let line = format!("{}: {}", clean(&check.id), clean(why));
        text += &style.line(Tone::Doubtful, "Unknown", &line);
    }
    let unmet = checks.iter().filter(|check| check.verdict == "unmet");
    let unmet: Vec<_> = unmet.map(|check| clean(&check.id)).collect();
    if !unmet.is_empty() {
        text += &style.line(Tone::Doubtful, "Unmet", &unmet.join(", "));
    }
    text
}

/// Lines under one label.
pub(super) fn under(tone: Tone, label: &str, lines: &[String], style: Style) -> String {
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index == 0 {
            text += &style.line(tone, label, line);
        } else {
            text += &style.more(line);
        }
    }
    text
}
