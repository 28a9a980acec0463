//! The state of each circuit breaker over time, one lane each; the fuller the bar, the more closed
//! to traffic it is.

use super::{
    Plot, Timeline, ink,
    scale::Scale,
    sheet::{Layout, Sample, cut, draw},
};
use crate::{series, vocabulary::BreakerState};
use plotters::style::RGBColor;
use windtunnel_record::RunRecord;

/// The most lanes of one plot; the breakers that were not closed for longest come first.
const MOST_LANES: usize = 24;

const fn look(state: BreakerState) -> (RGBColor, f64) {
    match state {
        BreakerState::Closed => (ink::GREEN, 0.12),
        BreakerState::HalfOpen => (ink::ORANGE, 0.45),
        BreakerState::Open => (ink::VERMILION, 0.8),
    }
}

fn away(track: &series::BreakerTrack) -> u64 {
    let spans = track.spans.iter();
    spans
        .filter(|span| span.state != BreakerState::Closed)
        .map(|span| span.to.since(span.from).as_nanos())
        .sum()
}

/// The plot, if any breaker changed its state.
pub(super) fn plot(run: &RunRecord, timeline: &Timeline) -> Option<Plot> {
    let all = series::breakers(run);
    if all.is_empty() {
        return None;
    }
    let mut shown: Vec<_> = all.iter().collect();
    if shown.len() > MOST_LANES {
        shown.sort_by_key(|track| std::cmp::Reverse(away(track)));
        shown.truncate(MOST_LANES);
    }
    let title = "Circuit breakers";
    let states = [
        BreakerState::Open,
        BreakerState::HalfOpen,
        BreakerState::Closed,
    ];
    let sample = |state| {
        let (color, share) = look(state);
        Sample::Bar(color, share, state.word().into())
    };
    let layout = Layout {
        title,
        unit: "",
        scale: Scale::Lanes(shown.iter().map(|track| cut(&track.name(), 44)).collect()),
        height: (shown.len() as i32 * 46).max(120),
        legend: states.map(sample).into(),
    };
    let svg = draw(timeline, layout, |sheet| {
        for (lane, track) in shown.iter().enumerate() {
            for span in &track.spans {
                let (color, share) = look(span.state);
                let (from, to) = (span.from.as_secs_f64(), span.to.as_secs_f64());
                sheet.bar(color, from, to, lane, share);
            }
        }
    });
    let more = match all.len() - shown.len() {
        0 => String::new(),
        more => format!(" {more} more are in the CSV file."),
    };
    let caption = format!(
        "Breakers that changed their state. An open breaker lets nothing through; no bar means \
         that its process did not run.{more}"
    );
    Some(Plot {
        name: "breakers",
        title,
        caption,
        svg,
    })
}
