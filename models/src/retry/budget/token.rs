//! The token budget of tower and Finagle.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Budget, Grant};
use crate::retry::{InvalidPolicy, Kind};

const SLOTS: u128 = 10;

/// The token budget of tower and Finagle: every call deposits, every retry withdraws ⌊1/ratio⌋ deposits;
/// both are forgotten after `ttl`, in ten slots. Share one per client and destination.
#[derive(Debug)]
pub struct TokenBudget {
    slots: VecDeque<i64>,
    /// Index of the newest slot since the beginning.
    newest: u128,
    began: Instant,
    ttl: Duration,
    deposit: i64,
    withdrawal: i64,
    reserve: i64,
}

impl TokenBudget {
    /// A budget of `ratio` retries per call (0 to 1000), and `per_second` however few calls there are.
    ///
    /// # Errors
    ///
    /// A ratio that is no number in its range, or a ttl of zero or more than a day.
    pub fn new(
        ttl: Duration,
        per_second: u32,
        ratio: f64,
        now: Instant,
    ) -> Result<Self, InvalidPolicy> {
        if !(0.0..=1000.0).contains(&ratio) {
            return Err(InvalidPolicy::OutOfRange("ratio"));
        }
        if ttl.as_millis() < SLOTS || ttl > Duration::from_secs(24 * 60 * 60) {
            return Err(InvalidPolicy::OutOfRange("ttl"));
        }
        let (deposit, withdrawal) = if ratio == 0.0 {
            (0, 1)
        } else if ratio <= 1.0 {
            // So small a ratio that no number of calls pays a retry stays payable by the reserve.
            (1, (1.0 / ratio).min(1e9) as i64)
        } else {
            (1000, (1000.0 / ratio) as i64)
        };
        let retries = u128::from(per_second) * ttl.as_nanos() / 1_000_000_000;
        let reserve = i64::try_from(retries).unwrap_or(i64::MAX);
        Ok(Self {
            slots: VecDeque::from(vec![0; SLOTS as usize]),
            newest: 0,
            began: now,
            ttl,
            deposit,
            withdrawal,
            reserve: reserve.saturating_mul(withdrawal),
        })
    }

    /// Counts a call (not a retry).
    pub fn deposit(&mut self, now: Instant) {
        let deposit = self.deposit;
        self.add(now, deposit);
    }

    /// Pays for one retry; `false` (and nothing is spent) if the balance does not allow it.
    pub fn withdraw(&mut self, now: Instant) -> bool {
        self.roll(now);
        if self.balance() < self.withdrawal {
            return false;
        }
        let withdrawal = self.withdrawal;
        self.add(now, -withdrawal);
        true
    }

    fn balance(&self) -> i64 {
        let slots = self.slots.iter();
        slots.fold(self.reserve, |sum, slot| sum.saturating_add(*slot))
    }

    fn add(&mut self, now: Instant, amount: i64) {
        self.roll(now);
        if let Some(slot) = self.slots.back_mut() {
            *slot = slot.saturating_add(amount);
        }
    }

    fn roll(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.began).as_nanos();
        let index = elapsed * SLOTS / self.ttl.as_nanos();
        let steps = index.saturating_sub(self.newest).min(SLOTS);
        for _ in 0..steps {
            self.slots.pop_front();
            self.slots.push_back(0);
        }
        self.newest = self.newest.max(index);
    }
}

impl Budget for Mutex<TokenBudget> {
    fn call(&self, now: Instant) -> Grant {
        lock(self).deposit(now);
        Grant::free()
    }

    fn retry(&self, _: Kind, now: Instant) -> Option<Grant> {
        lock(self).withdraw(now).then(Grant::free)
    }
}

fn lock(budget: &Mutex<TokenBudget>) -> MutexGuard<'_, TokenBudget> {
    budget.lock().unwrap_or_else(PoisonError::into_inner)
}
