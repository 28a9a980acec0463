//! What a sender on a limited link knows of what it sent: what is on its way, what is lost, and how
//! much more may go.
//!
//! There is one while a link carries only so much; on others nothing is bounded but by windows and
//! buffers. Losses are seen as with selective acknowledgements (RFC 6675, RFC 8985): what was sent
//! before something that has arrived, and has not arrived itself, is lost.

use super::{congestion::Congestion, connection::NEVER, transmission::PACKET};
use std::collections::VecDeque;

/// A sender's account of one direction.
#[derive(Debug)]
pub(super) struct Sender {
    pub congestion: Congestion,
    /// What is on its way as far as it knows, in the order of sending.
    board: VecDeque<Sent>,
    /// What it knows to be lost, in the order of the stream.
    lost: VecDeque<Sent>,
    on_the_way: u64,
    /// A loss of what was sent up to here has been answered already.
    answered_up_to: u64,
    /// Whether that was without waiting for a time-out: the window does not grow until all of it has
    /// arrived.
    recovering: bool,
    reduction: Reduction,
    /// Whether there was more to send than the congestion window allowed.
    pub held_back: bool,
    /// Whether there was more to send than the receiver's window allowed.
    pub shut: bool,
    /// When it looks at its acknowledgements next.
    pub armed: u64,
    /// The largest burst.
    pub burst: u64,
}

/// How much may be sent while a loss is repaired: in proportion to what arrives (RFC 6937).
#[derive(Debug, Default)]
struct Reduction {
    /// What was on the way when the loss was seen.
    from: u64,
    delivered: u64,
    sent: u64,
    /// What may go before the next acknowledgement.
    allowance: u64,
}

impl Reduction {
    /// `delivered` bytes arrived; `on_the_way` are, and `goal` are to be when it is over.
    fn acknowledged(&mut self, delivered: u64, on_the_way: u64, goal: u64) {
        self.delivered += delivered;
        self.allowance = if on_the_way > goal {
            let share = u128::from(self.delivered) * u128::from(goal);
            let due = share.div_ceil(u128::from(self.from.max(1)));
            u64::try_from(due)
                .unwrap_or(u64::MAX)
                .saturating_sub(self.sent)
        } else {
            let behind = self.delivered.saturating_sub(self.sent);
            (goal - on_the_way).min(behind.max(delivered) + PACKET)
        };
    }
}

/// A segment, or one that was sent again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub start: u64,
    pub end: u64,
    /// Whether it ends the stream.
    pub last: bool,
    pub sent_at: u64,
    /// When its acknowledgement is seen; [`NEVER`] if it is not.
    pub seen: u64,
    /// How often it was sent before.
    pub attempt: u32,
}

impl Sent {
    pub const fn length(&self) -> u64 {
        self.end - self.start
    }
}

impl Sender {
    /// A sender with these segments on their way.
    pub fn new(board: VecDeque<Sent>) -> Self {
        let on_the_way = board.iter().map(Sent::length).sum();
        Self {
            congestion: Congestion::new(on_the_way),
            board,
            lost: VecDeque::new(),
            on_the_way,
            answered_up_to: 0,
            recovering: false,
            reduction: Reduction::default(),
            held_back: false,
            shut: false,
            armed: NEVER,
            burst: PACKET,
        }
    }

    /// Whether nothing is on its way and nothing lost.
    pub fn is_idle(&self) -> bool {
        self.board.is_empty() && self.lost.is_empty()
    }

    /// Whether something that was sent is not going to be acknowledged.
    pub fn has_losses(&self) -> bool {
        !self.lost.is_empty() || self.board.iter().any(|sent| sent.seen == NEVER)
    }

    /// How many bytes more may go.
    fn room(&self) -> u64 {
        if self.recovering {
            return self.reduction.allowance;
        }
        self.congestion.window().saturating_sub(self.on_the_way)
    }

    /// How much of `wanted` new bytes may go now: whole packets, or all of them.
    pub fn admits(&self, wanted: u64) -> u64 {
        let room = self.room();
        if !self.lost.is_empty() {
            return 0;
        }
        let most = wanted.min(self.burst);
        if most <= room {
            return most;
        }
        room - room % PACKET
    }

