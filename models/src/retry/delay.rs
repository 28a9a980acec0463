//! What becomes of a pause if the server asked for one.

use std::time::Duration;

use rand_core::Rng;

use crate::chance::between;

/// What kind of failure an attempt ended in, as far as pauses and budgets care.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Anything that may pass.
    #[default]
    Transient,
    /// No answer in time, or not yet.
    Timeout,
    /// The server asked for less.
    Throttled,
}

/// What a server says about another attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    #[default]
    None,
    /// Come again after this pause.
    After(Duration),
    /// Do not come again.
    Never,
}

impl From<Option<Duration>> for Wish {
    fn from(pause: Option<Duration>) -> Self {
        pause.map_or(Self::None, Self::After)
    }
}

/// By which law the pause a server asks for is kept. Each is bounded, whatever the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerDelay {
    /// Ours: cut to `max`, and the drawn pause comes on top of it, else all clients that got one answer
    /// would come again in the same tick.
    Added {
        /// The longest pause a server may ask for.
        max: Duration,
    },
    /// Envoy: times U(1, 1.5) instead of the drawn pause; one above `max` is discarded.
    Spread {
        /// The longest pause a server may ask for.
        max: Duration,
    },
    /// AWS SDK: instead of the drawn pause, but not below it and not more than `over` above it.
    Clamped {
        /// By how much it may be longer.
        over: Duration,
    },
    /// gRPC: instead of the drawn pause, cut to `max`; the pauses begin anew afterwards.
    Instead {
        /// The longest pause a server may ask for.
        max: Duration,
    },
}

impl Default for ServerDelay {
    fn default() -> Self {
        Self::Added {
            max: Duration::from_secs(300),
        }
    }
}

impl ServerDelay {
    /// The pause if the server asked for `asked` and `drawn` was drawn.
    pub fn pause(
        &self,
        asked: Duration,
        drawn: Duration,
        rng: &mut (impl Rng + ?Sized),
    ) -> Duration {
        match *self {
            Self::Added { max } => drawn.saturating_add(asked.min(max)),
            Self::Spread { max } if asked <= max => {
                between(rng, asked, asked.saturating_mul(3) / 2)
            }
            Self::Spread { .. } => drawn,
            Self::Clamped { over } => asked.clamp(drawn, drawn.saturating_add(over)),
            Self::Instead { max } => asked.min(max),
        }
    }
}
