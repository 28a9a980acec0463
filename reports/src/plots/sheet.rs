//! The sheet a plot is drawn on: title, axes, grid, fault bands, legend. The plots themselves add
//! only their lines and bars.
//!
//! The drawing is twice as large as it is shown, because the SVG backend knows whole units only.

use super::{
    ink::{self, Stroke},
    scale::{self, Scale},
    tags::{Tag, rows, tags},
    timeline::Timeline,
};
use plotters::{
    coord::Shift,
    element::{DashedPathElement, Drawable, PointCollection},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

const WIDTH: i32 = 1880;
const TITLE: i32 = 56;
const LANE: i32 = 32;
const AXIS: i32 = 92;
const RIGHT: i32 = 30;
const LEGEND_WIDTH: i32 = 330;
const TEXT: i32 = 24;

/// What a sheet shows besides its data.
pub(super) struct Layout<'a> {
    pub(super) title: &'a str,
    /// What the vertical axis counts; empty for lanes.
    pub(super) unit: &'a str,
    pub(super) scale: Scale,
    /// The height of the plotted area.
    pub(super) height: i32,
    pub(super) legend: Vec<Sample>,
}

/// An entry of the legend.
pub(super) enum Sample {
    /// A line.
    Line(Stroke, String),
    /// A filled bar with its fill and the share of its lane that it fills.
    Bar(RGBColor, f64, String),
}

/// A sheet with its axes, ready for data.
pub(super) struct Sheet<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    end: f64,
    scale: Scale,
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

