//! The algorithms: pure, in whole nanoseconds of any clock.
//!
//! | law | most in a window of length `w` | tick |
//! |---|---|---|
//! | [`Gcra`] | burst + w ÷ T | 1 ns |
//! | [`Leaky`] | burst + 1 + rate·w | 1 ms |
//! | [`TokenBucket`] | bucket + fills in `w`, one more for the edge | fill interval |
//! | [`SlidingWindow`] | limit·(1 + w ÷ period) | 1 ns |
//! | [`WarmUp`] | rate·(whole seconds in `w` + 2) | 1 s |
//! | [`FixedWindow`] | limit·(whole periods in `w` + 2) | period |

mod fixed_window;
mod gcra;
mod leaky;
mod sliding_window;
mod token_bucket;
mod warm_up;

use std::fmt::Debug;

pub use fixed_window::{Count, FixedWindow};
pub use gcra::Gcra;
pub use leaky::{Leaky, Level};
pub use sliding_window::{Slide, SlidingWindow};
pub use token_bucket::{TokenBucket, Tokens};
pub use warm_up::{Heat, WarmUp};

use super::{Refused, Standing};

/// How one key is limited. A law holds the settings only; what a key did is its state, and a key that was
/// never seen has none.
///
/// Time is in nanoseconds since an origin that all calls of one limiter share. A limiter never hands a
/// law a `now` before one it handed it already.
pub trait Law: Debug {
    /// What is known of one key.
    type State: Clone + Debug + Send;

    /// Asks for `cells` at `now`. The answer is the state after they are spent; the one before stays as
    /// it is, so a refusal spends nothing.
    ///
    /// # Errors
    ///
    /// [`Refused::NotYet`] with the exact time until the same call would pass if nobody else called;
    /// [`Refused::InsufficientCapacity`] if waiting does not help.
    fn check(
        &self,
        state: Option<&Self::State>,
        now: u64,
        cells: u32,
    ) -> Result<Self::State, Refused>;

    /// From when on (that instant included) a key with this state is treated like one never seen. Then it
    /// may be forgotten, and gains nothing by it.
    fn rest(&self, state: &Self::State) -> u64;

    /// How a key stands at `now`.
    fn standing(&self, state: Option<&Self::State>, now: u64) -> Standing;
}