    /// Takes down what was sent.
    pub fn sent(&mut self, sent: Sent) {
        self.on_the_way += sent.length();
        self.reduction.sent += sent.length();
        self.reduction.allowance = self.reduction.allowance.saturating_sub(sent.length());
        self.board.push_back(sent);
    }

    /// The next lost segment that may be sent again.
    pub fn next_lost(&mut self) -> Option<Sent> {
        let lost = self.lost.front()?;
        if self.on_the_way > 0 && self.room() < lost.length().min(PACKET) {
            return None;
        }
        self.lost.pop_front()
    }

    /// Looks at the acknowledgements seen by `now`. `sent` is how far the stream was sent. True if
    /// any came.
    pub fn look(&mut self, now: u64, sent: u64, round_trip: u64) -> bool {
        let Some(newest) = self.board.iter().rposition(|sent| sent.seen <= now) else {
            return false;
        };
        let before = self.on_the_way;
        let mut acknowledged = 0;
        let mut lost_any = false;
        for index in (0..=newest).rev() {
            let known = self.board[index];
            if known.seen > now && known.seen != NEVER {
                continue;
            }
            self.board.remove(index);
            self.on_the_way -= known.length();
            if known.seen == NEVER {
                self.mark_lost(known);
                lost_any |= known.end > self.answered_up_to;
            } else {
                acknowledged += known.length();
            }
        }
        self.recovering &= self.is_behind();
        if lost_any {
            self.answered_up_to = sent;
            self.recovering = true;
            self.congestion.lost();
            self.reduction = Reduction {
                from: before,
                ..Reduction::default()
            };
        } else if !self.recovering && self.is_used(before) {
            self.congestion.acknowledged(acknowledged, now, round_trip);
        }
        if self.recovering {
            let goal = self.congestion.window();
            let on_the_way = self.on_the_way;
            self.reduction.acknowledged(acknowledged, on_the_way, goal);
        }
        true
    }

    /// Whether a window is used that had `on_the_way` bytes on their way: only then it may grow.
    fn is_used(&self, on_the_way: u64) -> bool {
        let window = self.congestion.window();
        self.held_back || self.congestion.in_slow_start() && window < 2 * on_the_way
    }

    fn oldest(&self) -> Option<u64> {
        let all = self.board.iter().chain(&self.lost);
        all.map(|sent| sent.start).min()
    }

    /// Whether something is still missing of what it answered a loss of.
    fn is_behind(&self) -> bool {
        let behind = |oldest| oldest < self.answered_up_to;
        self.oldest().is_some_and(behind)
    }

    fn mark_lost(&mut self, sent: Sent) {
        let place = self.lost.partition_point(|other| other.start <= sent.start);
        self.lost.insert(place, sent);
    }

    /// Nothing was heard for a whole time-out: everything on its way counts as lost.
    pub fn time_out(&mut self, sent: u64) {
        if self.is_behind() {
            // It was told before that the path is full.
            self.congestion.collapse();
        } else {
            self.congestion.timed_out();
        }
        self.recovering = false;
        self.answered_up_to = sent;
        for sent in std::mem::take(&mut self.board) {
            self.mark_lost(sent);
        }
        self.on_the_way = 0;
    }

    /// The last segment, to be sent once more as a probe.
    pub fn last_sent(&mut self) -> Option<Sent> {
        if let Some(sent) = self.board.pop_back() {
            self.on_the_way -= sent.length();
            return Some(sent);
        }
        self.lost.pop_back()
    }

    /// When the next acknowledgement is seen.
    pub fn next_seen(&self) -> u64 {
        let seen = self.board.iter().map(|sent| sent.seen);
        seen.min().unwrap_or(NEVER)
    }

    /// When something was last sent.
    pub fn last_sent_at(&self) -> u64 {
        let all = self.board.iter().chain(&self.lost);
        all.map(|sent| sent.sent_at).max().unwrap_or(0)
    }

    /// Acknowledgements that come after `now` are lost.
    pub fn lose_after(&mut self, now: u64) {
        for sent in self.board.iter_mut().filter(|sent| sent.seen > now) {
            sent.seen = NEVER;
        }
    }

    /// Those that are under way come at another instant.
    pub fn shift(&mut self, moved: impl Fn(&Sent) -> u64) {
        for sent in &mut self.board {
            if sent.seen != NEVER {
                sent.seen = moved(sent);
            }
        }
    }
}