/// Draws a plot: the sheet, then what `paint` adds. The same input gives the same bytes.
pub(super) fn draw(
    timeline: &Timeline,
    layout: Layout<'_>,
    paint: impl FnOnce(&Sheet<'_>),
) -> String {
    let left = match &layout.scale {
        Scale::Lanes(names) => {
            let longest = names.iter().map(|name| name.chars().count()).max();
            (longest.unwrap_or(0) as i32 * 13 + 40).clamp(150, 620)
        }
        _ => 150,
    };
    let right = WIDTH - RIGHT - LEGEND_WIDTH;
    let tags = tags(timeline, right - left);
    let top = TITLE + rows(&tags) as i32 * LANE + 8;
    let bottom = top + layout.height;
    let mut svg = String::new();
    {
        let size = (WIDTH as u32, (bottom + AXIS) as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let sheet = Sheet {
            area,
            end: timeline.end,
            scale: layout.scale,
            left,
            right,
            top,
            bottom,
        };
        sheet.background(layout.title, layout.unit);
        sheet.faults(timeline);
        sheet.tags(&tags);
        paint(&sheet);
        sheet.legend(&layout.legend);
        sheet.area.present().expect(INFALLIBLE);
    }
    titled(&svg, layout.title, bottom + AXIS)
}

/// Gives the document a name for screen readers and its size on the page.
fn titled(svg: &str, title: &str, height: i32) -> String {
    let drawn = format!("<svg width=\"{WIDTH}\" height=\"{height}\"");
    let shown = format!(
        "<svg role=\"img\" width=\"{}\" height=\"{}\"",
        WIDTH / 2,
        height / 2
    );
    let sized = svg.replacen(&drawn, &shown, 1);
    match sized.split_once(">\n") {
        Some((head, body)) => format!("{head}>\n<title>{title}</title>\n{body}"),
        None => sized,
    }
}

const INFALLIBLE: &str = "drawing into a string cannot fail";

impl<'s> Sheet<'s> {
    /// The horizontal position of a time in seconds.
    pub(super) fn x(&self, seconds: f64) -> i32 {
        let share = (seconds / self.end).clamp(0.0, 1.0);
        self.left + (share * f64::from(self.right - self.left)).round() as i32
    }

    /// The vertical position of a value.
    pub(super) fn y(&self, value: f64) -> i32 {
        let share = self.scale.place(value);
        self.bottom - (share * f64::from(self.bottom - self.top)).round() as i32
    }

    /// A line through points of seconds and values. A lone point becomes a dot.
    pub(super) fn line(&self, stroke: Stroke, points: &[(f64, f64)]) {
        let places = points
            .iter()
            .map(|&(at, value)| (self.x(at), self.y(value)));
        let places: Vec<_> = places.collect();
        if let [lone] = places[..] {
            self.dot(stroke.color, lone);
        } else {
            self.path(stroke, places);
        }
    }

    /// A mark at a point of seconds and value.
    pub(super) fn mark(&self, color: RGBColor, at: f64, value: f64) {
        self.dot(color, (self.x(at), self.y(value)));
    }

    fn dot(&self, color: RGBColor, place: (i32, i32)) {
        self.add(&Circle::new(place, 6, color.filled()));
    }

    /// A bar between two times around a lane, filling a share of the lane's height.
    pub(super) fn bar(&self, color: RGBColor, from: f64, to: f64, lane: usize, share: f64) {
        let Scale::Lanes(names) = &self.scale else {
            return;
        };
        let room = f64::from(self.bottom - self.top) / names.len().max(1) as f64;
        let half = (room * share / 2.0).round() as i32;
        let (left, middle) = (self.x(from), self.y(lane as f64));
        let right = self.x(to).max(left + 3);
        self.rectangle(
            (left, middle - half),
            (right, middle + half),
            color.filled(),
        );
    }

    fn background(&self, title: &str, unit: &str) {
        self.area.fill(&WHITE).expect(INFALLIBLE);
        self.text(title, 30, true, (self.left, 12), (HPos::Left, VPos::Top));
        for (value, text) in self.scale.ticks() {
            let y = self.y(value);
            self.path(
                Stroke::new(ink::FAINT, 1, ink::Dash::Solid),
                vec![(self.left, y), (self.right, y)],
            );
            self.text(
                &text,
                TEXT,
                false,
                (self.left - 12, y),
                (HPos::Right, VPos::Center),
            );
        }
        let step = scale::step(self.end, 12);
        for i in 0..=((self.end / step) * (1.0 + 1e-9)).floor() as usize {
            let seconds = i as f64 * step;
            let x = self.x(seconds);
            self.path(
                Stroke::new(ink::GREY, 2, ink::Dash::Solid),
                vec![(x, self.bottom), (x, self.bottom + 8)],
            );
            let label = scale::label(seconds, step);
            self.text(
                &label,
                TEXT,
                false,
                (x, self.bottom + 12),
                (HPos::Center, VPos::Top),
            );
        }
        let middle = i32::midpoint(self.left, self.right);
        let below = (middle, self.bottom + 52);
        self.text(
            "simulated time in seconds",
            TEXT,
            false,
            below,
            (HPos::Center, VPos::Top),
        );
        if !unit.is_empty() {
            self.upright(unit, (14, i32::midpoint(self.top, self.bottom)));
        }
        let axis = Stroke::new(ink::GREY, 2, ink::Dash::Solid);
        let corner = (self.left, self.bottom);
        self.path(
            axis,
            vec![(self.left, self.top), corner, (self.right, self.bottom)],
        );
    }

    fn faults(&self, timeline: &Timeline) {
        for band in &timeline.bands {
            let left = self.x(band.from.as_secs_f64());
            let right = self.x(band.to.as_secs_f64()).max(left + 4);
            let shade = ink::of_fault(&band.kind).mix(ink::BAND_OPACITY).filled();
            self.rectangle((left, self.top), (right, self.bottom), shade);
        }
        if let Some(at) = timeline.settled_from {
            let x = self.x(at);
            let stroke = Stroke::new(ink::GREY, 2, ink::Dash::Short);
            self.path(stroke, vec![(x, self.top), (x, self.bottom)]);
        }
    }

    fn tags(&self, tags: &[Tag]) {
        for tag in tags {
            let y = TITLE + tag.row as i32 * LANE;
            if let Some((from, to, color)) = tag.bar {
                let left = self.x(from);
                let right = self.x(to).max(left + 4);
                let style = color.mix(0.55).filled();
                self.rectangle((left, y + 4), (right, y + LANE - 2), style);
            }
            let place = (self.x(tag.start) + 6, y + LANE / 2);
            self.text(&tag.text, 22, false, place, (HPos::Left, VPos::Center));
        }
    }

    fn legend(&self, samples: &[Sample]) {
        let left = self.right + 30;
        for (index, sample) in samples.iter().enumerate() {
            let y = self.top + 18 + index as i32 * 38;
            let text = match sample {
                Sample::Line(stroke, text) => {
                    self.path(*stroke, vec![(left, y), (left + 60, y)]);
                    text
                }
                Sample::Bar(color, share, text) => {
                    let half = (13.0 * share).round() as i32;
                    self.rectangle((left, y - half), (left + 60, y + half), color.filled());
                    text
                }
            };
            self.text(
                &cut(text, 18),
                TEXT,
                false,
                (left + 72, y),
                (HPos::Left, VPos::Center),
            );
        }
    }

    fn path(&self, stroke: Stroke, places: Vec<(i32, i32)>) {
        let style = stroke.color.stroke_width(stroke.width);
        match stroke.dash.lengths() {
            None => self.add(&PathElement::new(places, style)),
            Some((drawn, gap)) => {
                self.add(&DashedPathElement::new(places, drawn, gap, style));
            }
        }
    }

    fn rectangle(&self, from: (i32, i32), to: (i32, i32), style: ShapeStyle) {
        self.add(&Rectangle::new([from, to], style));
    }

    fn text(&self, text: &str, size: i32, bold: bool, place: (i32, i32), anchor: (HPos, VPos)) {
        let weight = if bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        let style = font(size, weight).pos(Pos::new(anchor.0, anchor.1));
        self.add(&Text::new(text.to_owned(), place, style));
    }

    fn upright(&self, text: &str, place: (i32, i32)) {
        let style = font(TEXT, FontStyle::Normal)
            .transform(FontTransform::Rotate270)
            .pos(Pos::new(HPos::Center, VPos::Top));
        self.add(&Text::new(text.to_owned(), place, style));
    }

    fn add<E>(&self, element: &E)
    where
        for<'e> &'e E: PointCollection<'e, (i32, i32)>,
        E: Drawable<SVGBackend<'s>>,
    {
        self.area.draw(element).expect(INFALLIBLE);
    }
}

/// A font of that size; the backend prints sizes divided by 1.24.
fn font(size: i32, weight: FontStyle) -> TextStyle<'static> {
    let size = f64::from(size) * 1.24;
    FontDesc::new(FontFamily::SansSerif, size, weight).color(&BLACK)
}

/// A text of at most `most` characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.into();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{kept}…")
}
