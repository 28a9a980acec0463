//! The labels above a time axis: a tag with a bar per fault and one for the settle phase, stacked
//! so that none covers another.

use super::{ink, sheet::cut, timeline::Timeline};
use plotters::style::RGBColor;

/// The most rows of tags; what does not fit is shaded in the plot but has no tag.
const MOST_ROWS: usize = 5;

/// The most characters of a tag.
const MOST_CHARACTERS: usize = 48;

/// The width of a character in sheet units; a little more than the font's mean.
const CHARACTER: f64 = 12.0;

/// A label at a time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tag {
    pub(super) text: String,
    /// The times between which its bar stands, with its colour.
    pub(super) bar: Option<(f64, f64, RGBColor)>,
    /// Where the text begins, in seconds.
    pub(super) start: f64,
    /// The row, the first on top.
    pub(super) row: usize,
}

/// The tags of an axis that is `width` sheet units wide, in order of time.
pub(super) fn tags(timeline: &Timeline, width: i32) -> Vec<Tag> {
    let faults = timeline.bands.iter().map(|band| {
        let (from, to) = (band.from.as_secs_f64(), band.to.as_secs_f64());
        (band.label(), from, to, Some(ink::of_fault(&band.kind)))
    });
    let settle = timeline.settled_from;
    let settle = settle.map(|at| ("settle phase".to_owned(), at, at, None));
    let second = f64::from(width) / timeline.end;
    let mut rows: Vec<Vec<(f64, f64)>> = vec![Vec::new(); MOST_ROWS];
    let placed = settle
        .into_iter()
        .chain(faults)
        .filter_map(|(text, from, to, color)| {
            let text = cut(&text, MOST_CHARACTERS);
            let long = (text.chars().count() as f64 + 1.5) * CHARACTER / second;
            // A tag near the end of the axis begins earlier instead of running over the edge.
            let start = from.min(timeline.end - long).max(0.0);
            let stop = (start + long).max(to);
            let free =
                |row: &Vec<(f64, f64)>| row.iter().all(|taken| stop <= taken.0 || start >= taken.1);
            let row = rows.iter().position(free)?;
            rows[row].push((start, stop));
            let bar = color.map(|color| (from, to, color));
            Some(Tag {
                text,
                bar,
                start,
                row,
            })
        });
    let mut placed: Vec<Tag> = placed.collect();
    placed.sort_by(|a, b| a.start.total_cmp(&b.start));
    placed
}

/// How many rows the tags take.
pub(super) fn rows(tags: &[Tag]) -> usize {
    tags.iter().map(|tag| tag.row + 1).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::FaultBand;
    use windtunnel_record::{Moment, Span};

    fn timeline(count: u64) -> Timeline {
        let band = |index| {
            let from = Moment::START + Span::from_millis(index * 700);
            FaultBand {
                id: format!("flap/{index}"),
                kind: "crash".into(),
                hosts: Vec::new(),
                from,
                to: from + Span::from_secs(2),
                hit: None,
            }
        };
        Timeline {
            end: 30.0,
            settled_from: Some(29.0),
            bands: (0..count).map(band).collect(),
        }
    }

    #[test]
    fn no_tag_covers_another_on_a_wide_and_on_a_narrow_axis() {
        for width in [1400, 700] {
            let tags = tags(&timeline(40), width);
            assert!(tags.len() > 8 && rows(&tags) == MOST_ROWS);
            let second = f64::from(width) / 30.0;
            let stop = |tag: &Tag| tag.start + tag.text.len() as f64 * CHARACTER / second;
            for (index, tag) in tags.iter().enumerate() {
                let next = tags[index + 1..].iter().find(|next| next.row == tag.row);
                assert!(
                    next.is_none_or(|next| stop(tag) < next.start),
                    "{tag:?} {next:?}"
                );
                assert!(stop(tag) <= 30.0, "{tag:?}");
            }
        }
    }

    #[test]
    fn the_settle_phase_always_has_its_tag() {
        let tags = tags(&timeline(40), 700);
        assert!(
            tags.iter()
                .any(|tag| tag.text == "settle phase" && tag.bar.is_none())
        );
    }
}
