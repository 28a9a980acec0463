//! A small service in virtual time: clients that repeat what they do not get in time, and a server whose
//! queue is a compartment of a bulkhead.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;
use tokio::time::Instant;
use windtunnel_models::overload::Outcome;
use windtunnel_models::overload::bulkhead::{Answer, Compartment, Machine, Ticket};

/// Microseconds since the beginning.
type Time = u64;

/// So long a client waits for an answer before it asks again, at most so often.
const PATIENCE: Time = 200_000;
const ATTEMPTS: u32 = 4;
/// A repetition comes after a pause of up to this.
const PAUSE: u64 = 50_000;
/// One call takes so long, or while the trouble lasts so long.
const SERVICE: Time = 10_000;
const TROUBLED: Time = 60_000;
/// New calls come so far apart on average: 300 a second, of 400 that four slots can do.
const APART: u64 = 3_333;

/// The course of a run.
#[derive(Clone, Copy)]
pub struct Course {
    /// What the server has of slots and queue.
    pub compartment: Compartment,
    /// Whether it knows how long its callers wait.
    pub knows_deadlines: bool,
    /// When calls become slow, and when they are quick again, in seconds.
    pub trouble: (u64, u64),
    /// How long it goes on, in seconds.
    pub lasts: u64,
}

/// How many calls were begun and answered in time in each tenth of a second.
pub struct Goodput {
    /// New calls by when they came.
    pub begun: Vec<u32>,
    /// Calls answered in time, by when.
    pub done: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A new call comes.
    Arrives,
    /// A client asks for the first time or again.
    Asks { call: usize },
    /// A client has waited long enough.
    GivesUp { call: usize, attempt: u32 },
    /// The server has done its work for an attempt.
    Done { call: usize, attempt: u32 },
}

/// What a client knows of its call.
#[derive(Clone, Copy)]
struct Client {
    attempt: u32,
    waits: bool,
}

struct World {
    course: Course,
    began: Instant,
    now: Time,
    rng: ChaCha8Rng,
    events: BinaryHeap<Reverse<(Time, u64, Event)>>,
    numbers: u64,
    clients: Vec<Client>,
    server: Machine,
    queue: BTreeMap<Ticket, (usize, u32)>,
    goodput: Goodput,
}

/// What becomes of the calls.
pub fn run(course: Course, seed: u64) -> Goodput {
    let tenths = course.lasts as usize * 10 + 1;
    let mut world = World {
        course,
        began: Instant::now(),
        now: 0,
        rng: ChaCha8Rng::seed_from_u64(seed),
        events: BinaryHeap::new(),
        numbers: 0,
        clients: Vec::new(),
        server: Machine::new(course.compartment).expect("it can be meant"),
        queue: BTreeMap::new(),
        goodput: Goodput {
            begun: vec![0; tenths],
            done: vec![0; tenths],
        },
    };
    world.at(0, Event::Arrives);
    while let Some(Reverse((at, _, event))) = world.events.pop() {
        if at >= course.lasts * 1_000_000 {
            break;
        }
        world.now = at;
        world.happens(event);
        world.follow();
    }
    assert!(world.server.tally().is_balanced());
    world.goodput
}

impl World {
    fn at(&mut self, time: Time, event: Event) {
        self.numbers += 1;
        self.events.push(Reverse((time, self.numbers, event)));
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.rng.next_u64() % below
    }

    fn instant(&self, time: Time) -> Instant {
        self.began + Duration::from_micros(time)
    }

    fn tenth(&self) -> usize {
        (self.now / 100_000) as usize
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrives => {
                let next = self.now + self.draw(2 * APART);
                self.at(next, Event::Arrives);
                let tenth = self.tenth();
                self.goodput.begun[tenth] += 1;
                self.clients.push(Client {
                    attempt: 0,
                    waits: false,
                });
                self.ask(self.clients.len() - 1);
            }
            Event::Asks { call } => self.ask(call),
            Event::GivesUp { call, attempt } => {
                let client = self.clients[call];
                if client.waits && client.attempt == attempt {
                    self.failed(call);
                }
            }
            Event::Done { call, attempt } => {
                let client = &mut self.clients[call];
                // Nobody is left to read the answer to an attempt that was given up.
                if client.waits && client.attempt == attempt {
                    client.waits = false;
                    let tenth = self.tenth();
                    self.goodput.done[tenth] += 1;
                }
                let now = self.instant(self.now);
                self.server.end(Some(Outcome::Success), now);
            }
        }
    }

    fn ask(&mut self, call: usize) {
        let client = &mut self.clients[call];
        client.attempt += 1;
        client.waits = true;
        let attempt = client.attempt;
        let end = self.now + PATIENCE;
        self.at(end, Event::GivesUp { call, attempt });
        let deadline = self.course.knows_deadlines.then(|| self.instant(end));
        let now = self.instant(self.now);
        match self.server.ask(deadline, now) {
            Ok(Answer::Admitted) => self.begin(call, attempt),
            Ok(Answer::Waits { ticket, .. }) => drop(self.queue.insert(ticket, (call, attempt))),
            Err(_) => self.failed(call),
        }
    }

    /// The server begins to work, for whomever.
    fn begin(&mut self, call: usize, attempt: u32) {
        let (from, to) = self.course.trouble;
        let second = self.now / 1_000_000;
        let takes = if (from..to).contains(&second) {
            TROUBLED
        } else {
            SERVICE
        };
        self.at(self.now + takes, Event::Done { call, attempt });
    }

    fn failed(&mut self, call: usize) {
        self.clients[call].waits = false;
        if self.clients[call].attempt < ATTEMPTS {
            let pause = self.draw(PAUSE);
            self.at(self.now + pause, Event::Asks { call });
        }
    }

    fn follow(&mut self) {
        for made in self.server.take_decisions() {
            let Some((call, attempt)) = self.queue.remove(&made.ticket) else {
                continue;
            };
            match made.verdict {
                Ok(_) => self.begin(call, attempt),
                // A client that has given up already is told for nothing.
                Err(_) if self.clients[call].waits && self.clients[call].attempt == attempt => {
                    self.failed(call);
                }
                Err(_) => {}
            }
        }
    }
}
