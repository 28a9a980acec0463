//! How much a sender dares to have on its way: slow start from ten segments (RFC 6928), then CUBIC
//! (RFC 9438), which is Linux's default.
//!
//! Windows count bytes. Not modelled: leaving slow start before the first loss (HyStart), and pacing.

use super::transmission::PACKET;

const SEGMENT: f64 = PACKET as f64;
/// How many segments a connection begins with.
const INITIAL: f64 = 10.0 * SEGMENT;
/// What is left of a window after a loss.
const BETA: f64 = 0.7;
/// How fast the cubic curve grows, in segments for each second cubed.
const SCALE: f64 = 0.4;
/// How fast a window grows that is to be fair to Reno, in segments for each round trip.
const FRIENDLY: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

/// The state of CUBIC.
#[derive(Debug)]
pub(super) struct Congestion {
    window: f64,
    /// Below it the window doubles each round trip.
    threshold: f64,
    /// The window before the last loss.
    summit: f64,
    curve: Option<Curve>,
}

/// A stretch of growth between two losses.
#[derive(Debug)]
struct Curve {
    began: u64,
    /// How many seconds after its begin it is at the summit again.
    to_summit: f64,
    /// The window that Reno would have.
    reno: f64,
}

impl Congestion {
    /// The state of a sender that has had `proven` bytes on their way without loss.
    pub fn new(proven: u64) -> Self {
        Self {
            window: INITIAL.max(proven as f64),
            threshold: f64::INFINITY,
            summit: 0.0,
            curve: None,
        }
    }

    /// How many bytes may be on their way.
    pub const fn window(&self) -> u64 {
        self.window as u64
    }

    /// Whether the window doubles each round trip.
    pub fn in_slow_start(&self) -> bool {
        self.window < self.threshold
    }

    /// `bytes` were acknowledged at `now`; a round trip takes `round_trip` nanoseconds.
    pub fn acknowledged(&mut self, bytes: u64, now: u64, round_trip: u64) {
        let mut bytes = bytes as f64;
        if self.in_slow_start() {
            let grown = (self.window + bytes).min(self.threshold);
            bytes -= grown - self.window;
            self.window = grown;
        }
        if bytes > 0.0 {
            self.climb(bytes, now, round_trip);
        }
    }

    fn climb(&mut self, bytes: f64, now: u64, round_trip: u64) {
        let (window, summit) = (self.window, self.summit.max(self.window));
        let curve = self.curve.get_or_insert_with(|| Curve {
            began: now,
            to_summit: cube_root((summit - window) / SEGMENT / SCALE),
            reno: window,
        });
        if self.summit < self.window && curve.began == now {
            self.summit = self.window;
        }
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let beyond = seconds(now.saturating_sub(curve.began) + round_trip) - curve.to_summit;
        let cubic = self.summit + SCALE * beyond * beyond * beyond * SEGMENT;
        let target = cubic.clamp(window, 1.5 * window);
        curve.reno += FRIENDLY * SEGMENT * bytes / window;
        self.window = (window + (target - window) * bytes / window).max(curve.reno);
    }

    /// A loss was seen: one for each window of data counts.
    pub fn lost(&mut self) {
        self.curve = None;
        self.summit = if self.window < self.summit {
            // It gives way to newcomers.
            self.window * (1.0 + BETA) / 2.0
        } else {
            self.window
        };
        self.threshold = (self.window * BETA).max(2.0 * SEGMENT);
        self.window = self.threshold;
    }

    /// Nothing was heard for a whole time-out: it begins again with one segment.
    pub fn timed_out(&mut self) {
        self.lost();
        self.collapse();
    }

    /// It begins again with one segment, up to the threshold that it has.
    pub fn collapse(&mut self) {
        self.curve = None;
        self.window = SEGMENT;
    }
}

/// The cube root, the same on every machine: Newton's steps need only the four operations, which are
/// exact everywhere.
fn cube_root(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let mut root = value.max(1.0);
    for _ in 0..200 {
        let next = (2.0 * root + value / (root * root)) / 3.0;
        if next >= root {
            break;
        }
        root = next;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: u64 = 100_000_000;

    /// A window of acknowledgements, one round trip later.
    fn round(state: &mut Congestion, number: u64) {
        let segments = state.window() / PACKET;
        for _ in 0..segments {
            state.acknowledged(PACKET, number * ROUND_TRIP, ROUND_TRIP);
        }
    }

    #[test]
    fn it_begins_with_ten_segments_and_doubles_each_round_trip() {
        let mut state = Congestion::new(0);
        let mut windows = Vec::new();
        for number in 1..=4 {
            windows.push(state.window() / PACKET);
            round(&mut state, number);
        }
        assert_eq!(windows, [10, 20, 40, 80]);
    }

    #[test]
    fn after_a_loss_seven_tenths_are_left_and_the_summit_is_reached_again_on_the_curve() {
        let mut state = Congestion::new(100 * PACKET);
        state.lost();
        assert_eq!(state.window() / PACKET, 70);
        assert!(!state.in_slow_start());
        // The cube root of (30 / 0.4) is 4.2: so many seconds later it is where it was.
        let mut at_summit = 0;
        while state.window() < 99 * PACKET {
            at_summit += 1;
            round(&mut state, at_summit);
        }
        assert!((30..=43).contains(&at_summit), "{at_summit} round trips");
    }

    #[test]
    fn with_short_round_trips_it_is_as_fair_as_reno() {
        let mut state = Congestion::new(20 * PACKET);
        state.lost();
        let before = state.window();
        for number in 1..=20 {
            for _ in 0..state.window() / PACKET {
                state.acknowledged(PACKET, number * 1_000_000, 1_000_000);
            }
        }
        let grown = (state.window() - before) as f64 / SEGMENT;
        assert!((9.0..=12.0).contains(&grown), "{grown} segments");
    }

    #[test]
    fn a_time_out_leaves_one_segment() {
        let mut state = Congestion::new(100 * PACKET);
        state.timed_out();
        assert_eq!(state.window(), PACKET);
        assert!(state.in_slow_start(), "up to the new threshold");
    }

    #[test]
    fn cube_roots_are_right() {
        for (value, root) in [
            (0.0, 0.0),
            (1.0, 1.0),
            (27.0, 3.0),
            (0.125, 0.5),
            (1e9, 1e3),
        ] {
            let found = cube_root(value);
            assert!(
                (found - root).abs() < 1e-9 * root.max(1.0),
                "{value}: {found}"
            );
        }
    }
}
