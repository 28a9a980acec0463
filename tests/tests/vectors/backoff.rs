//! Pauses against the simulator of the AWS architecture blog ("Exponential Backoff And Jitter").
//!
//! N clients update one row once each: read, reply, write with the version that was read, reply. On a
//! conflict a client waits one hop and its pause and reads again. A hop takes |Normal(10, 2)| ms.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use windtunnel_models::retry::{Backoff, Jitter, Pauses};

use crate::row::Vector;

const REPEATS: u32 = 100;

/// What arrives somewhere, with the version it carries.
enum Message {
    Read,
    Seen(u64),
    Write(u64),
    Written(bool),
}

struct Race {
    /// By instant in nanoseconds, then in the order of sending.
    events: BTreeMap<(u64, u64), (usize, Message)>,
    sent: u64,
    version: u64,
    writes: u64,
    pauses: Vec<Option<Pauses>>,
    rng: ChaCha8Rng,
}

/// Writes that reached the server, and milliseconds until the last event.
fn race(clients: usize, backoff: Option<Backoff>, seed: u64) -> (f64, f64) {
    let mut race = Race {
        events: BTreeMap::new(),
        sent: 0,
        version: 0,
        writes: 0,
        pauses: vec![backoff.map(Backoff::pauses); clients],
        rng: ChaCha8Rng::seed_from_u64(seed),
    };
    (0..clients).for_each(|client| race.send(0, client, Message::Read));
    let mut now = 0;
    while let Some(((at, _), (client, message))) = race.events.pop_first() {
        now = at;
        race.arrived(now, client, message);
    }
    (race.writes as f64, now as f64 / 1e6)
}

impl Race {
    fn send(&mut self, from: u64, client: usize, message: Message) {
        let at = from + self.hop();
        self.sent += 1;
        self.events.insert((at, self.sent), (client, message));
    }

    fn arrived(&mut self, now: u64, client: usize, message: Message) {
        match message {
            Message::Read => self.send(now, client, Message::Seen(self.version)),
            Message::Seen(version) => self.send(now, client, Message::Write(version)),
            Message::Write(version) => {
                self.writes += 1;
                let done = version == self.version;
                self.version += u64::from(done);
                self.send(now, client, Message::Written(done));
            }
            Message::Written(true) => {}
            Message::Written(false) => {
                let pauses = self.pauses[client].as_mut();
                let pause = pauses.map_or(Duration::ZERO, |p| p.next(&mut self.rng));
                self.send(now + pause.as_nanos() as u64, client, Message::Read);
            }
        }
    }

    /// |Normal(10, 2)| ms in nanoseconds, by Box and Muller.
    fn hop(&mut self) -> u64 {
        let mut uniform = || (self.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let (radius, angle) = ((-2.0 * (1.0 - uniform()).ln()).sqrt(), TAU * uniform());
        ((10.0 + 2.0 * radius * angle.cos()).abs() * 1e6) as u64
    }
}

fn compare(clients: usize, jitter: Option<Jitter>, calls: f64, ms: f64) {
    let v = Vector::new("V-24", "AWS back-off simulator");
    let backoff = jitter.map(|jitter| Backoff {
        base: Duration::from_millis(5),
        cap: Duration::from_secs(2),
        jitter,
    });
    let mut sum = (0.0, 0.0);
    for seed in 0..REPEATS {
        let (calls, ms) = race(clients, backoff, u64::from(seed));
        sum = (sum.0 + calls, sum.1 + ms);
    }
    let repeats = f64::from(REPEATS);
    let what = format!("{clients} clients, jitter {jitter:?}");
    v.within(&format!("{what}: calls"), calls, sum.0 / repeats, 0.03);
    v.within(&format!("{what}: ms"), ms, sum.1 / repeats, 0.10);
}

#[test]
fn v24_without_a_pause() {
    compare(10, None, 51.0, 382.0);
    compare(100, None, 2426.0, 2031.0);
}

#[test]
fn v24_exponential_without_jitter() {
    compare(10, Some(Jitter::None), 51.0, 3495.0);
    compare(100, Some(Jitter::None), 1860.0, 63_392.0);
}

#[test]
fn v24_equal_jitter() {
    compare(10, Some(Jitter::Equal), 43.0, 709.0);
    compare(100, Some(Jitter::Equal), 812.0, 6672.0);
}

#[test]
fn v24_full_jitter() {
    compare(10, Some(Jitter::Full), 39.0, 455.0);
    compare(100, Some(Jitter::Full), 797.0, 4854.0);
}

#[test]
fn v24_decorrelated_jitter() {
    compare(10, Some(Jitter::Decorrelated), 38.0, 436.0);
    compare(100, Some(Jitter::Decorrelated), 999.0, 4596.0);
}
