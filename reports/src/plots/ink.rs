//! Colours and strokes. The colours are those of Okabe and Ito (*Color universal design*, 2008),
//! which people with any kind of colour vision tell apart; a stroke differs from its neighbours in
//! its dashes too.

use plotters::style::RGBColor;

pub(super) const BLACK: RGBColor = RGBColor(0, 0, 0);
pub(super) const GREY: RGBColor = RGBColor(110, 110, 110);
pub(super) const FAINT: RGBColor = RGBColor(225, 225, 225);
pub(super) const ORANGE: RGBColor = RGBColor(0xE6, 0x9F, 0x00);
pub(super) const SKY: RGBColor = RGBColor(0x56, 0xB4, 0xE9);
pub(super) const GREEN: RGBColor = RGBColor(0x00, 0x9E, 0x73);
pub(super) const YELLOW: RGBColor = RGBColor(0xF0, 0xE4, 0x42);
pub(super) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
pub(super) const VERMILION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
pub(super) const PURPLE: RGBColor = RGBColor(0xCC, 0x79, 0xA7);

/// How strongly a fault band covers the plot.
pub(super) const BAND_OPACITY: f64 = 0.16;

/// The pattern of a line: drawn and left out, in sheet units; nothing left out when solid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dash {
    Solid,
    Long,
    Short,
    Dots,
}

impl Dash {
    /// Lengths of stroke and gap, if the line has gaps.
    pub(super) const fn lengths(self) -> Option<(i32, i32)> {
        match self {
            Self::Solid => None,
            Self::Long => Some((22, 10)),
            Self::Short => Some((10, 8)),
            Self::Dots => Some((3, 7)),
        }
    }
}

/// A way to draw a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stroke {
    pub(super) color: RGBColor,
    pub(super) width: u32,
    pub(super) dash: Dash,
}

impl Stroke {
    pub(super) const fn new(color: RGBColor, width: u32, dash: Dash) -> Self {
        Self { color, width, dash }
    }
}

/// Strokes for lines that have no meaning of their own, all different in colour or dashes.
pub(super) const SERIES: [Stroke; 8] = [
    Stroke::new(BLUE, 4, Dash::Solid),
    Stroke::new(VERMILION, 4, Dash::Long),
    Stroke::new(GREEN, 4, Dash::Short),
    Stroke::new(PURPLE, 4, Dash::Solid),
    Stroke::new(ORANGE, 4, Dash::Long),
    Stroke::new(SKY, 4, Dash::Short),
    Stroke::new(BLACK, 3, Dash::Dots),
    Stroke::new(GREY, 3, Dash::Solid),
];

/// The colour of a fault's band: the network's faults, a process's, and all others.
pub(super) fn of_fault(kind: &str) -> RGBColor {
    match kind {
        "partition" | "slow" | "loss" | "reset" | "duplicate" | "reorder" | "corrupt"
        | "bandwidth" | "dns" => ORANGE,
        "crash" | "power-loss" | "restart" | "pause" | "cpu-starve" => SKY,
        _ => YELLOW,
    }
}
