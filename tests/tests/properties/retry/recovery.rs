//! After the faults stop, retries do, too: a server that stood still and comes back is not kept busy by
//! those who had waited in vain. Without a budget it is, for ever.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use tokio::time::Instant;
use windtunnel_models::retry::{
    Backoff, Budget, Capacity, ConcurrencyBudget, Costs, Course, Grant, GrpcTokens, Kind, Policy,
    Reason, TokenBudget, Unlimited, Wish,
};

/// The server takes so many milliseconds for an attempt, whether somebody still waits for it or not.
const WORK: u64 = 10;

/// Calls come so many milliseconds apart on average: at 60 % of what the server can do.
const EVERY: u64 = 16;

/// Callers wait so long for an attempt.
const PATIENCE: u64 = 500;

/// The server stands still from here to there.
const STOP: std::ops::Range<u64> = 10_000..15_000;

/// By then it has to be over, and retries are looked at until the end.
const BOUND: u64 = 75_000;
const END: u64 = 90_000;

enum Event {
    Call,
    /// The call asks again.
    Again(usize),
    /// Its caller waits no longer for this attempt.
    Late(usize, u32),
    /// The server is done with the oldest attempt in its queue.
    Done,
}

struct Call<'a> {
    course: Course<'a>,
    attempt: u32,
    held: Grant,
    /// Held as long as the call goes on.
    _call: Grant,
}

/// A client, a server with one queue, and a clock that jumps from event to event.
struct World<'a> {
    budget: &'a dyn Budget,
    policy: &'a Policy,
    began: Instant,
    rng: ChaCha8Rng,
    events: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    calls: Vec<Option<Call<'a>>>,
    queue: VecDeque<(usize, u32)>,
    /// Further attempts that began after [`BOUND`].
    late_retries: u64,
}

impl World<'_> {
    fn at(&mut self, millis: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((millis, self.scheduled), event);
    }

    fn run(&mut self) {
        self.at(0, Event::Call);
        self.at(WORK, Event::Done);
        while let Some(((now, _), event)) = self.events.pop_first() {
            if now >= END {
                return;
            }
            match event {
                Event::Call => self.call(now),
                Event::Again(call) => {
                    self.late_retries += u64::from(now >= BOUND);
                    self.send(call, now);
                }
                Event::Late(call, attempt) => self.late(call, attempt, now),
                Event::Done => self.done(now),
            }
        }
    }

    fn call(&mut self, now: u64) {
        let instant = self.began + Duration::from_millis(now);
        self.calls.push(Some(Call {
            course: self.policy.course(None),
            attempt: 1,
            held: Grant::free(),
            _call: self.budget.call(instant),
        }));
        self.send(self.calls.len() - 1, now);
        let next = now + 1 + self.rng.next_u64() % (2 * EVERY - 1);
        self.at(next, Event::Call);
    }

    fn send(&mut self, number: usize, now: u64) {
        let attempt = self.calls[number].as_ref().expect("it goes on").attempt;
        self.queue.push_back((number, attempt));
        self.at(now + PATIENCE, Event::Late(number, attempt));
    }

    fn done(&mut self, now: u64) {
        let instant = self.began + Duration::from_millis(now);
        if !STOP.contains(&now)
            && let Some((number, attempt)) = self.queue.pop_front()
            && let Some(call) = self.calls[number].take_if(|call| call.attempt == attempt)
        {
            self.budget.succeeded(call.attempt == 1, instant);
        }
        self.at(now + WORK, Event::Done);
    }

    fn late(&mut self, number: usize, attempt: u32, now: u64) {
        let instant = self.began + Duration::from_millis(now);
        let Some(mut call) = self.calls[number].take_if(|call| call.attempt == attempt) else {
            return;
        };
        std::mem::take(&mut call.held).spend();
        self.budget.failed(instant);
        let reason = Reason {
            kind: Kind::Timeout,
            wish: Wish::None,
        };
        let Ok(pause) = call.course.after(reason, instant, &mut self.rng) else {
            return;
        };
        if let Some(held) = self.budget.retry(reason.kind, instant) {
            call.held = held;
            // Nobody waits any more for the one before, also during the pause.
            call.attempt += 1;
            self.calls[number] = Some(call);
            self.at(now + pause.as_millis() as u64, Event::Again(number));
        }
    }
}

fn late_retries(budget: &dyn Budget, seed: u64, began: Instant) -> u64 {
    let policy = Policy {
        attempts: 4,
        backoff: Backoff {
            base: Duration::from_millis(50),
            cap: Duration::from_secs(1),
            ..Backoff::default()
        },
        ..Policy::default()
    };
    let mut world = World {
        budget,
        policy: &policy,
        began,
        rng: ChaCha8Rng::seed_from_u64(seed),
        events: BTreeMap::new(),
        scheduled: 0,
        calls: Vec::new(),
        queue: VecDeque::new(),
        late_retries: 0,
    };
    world.run();
    world.late_retries
}

#[test]
fn retries_stop_after_the_recovery_with_every_budget_and_not_without() {
    for seed in 0..6 {
        let now = Instant::now();
        let tokens = TokenBudget::new(Duration::from_secs(10), 1, 0.2, now).expect("valid");
        let budgets: [Arc<dyn Budget>; 5] = [
            Arc::new(Mutex::new(tokens)),
            Arc::new(ConcurrencyBudget::default()),
            Arc::new(GrpcTokens::new(10, 0.1).expect("valid")),
            Arc::new(Capacity::new(500, Costs::V2_0).expect("valid")),
            Arc::new(Capacity::new(500, Costs::V2_1).expect("valid")),
        ];
        for budget in budgets {
            let late = late_retries(&*budget, seed, now);
            assert_eq!(late, 0, "seed {seed}: {budget:?}");
        }
        assert!(late_retries(&Unlimited, seed, now) > 1000, "seed {seed}");
    }
}
