//! The plots of the page.

use plotters::{
    coord::ranged1d::ValueFormatter,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use windtunnel_tests::validation::law::{Figure, Line, Measured, Plot};

/// The colours of Okabe and Ito (*Color universal design*, 2008), for any kind of colour vision.
const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
const VERMILION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
const INK: [RGBColor; 3] = [BLUE, VERMILION, RGBColor(0x00, 0x9E, 0x73)];

const SIZE: (u32, u32) = (940, 420);
const FONT: &str = "sans-serif";
const INFALLIBLE: &str = "drawing into a string cannot fail";

/// The lines of a law. Each is thinner than the one before, so that what lies beneath shows.
pub(crate) fn lines(plot: &Plot, lines: &[&Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(f64::MIN, f64::max);
    let (right, top) = (most(|point| point.0), most(|point| point.1));
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).expect(INFALLIBLE);
        let mut sheet = ChartBuilder::on(&area);
        sheet
            .caption(plot.title, (FONT, 20))
            .margin(14)
            .margin_right(30)
            .x_label_area_size(44)
            .y_label_area_size(76);
        if plot.log {
            let least = points().map(|point| point.1).fold(f64::MAX, f64::min);
            let chart = sheet.build_cartesian_2d(0.0..right, (least..top * 1.2).log_scale());
            draw(chart.expect(INFALLIBLE), plot, lines);
        } else {
            let chart = sheet.build_cartesian_2d(0.0..right, 0.0..top * 1.05);
            draw(chart.expect(INFALLIBLE), plot, lines);
        }
        area.present().expect(INFALLIBLE);
    }
    svg
}

fn draw<'a, Y>(
    mut chart: ChartContext<
        'a,
        SVGBackend<'a>,
        Cartesian2d<plotters::coord::types::RangedCoordf64, Y>,
    >,
    plot: &Plot,
    lines: &[&Line],
) where
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut mesh = chart.configure_mesh();
    mesh.x_desc(plot.x)
        .y_desc(plot.y)
        .label_style((FONT, 14))
        .light_line_style(TRANSPARENT)
        .y_label_formatter(&|value| number(*value))
        .draw()
        .expect(INFALLIBLE);
    for ((line, ink), width) in lines.iter().zip(INK).zip([6, 3, 1]) {
        let style = ink.stroke_width(width);
        let series = LineSeries::new(line.points.iter().copied(), style);
        chart
            .draw_series(series)
            .expect(INFALLIBLE)
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 26, y)], style));
    }
    let mut legend = chart.configure_series_labels();
    legend
        .position(SeriesLabelPosition::UpperLeft)
        .legend_area_size(34)
        .label_font((FONT, 14))
        .background_style(WHITE.mix(0.8))
        .draw()
        .expect(INFALLIBLE);
}

/// No more digits than it needs.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

const ROW: i32 = 24;
const TOP: i32 = 60;
const NAMES: i32 = 470;
const RIGHT: i32 = 910;

/// The ends of the axis, as measured over expected.
const ENDS: (f64, f64) = (0.95, 1.05);

/// Every figure that has an interval, over what is expected of it.
pub(crate) fn intervals(cases: &[&Measured]) -> String {
    let rows: Vec<_> = cases
        .iter()
        .flat_map(|case| {
            let figures = case.outcome.figures.iter();
            figures.filter_map(move |figure| Some((case, figure, figure.interval?)))
        })
        .collect();
    let bottom = TOP + rows.len() as i32 * ROW;
    let mut svg = String::new();
    {
        let size = (SIZE.0, (bottom + 50) as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).expect(INFALLIBLE);
        let text = |words: &str, at, style: &TextStyle<'_>| {
            area.draw_text(words, style, at).expect(INFALLIBLE);
        };
        let plain = TextStyle::from((FONT, 14).into_font());
        let left = plain.pos(Pos::new(HPos::Right, VPos::Center));
        let below = plain.pos(Pos::new(HPos::Center, VPos::Top));
        let title = TextStyle::from((FONT, 20).into_font()).pos(Pos::new(HPos::Center, VPos::Top));
        text("Measured over expected", ((NAMES + RIGHT) / 2, 16), &title);
        let path = |points: [(i32, i32); 2], style: ShapeStyle| {
            let path = PathElement::new(points, style);
            area.draw(&path).expect(INFALLIBLE);
        };
        for percent in 95..=105 {
            let x = place(f64::from(percent) / 100.0);
            let grey = if percent == 100 { 0 } else { 225 };
            path(
                [(x, TOP - 6), (x, bottom)],
                RGBColor(grey, grey, grey).into(),
            );
            if percent % 5 == 0 {
                text(&format!("{percent} %"), (x, bottom + 8), &below);
            }
        }
        for (row, (case, figure, (low, high))) in rows.into_iter().enumerate() {
            let y = TOP + row as i32 * ROW + ROW / 2;
            text(&name(case, figure), (NAMES - 14, y), &left);
            let ends = [low, high].map(|end| (place(end / figure.expected), y));
            let ink = if figure.agrees(case.half) {
                BLUE
            } else {
                VERMILION
            };
            path(ends, ink.stroke_width(3));
            let middle = (place(figure.measured / figure.expected), y);
            area.draw(&Circle::new(middle, 5, ink.filled()))
                .expect(INFALLIBLE);
        }
        area.present().expect(INFALLIBLE);
    }
    svg
}

fn name(case: &Measured, figure: &Figure) -> String {
    format!("{} {}: {}", case.law, case.case, figure.what)
}

fn place(ratio: f64) -> i32 {
    let share = (ratio.clamp(ENDS.0, ENDS.1) - ENDS.0) / (ENDS.1 - ENDS.0);
    NAMES + (share * f64::from(RIGHT - NAMES)).round() as i32
}
