//! How stubborn an orchestrator is.

use std::time::Duration;

/// How often effects and undos are tried, and how much is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Tries of an effect whose outcome is unknown, before the saga is undone.
    pub effect_tries: u32,
    /// Tries of an undo, before the saga is parked.
    pub undo_tries: u32,
    /// The wait before the second try; it doubles from try to try.
    pub backoff: Duration,
    /// The longest wait.
    pub longest_backoff: Duration,
    /// How many ended sagas are remembered, so that a repeated request finds its answer. One that
    /// was forgotten begins again, and relies on its steps being idempotent. Parked sagas are not
    /// counted and never forgotten.
    pub remembered: usize,
    /// Above this many bytes the log is rewritten without the forgotten sagas; then again whenever
    /// it has doubled.
    pub compacts_above: u64,
    /// Mistakes on purpose, for tests of the tests.
    pub planted: Planted,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            effect_tries: 4,
            undo_tries: 12,
            backoff: Duration::from_millis(100),
            longest_backoff: Duration::from_secs(2),
            remembered: 100_000,
            compacts_above: 64 << 20,
            planted: Planted::default(),
        }
    }
}

/// One-line mistakes that people make, switched on to see that they are found. All off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    /// Each try has a key of its own.
    pub new_key_on_retry: bool,
    /// An event is logged after what it announces.
    pub log_after_effect: bool,
    /// The log is not fsynced.
    pub no_sync: bool,
    /// An unknown outcome counts as a refusal.
    pub unknown_is_refused: bool,
    /// An undo is tried once.
    pub undo_tried_once: bool,
    /// Nothing is undone.
    pub never_undo: bool,
}

impl Policy {
    /// The wait after try number `tried`, counted from 1.
    pub(super) fn wait(&self, tried: u32) -> Duration {
        let doubled = self
            .backoff
            .saturating_mul(1 << tried.saturating_sub(1).min(16));
        doubled.min(self.longest_backoff)
    }
}
