//! Load: clients that ask for something again and again.
//!
//! An open loop sends at its own pace, whatever the answers do, and counts each operation from the
//! instant at which it was due: a stall is felt by everybody who would have come during it
//! (coordinated omission, G. Tene). A closed loop waits for each answer and a think time.

use crate::client::Client;
use std::{future::Future, pin::Pin, rc::Rc};
use windtunnel_record::{Distribution, Rate, Span, Stream, Zipf};

/// How many per second.
pub fn rate(per_second: u32) -> Rate {
    Rate::per_second(f64::from(per_second))
}

/// Requests arrive at this rate with exponential gaps, for as long as the load lasts.
pub fn open_loop(rate: Rate) -> Load {
    Load {
        model: Model::Open {
            stages: vec![Stage {
                lasts: Span::MAX,
                rate,
            }],
        },
        ..Load::default()
    }
}

/// So many clients ask one after the other, with a pause after each answer.
pub fn closed_loop(clients: u32, think: Distribution) -> Load {
    Load {
        model: Model::Closed { clients, think },
        ..Load::default()
    }
}

/// A stretch of an open loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// How long it lasts.
    pub lasts: Span,
    /// Its rate.
    pub rate: Rate,
}

#[derive(Clone, Debug)]
pub(crate) enum Model {
    Open { stages: Vec<Stage> },
    Closed { clients: u32, think: Distribution },
}

#[derive(Clone, Debug)]
pub(crate) enum Keys {
    Uniform(u64),
    Zipf(Rc<Zipf>),
}

/// A load and what it asks for.
#[derive(Clone, Debug)]
#[must_use = "a load is made only when it is given to the tunnel"]
pub struct Load {
    pub(crate) name: String,
    pub(crate) zone: String,
    pub(crate) model: Model,
    pub(crate) keys: Keys,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            name: "load".into(),
            zone: "a".into(),
            model: Model::Open { stages: Vec::new() },
            keys: Keys::Uniform(1000),
        }
    }
}

impl Load {
    /// Gives it a name; its random streams and its host are named after it.
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Its clients stand in this zone; `"a"` by default.
    pub fn zone(mut self, zone: &str) -> Self {
        self.zone = zone.into();
        self
    }

    /// Goes through these stages instead of one rate; nothing is sent after the last.
    pub fn stages(mut self, stages: Vec<Stage>) -> Self {
        self.model = Model::Open { stages };
        self
    }

    /// Asks for keys 0 to `n` − 1 alike; 1000 by default.
    pub fn uniform_keys(mut self, n: u64) -> Self {
        self.keys = Keys::Uniform(n);
        self
    }

    /// Asks for keys 0 to `n` − 1 by Zipf's law with exponent `s`.
    ///
    /// # Panics
    /// If `n` is zero or `s` is negative or not finite.
    pub fn zipf_keys(mut self, n: usize, s: f64) -> Self {
        self.keys = Keys::Zipf(Rc::new(Zipf::new(n, s)));
        self
    }
}

impl Keys {
    fn draw(&self, stream: &mut Stream) -> u64 {
        match self {
            Self::Uniform(n) => stream.below(*n),
            Self::Zipf(zipf) => zipf.sample(stream) as u64,
        }
    }
}

/// What a client does.
pub(crate) type Action = Rc<dyn Fn(Client, u64) -> Pin<Box<dyn Future<Output = ()>>>>;

/// Carries a load out until `end`, in nanoseconds of the run.
pub(crate) async fn generate(load: Load, seed: windtunnel_record::Seed, end: u64, action: Action) {
    match load.model.clone() {
        Model::Open { stages } => open(&load, &stages, seed, end, &action).await,
        Model::Closed { clients, think } => closed(&load, clients, think, seed, end, &action).await,
    }
}

async fn open(
    load: &Load,
    stages: &[Stage],
    seed: windtunnel_record::Seed,
    end: u64,
    action: &Action,
) {
    let mut gaps = seed.stream(&format!("load/{}/gaps", load.name));
    let mut keys = seed.stream(&format!("load/{}/keys", load.name));
    let (mut begin, mut number) = (0u64, 0u64);
    for stage in stages {
        let over = begin.saturating_add(stage.lasts.as_nanos()).min(end);
        let per_second = stage.rate.as_per_second();
        if per_second <= 0.0 {
            begin = over;
            continue;
        }
        let mean = Span::from_secs_f64(1.0 / per_second);
        let mut due = begin;
        loop {
            let gap = Distribution::Exponential { mean }.sample(&mut gaps);
            due = due.saturating_add(gap.as_nanos());
            if due >= over {
                break;
            }
            crate::simulation::until(due).await;
            let client = Client::new(seed, &load.name, number);
            let key = load.keys.draw(&mut keys);
            tokio::task::spawn_local(action(client, key));
            number += 1;
        }
        begin = over;
    }
    // The process stays: clients still wait for answers.
    std::future::pending::<()>().await;
}

async fn closed(
    load: &Load,
    clients: u32,
    think: Distribution,
    seed: windtunnel_record::Seed,
    end: u64,
    action: &Action,
) {
    for number in 0..clients {
        let (load, action) = (load.clone(), action.clone());
        tokio::task::spawn_local(async move {
            let mut stream = seed.stream(&format!("load/{}/{number}", load.name));
            let pause = think.sample(&mut stream);
            crate::simulation::until(pause.as_nanos()).await;
            let mut asked = u64::from(number);
            while crate::simulation::now() < end {
                let client = Client::new(seed, &load.name, asked);
                asked += u64::from(clients);
                action(client, load.keys.draw(&mut stream)).await;
                let pause = think.sample(&mut stream).as_nanos();
                crate::simulation::until(crate::simulation::now() + pause).await;
            }
        });
    }
    std::future::pending::<()>().await;
}
