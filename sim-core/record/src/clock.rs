//! What the clocks of a host are like.

use crate::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The clocks of a host: right, unless something else is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Clock {
    /// How far the wall clock is from the right time at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<ClockOffset>,
    /// By how many millionths clocks and timers are too fast; too slow if negative.
    pub drift_ppm: f64,
}

impl Clock {
    /// Whether it goes forward.
    pub fn goes(&self) -> bool {
        self.drift_ppm > -1e6 && self.drift_ppm <= 1e6
    }
}

/// How far a wall clock is from the right time: `{ ahead = "2s" }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClockOffset {
    /// It shows a later time.
    Ahead(Span),
    /// It shows an earlier time.
    Behind(Span),
}

impl ClockOffset {
    /// In nanoseconds, positive when ahead.
    pub fn as_nanos(self) -> i64 {
        let nanos = |span: Span| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        match self {
            Self::Ahead(span) => nanos(span),
            Self::Behind(span) => -nanos(span),
        }
    }
}
