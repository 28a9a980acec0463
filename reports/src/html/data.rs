//! What a report says, as plain data.

use super::{Story, story};
use crate::{
    json::Check,
    metrics::Summary,
    numbers::{duration, grouped, instant, latency, percent},
    series::{FaultBand, faults},
};
use serde::Serialize;
use windtunnel_record::{RunRecord, Span};

/// A report's data. How long the run took the machine is left out, so that equal seeds give equal
/// pages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// The scenario.
    pub scenario: String,
    /// What it is about.
    pub about: String,
    /// The seed.
    pub seed: u64,
    /// `held`, `violated` or `unknown`.
    pub verdict: &'static str,
    /// The verdict in a sentence.
    pub says: String,
    /// The line that gives the run again.
    pub replay: String,
    /// The digest.
    pub digest: String,
    /// The version of the tool.
    pub tool: String,
    /// How long the run was in simulated time.
    pub simulated: String,
    /// How many events there were.
    pub events: String,
    /// Changed settings, `path = value`.
    pub overrides: Vec<String>,
    /// What came of each rule.
    pub rules: Vec<RuleRow>,
    /// Success, latency, throughput.
    pub metrics: Vec<MetricRow>,
    /// What really went wrong.
    pub faults: Vec<FaultRow>,
    /// What led to each violation.
    pub stories: Vec<Story>,
}

/// A row of the rules table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleRow {
    /// The rule's name.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// `held`, `violated`, `violated (warning)`, `unmet`, `unknown`, or `never evaluated`.
    pub verdict: String,
    /// How the row looks: `good`, `bad`, `doubtful`.
    pub tone: &'static str,
    /// How often it was evaluated.
    pub evaluated: String,
    /// When it broke.
    pub at: Option<String>,
    /// The witness or the reason, in words.
    pub says: String,
    /// What never came to its end.
    pub pending: Vec<String>,
}

/// A row of the metrics table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MetricRow {
    /// What is measured.
    pub name: &'static str,
    /// The value with its unit; a dash if there is none.
    pub value: String,
}

/// A row of the faults table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultRow {
    /// The fault's id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// When it began.
    pub from: String,
    /// How long it lasted.
    pub lasting: String,
    /// The hosts it touched.
    pub hosts: String,
    /// When it first touched a request in flight; a dash if it did not.
    pub hit: String,
}

const NONE: &str = "–";

impl Page {
    /// The data of a run's report. `replay` is what stands after `windtunnel replay`.
    pub fn of(run: &RunRecord, replay: &str) -> Self {
        let overrides = run.spec.overrides.iter();
        Self {
            scenario: run.spec.scenario.clone(),
            about: run.about.clone(),
            seed: run.spec.seed.0,
            verdict: run.verdict(),
            says: says(run),
            replay: format!("windtunnel replay {replay}"),
            digest: run.digest.to_string(),
            tool: run.tool.clone(),
            simulated: duration(run.simulated),
            events: grouped(run.event_count),
            overrides: overrides
                .map(|(path, value)| format!("{path} = {value}"))
                .collect(),
            rules: run.rules.iter().map(Check::of).map(RuleRow::of).collect(),
            metrics: metrics(&Summary::of(run)),
            faults: faults(run).iter().map(FaultRow::of).collect(),
            stories: story::stories(run),
        }
    }
}

fn says(run: &RunRecord) -> String {
    let broken: Vec<_> = run.rules.iter().filter(|rule| rule.fails()).collect();
    if let [first, rest @ ..] = broken.as_slice() {
        let at = first
            .witness()
            .map_or_else(String::new, |witness| instant(witness.at));
        return match rest.len() {
            0 => format!("Rule {} was violated at {at}.", first.id),
            more => format!("Rule {} was violated at {at}, and {more} more.", first.id),
        };
    }
    if let Some(limit) = run.limit() {
        return format!("The run was stopped: {limit}.");
    }
    match run.verdict() {
        "held" => match run.rules.iter().filter(|rule| rule.is_unmet()).count() {
            0 => "Every rule held.".into(),
            unmet => format!("Every rule held; {unmet} that should sometimes be met were not."),
        },
        _ => "Some rules could not be judged.".into(),
    }
}

impl RuleRow {
    fn of(check: Check) -> Self {
        let never = check.evaluated == 0 && check.verdict == "held";
        let tone = match check.verdict.as_str() {
            _ if never => "bad",
            "held" => "good",
            "violated" if check.fails() => "bad",
            _ => "doubtful",
        };
        let verdict = match check.verdict.as_str() {
            _ if never => "never evaluated".into(),
            "violated" if !check.fails() => "violated (warning)".into(),
            _ => check.verdict,
        };
        let witness = check.witness;
        Self {
            id: check.id,
            kind: check.kind,
            verdict,
            tone,
            evaluated: grouped(check.evaluated),
            at: witness
                .as_ref()
                .map(|witness| format!("{:.3} s", witness.at_ms / 1e3)),
            says: witness
                .as_ref()
                .map(|witness| witness.says.clone())
                .or(check.reason)
                .unwrap_or_default(),
            pending: witness.map(|witness| witness.pending).unwrap_or_default(),
        }
    }
}

impl FaultRow {
    fn of(band: &FaultBand) -> Self {
        let lasting = band.to.since(band.from);
        Self {
            id: band.id.clone(),
            kind: band.kind.clone(),
            from: instant(band.from),
            lasting: if lasting == Span::ZERO {
                "an instant".into()
            } else {
                duration(lasting)
            },
            hosts: band.hosts.join(", "),
            hit: band.hit.map_or_else(|| NONE.into(), instant),
        }
    }
}

fn metrics(summary: &Summary) -> Vec<MetricRow> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.into());
    [
        ("requests", grouped(summary.requests())),
        ("ok", grouped(summary.ok)),
        ("failed", grouped(summary.fail)),
        ("unknown", grouped(summary.unknown)),
        ("pending", grouped(summary.pending)),
        ("success", or_none(summary.success.map(percent))),
        ("p50", or_none(summary.p50_ms.map(latency))),
        ("p99", or_none(summary.p99_ms.map(latency))),
        ("p99.9", or_none(summary.p999_ms.map(latency))),
        (
            "throughput",
            or_none(summary.throughput_rps.map(|rate| format!("{rate:.1} ok/s"))),
        ),
    ]
    .map(|(name, value)| MetricRow { name, value })
    .into()
}
