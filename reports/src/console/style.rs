//! The status column, in colour if wanted.

/// How a summary is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours are used.
    pub color: bool,
}

/// What a text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Doubtful,
    Label,
}

/// The width of the status column.
const COLUMN: usize = 10;

impl Style {
    /// Without colour.
    pub const PLAIN: Self = Self { color: false };
    /// With colour.
    pub const COLORED: Self = Self { color: true };

    /// A line: its status or label, right-aligned, then its text.
    pub(super) fn line(self, tone: Tone, label: &str, text: &str) -> String {
        let label = format!("{label:>COLUMN$}");
        format!("{} {}\n", self.paint(tone, &label), text.trim_end())
    }

    /// A further line under the last label.
    pub(super) fn more(self, text: &str) -> String {
        format!("{:COLUMN$} {}\n", "", text.trim_end())
    }

    /// The text in its colour.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32;1",
            Tone::Bad => "31;1",
            Tone::Doubtful => "33;1",
            Tone::Label => "1",
        };
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.into()
        }
    }
}

/// The line between the runs and the summary.
pub(super) const RULE: &str = "----------\n";

/// The status column's word and tone for a verdict.
pub(super) fn status(verdict: &str) -> (Tone, &'static str) {
    match verdict {
        "held" => (Tone::Good, "HOLDS"),
        "violated" => (Tone::Bad, "VIOLATED"),
        "aborted" => (Tone::Doubtful, "ABORTED"),
        _ => (Tone::Doubtful, "UNKNOWN"),
    }
}

/// Rows as text columns, each as wide as its widest cell, two spaces apart; `right` columns are
/// right-aligned.
pub(super) fn columns<const N: usize>(rows: &[[String; N]], right: [bool; N]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = widths[column];
            if right[column] {
                format!("{cell:>width$}")
            } else {
                format!("{cell:width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    rows.iter()
        .map(|row| line(row).trim_end().to_owned())
        .collect()
}

/// A text on one line without control characters, so that a name cannot steer a terminal.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
