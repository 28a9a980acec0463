//! The report of a run: one self-contained HTML page that opens from disk. Its data ([`Page`]) are
//! separate from its looks (`templates/report.html`), which escapes every text.

mod data;
mod story;

use crate::plots::Plot;
use askama::Template;

pub use data::{FaultRow, MetricRow, Page, RuleRow};
pub use story::{Line, Story};

#[derive(Template)]
#[template(path = "report.html")]
struct Report<'a> {
    page: &'a Page,
    plots: &'a [Plot],
}

impl Page {
    /// The page with these plots.
    pub fn render(&self, plots: &[Plot]) -> String {
        Report { page: self, plots }
            .render()
            .expect("rendering into a string cannot fail")
    }
}
