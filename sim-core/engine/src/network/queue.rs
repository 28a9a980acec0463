//! The queue in front of a link that carries only so much: first come, first served, and what finds no
//! room is lost (drop-tail).
//!
//! It holds no packets. All that is known of it is when its last byte will have left, because bytes
//! leave at one rate and in the order in which they came.

use super::wire::Limit;

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue {
    limit: Limit,
    /// The fault that made the link so narrow, if one did.
    pub fault: Option<u32>,
    /// When the last byte has left.
    empty_at: u64,
}

impl Queue {
    /// A queue whose last byte leaves at `empty_at`.
    pub const fn new(limit: Limit, fault: Option<u32>, empty_at: u64) -> Self {
        Self {
            limit,
            fault,
            empty_at,
        }
    }

    pub const fn limit(&self) -> Limit {
        self.limit
    }

    pub const fn empty_at(&self) -> u64 {
        self.empty_at
    }

    /// Takes in `bytes` bytes at `depart`; when the last of them has left, or nothing if there is no
    /// room for them. A packet always fits into an empty queue.
    pub fn pass(&mut self, depart: u64, bytes: u64) -> Option<u64> {
        let waiting = self.limit.rate.bytes_in(self.wait(depart));
        if waiting > 0 && waiting + bytes > self.limit.room {
            return None;
        }
        self.empty_at = self.empty_at.max(depart) + self.limit.rate.nanos_for(bytes);
        Some(self.empty_at)
    }

    /// How long what comes at `now` waits before its first byte leaves.
    pub const fn wait(&self, now: u64) -> u64 {
        self.empty_at.saturating_sub(now)
    }
}

/// When what was to leave at `leaves` under one limit leaves once another holds from `now` on.
pub(super) fn leaves_under(old: Option<Limit>, new: Option<Limit>, now: u64, leaves: u64) -> u64 {
    let (Some(old), true) = (old, leaves > now) else {
        return leaves;
    };
    let Some(new) = new else { return now };
    let left = u128::from(leaves - now) * u128::from(old.rate.as_bits_per_second());
    let left = left / u128::from(new.rate.as_bits_per_second());
    now.saturating_add(u64::try_from(left).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_record::Bandwidth;

    const SECOND: u64 = 1_000_000_000;

    /// 1,000 bytes in each second.
    fn limit(room: u64) -> Limit {
        let rate = Bandwidth::from_bits_per_second(8_000);
        Limit { rate, room }
    }

    #[test]
    fn bytes_leave_at_the_rate_in_the_order_in_which_they_came() {
        let mut queue = Queue::new(limit(5_000), None, 0);
        assert_eq!(queue.pass(0, 1_000), Some(SECOND));
        assert_eq!(queue.pass(0, 2_000), Some(3 * SECOND));
        assert_eq!(queue.pass(10 * SECOND, 500), Some(10 * SECOND + SECOND / 2));
    }

    #[test]
    fn what_finds_no_room_is_lost_and_takes_none() {
        let mut queue = Queue::new(limit(2_000), None, 0);
        assert_eq!(queue.pass(0, 9_000), Some(9 * SECOND), "it was empty");
        assert_eq!(queue.pass(0, 100), None);
        assert_eq!(queue.pass(8 * SECOND, 1_001), None);
        assert_eq!(queue.pass(8 * SECOND, 1_000), Some(10 * SECOND));
    }

    #[test]
    fn what_waits_leaves_at_the_new_rate_when_the_rate_changes() {
        let slow = Some(limit(5_000));
        let fast = slow.map(|limit| Limit {
            rate: Bandwidth::from_bits_per_second(80_000),
            ..limit
        });
        assert_eq!(leaves_under(slow, fast, SECOND, 11 * SECOND), 2 * SECOND);
        assert_eq!(leaves_under(fast, slow, SECOND, 2 * SECOND), 11 * SECOND);
        assert_eq!(leaves_under(slow, None, SECOND, 11 * SECOND), SECOND);
        assert_eq!(leaves_under(slow, fast, 5 * SECOND, SECOND), SECOND, "gone");
    }
}
