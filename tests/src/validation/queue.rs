//! One station with Poisson arrivals: M/M/1, M/M/c, M/D/1, and shared by all.

use super::{
    observation::{Notes, observe},
    station::{Door, Job, station},
    tally::Tally,
};
use tokio::time::Instant;
use windtunnel::{Tunnel, pause_for};
use windtunnel_record::{Distribution, Scheduling, Span, Stream};

/// The mean service.
pub const SERVICE: Span = Span::from_millis(1);

/// How many arrivals are forgotten: dozens of times what these queues need to forget that they were
/// empty.
pub const WARM_UP: u64 = 20_000;

/// A queue: what is written before the second slash of Kendall's notation is Poisson.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// Names its random streams.
    pub name: &'static str,
    /// How many cores.
    pub servers: usize,
    /// How busy they are.
    pub load: f64,
    /// How jobs get them.
    pub scheduling: Scheduling,
    /// How long they work for a job; its mean is [`SERVICE`].
    pub service: Distribution,
}

impl Queue {
    /// M/M/c.
    pub const fn mmc(name: &'static str, servers: usize, load: f64) -> Self {
        Self {
            name,
            servers,
            load,
            scheduling: Scheduling::Fifo,
            service: Distribution::Exponential { mean: SERVICE },
        }
    }

    /// M/D/1.
    pub const fn md1(name: &'static str, load: f64) -> Self {
        Self {
            name,
            servers: 1,
            load,
            scheduling: Scheduling::Fifo,
            service: Distribution::Fixed(SERVICE),
        }
    }

    /// One server that all jobs share.
    pub const fn shared(name: &'static str, load: f64, service: Distribution) -> Self {
        Self {
            name,
            servers: 1,
            load,
            scheduling: Scheduling::ProcessorSharing,
            service,
        }
    }

    /// The mean time between arrivals.
    fn gap(&self) -> Span {
        SERVICE.mul_f64(1.0 / (self.load * self.servers as f64))
    }

    /// Simulates about `arrivals` jobs after the warm-up.
    ///
    /// # Panics
    /// If the run does not hold.
    pub fn simulate(self, seed: u64, arrivals: u64) -> Tally {
        observe(self.name, seed, move |tunnel, tally| {
            self.describe(tunnel, arrivals, tally);
        })
    }

    fn describe(self, tunnel: &mut Tunnel, arrivals: u64, tally: Notes<Tally>) {
        tally.lock().expect("the run has not begun").forget(WARM_UP);
        let lasts = self.gap().saturating_mul(WARM_UP + arrivals);
        tunnel
            .load_for(lasts)
            .settle_for(Span::ZERO)
            .sample_every(Span::ZERO);
        let room = self.servers * 2 + 1000;
        let door = station(
            tunnel,
            "station",
            (self.servers, self.scheduling),
            room,
            tally.clone(),
        );
        let seed = tunnel.seed();
        let stream = move |what: &str| seed.stream(&format!("{}/{what}", self.name));
        let host = tunnel.host("arrivals").cpu(Span::ZERO, Span::ZERO);
        host.run(move || {
            let (gaps, services) = (stream("gaps"), stream("services"));
            self.arrive(gaps, services, door.clone(), tally.clone())
        });
    }

    async fn arrive(self, mut gaps: Stream, mut services: Stream, door: Door, tally: Notes<Tally>) {
        let gap = Distribution::Exponential { mean: self.gap() };
        loop {
            pause_for(gap.sample(&mut gaps).into()).await;
            let arrived = Instant::now();
            tally.lock().expect("nobody panics").came(arrived);
            door.enter(Job {
                arrived,
                service: self.service.sample(&mut services).into(),
                ticket: None,
            });
        }
    }
}
