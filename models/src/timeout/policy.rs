//! A deadline: an instant inside a process, what is left of it on the wire.

use std::future::Future;
use std::time::Duration;

use http::HeaderMap;
use tokio::time::{Instant, timeout_at};

use super::DeadlinePassed;
use crate::http::deadline;

/// When a call has to have ended. At exactly that instant it has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// At `instant`.
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// `after` from `now`; one that no instant can express is cut to a day.
    pub fn after(now: Instant, after: Duration) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self(now.checked_add(after).unwrap_or_else(|| now + DAY))
    }

    /// The instant.
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// What is left at `now`; zero once it has passed.
    pub fn remaining(self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }

    /// Whether nothing is left at `now`.
    pub fn has_passed(self, now: Instant) -> bool {
        now >= self.0
    }

    /// The deadline that a request brought along, counted from when it was `received`.
    pub fn from_headers(headers: &HeaderMap, received: Instant) -> Option<Self> {
        deadline::read(headers, received).map(Self)
    }

    /// Writes what is left at `now`; `false` if that is less than the header can say.
    pub fn write(self, headers: &mut HeaderMap, now: Instant) -> bool {
        deadline::write(headers, self.0, now)
    }

    /// Runs `call` until it ends or the deadline passes; then it is dropped. A call that is ready at
    /// once succeeds even if the deadline has passed.
    ///
    /// # Errors
    ///
    /// The deadline passed first.
    pub async fn bound<T>(self, call: impl Future<Output = T>) -> Result<T, DeadlinePassed> {
        timeout_at(self.0, call).await.map_err(|_| DeadlinePassed)
    }
}
