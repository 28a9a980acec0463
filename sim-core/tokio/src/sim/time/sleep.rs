//! Waiting until an instant.

use super::{Duration, Instant};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use windtunnel_engine::{
    clock,
    timer::{Until, until_shown},
};

const MILLISECOND: u64 = 1_000_000;
/// What tokio takes "for ever" to be: about thirty years.
const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);

/// What the host's clock shows when a timer with this deadline fires: the next whole millisecond.
fn tick_of(deadline: Instant) -> u64 {
    let at = clock::of_instant(deadline.into_std());
    at.div_ceil(MILLISECOND).saturating_mul(MILLISECOND)
}

/// Waits for `duration`.
pub fn sleep(duration: Duration) -> Sleep {
    let now = Instant::now();
    sleep_until(now.checked_add(duration).unwrap_or(now + FAR))
}

/// Waits until `deadline`. A deadline that has passed completes at the first poll.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        deadline,
        until: None,
    }
}

/// See [`sleep`]. Cancelled by dropping it.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Sleep {
    deadline: Instant,
    until: Option<Until>,
}

impl Sleep {
    /// The instant it waits for.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it has completed.
    pub fn is_elapsed(&self) -> bool {
        self.until.as_ref().is_some_and(Until::is_elapsed)
    }

    /// Moves the deadline.
    pub fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.deadline = deadline;
        if let Some(until) = &mut self.until {
            until.reset(tick_of(deadline));
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let until = self.until.get_or_insert_with(|| {
            // What has passed already does not wait for the next tick.
            let at = clock::of_instant(deadline.into_std());
            until_shown(if at <= clock::shown() {
                at
            } else {
                tick_of(deadline)
            })
        });
        Pin::new(until).poll(cx)
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline)
            .finish()
    }
}
