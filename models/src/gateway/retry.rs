//! pause
use super::config::Retry;
use rand_core::Rng;
use std::time::Duration;
impl Retry {
    pub(super) fn pause(&self, n: u32, rng: &mut (impl Rng + ?Sized)) -> Duration {
        let bound = self.base.saturating_mul(1 << (n - 1).min(20)).min(self.cap);
        Duration::from_nanos(rng.next_u64() % (bound.as_nanos() as u64).max(1))
    }
}
