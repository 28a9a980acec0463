//! The tail at scale: a read of many parts is as slow as its slowest part, and a second question to
//! another replica cuts that.

use super::{
    law::{Ask, Bar, Case, Figure, Law, Line, Outcome, Plot, Size},
    observation::{Notes, observe},
    statistics::{Interval, replicate},
    theory,
};
use futures_util::future::join_all;
use hdrhistogram::Histogram;
use std::{sync::Arc, time::Duration};
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout_at},
};
use windtunnel::{Network, Tunnel, pause_for};
use windtunnel_record::{Distribution, Span, Stream};

/// How many servers a read asks. Each part is on two neighbours.
const SERVERS: u32 = 100;

/// An answer usually takes this long.
const USUAL: Distribution = Distribution::Lognormal {
    p50: Span::from_millis(2),
    p99: SLOW,
};

/// Its 99th percentile.
const SLOW: Span = Span::from_millis(8);

/// One in so many answers meets a stall.
const RARE: f64 = 1e-4;

/// A stall of this mean.
const STALL: Span = Span::from_secs(1);

/// When the second question is asked.
const PATIENCE: Duration = Duration::from_millis(10);

/// What reads came to.
#[derive(Clone, Default)]
struct Reads {
    taken: Vec<u64>,
    /// How many had a part that took its server longer than [`SLOW`].
    with_a_slow_part: u64,
    questions: u64,
}

/// With and without a second question.
pub fn hedging() -> Law {
    let case = Case {
        name: "100 servers, second question after 10 ms".into(),
        check: size(4, 2_500),
        full: size(20, 10_000),
        measure: Box::new(measure),
    };
    Law {
        id: "hedging",
        title: "Many parts: the tail at scale",
        about: "A read asks 100 servers and is as slow as the slowest (J. Dean and L. A. Barroso, *The \
                Tail at Scale*, 2013). The chance that some server is beyond its own p99 is \
                1 − 0.99¹⁰⁰, and a little more with the rare stalls. A part that is not there after \
                10 ms is asked of its other replica too, and whoever answers first counts: the paper's \
                p99.9 fell from 1 800 to 74 ms for 2 % more questions. Here one answer in 10 000 \
                stalls for a second on average; the bar is the shape, a tenth of the p99.9 for at \
                most 3 % more.",
        plot: Some(Plot {
            title: "How slow reads of 100 parts are",
            x: "percentile",
            y: "ms",
            log: true,
        }),
        cases: vec![case],
    }
}

const fn size(replications: u64, each: u64) -> Size {
    Size {
        replications,
        each,
        half: 0.03,
    }
}

fn measure(ask: &Ask<'_>) -> Outcome {
    let both = replicate(ask.seeds.clone(), ask.say, |seed| {
        [false, true].map(|hedged| simulate(hedged, seed, ask.each))
    });
    let shares = both.iter().map(|[plain, _]| plain.with_a_slow_part as f64);
    let shares: Vec<_> = shares.map(|count| count / ask.each as f64).collect();
    let stalls = RARE * (-SLOW.as_secs_f64() / STALL.as_secs_f64()).exp();
    let slow = 0.01 * (1.0 - RARE) + stalls;
    let both_taken = [0, 1].map(|which| taken(both.iter().map(|pair| &pair[which])));
    let [plain, hedged] = both_taken.each_ref().map(|taken| quantile(taken, 0.999));
    let names = ["one question", "a second after 10 ms"];
    let lines = names.iter().zip(&both_taken);
    let lines = lines.map(|(name, taken)| line(name, taken)).collect();
    let [once, more] = [0, 1].map(|which| {
        let counts = both.iter().map(|pair| pair[which].questions);
        counts.sum::<u64>() as f64
    });
    Outcome {
        figures: vec![
            Figure::estimated(
                "share of reads with a part beyond the p99",
                theory::any_of(SERVERS, slow),
                Interval::over(&shares),
            ),
            Figure::bounded(
                format!("p99.9 of {plain:.0} ms is cut by the factor"),
                10.0,
                plain / hedged,
                Bar::AtLeast,
            ),
            Figure::bounded(
                "more questions, %",
                3.0,
                (more / once - 1.0) * 100.0,
                Bar::AtMost,
            ),
        ],
        lines,
    }
}

/// How long reads took, over all replications.
fn taken<'a>(reads: impl Iterator<Item = &'a Reads>) -> Histogram<u64> {
    let mut all = Histogram::new(3).expect("three digits are allowed");
    for nanos in reads.flat_map(|reads| &reads.taken) {
        all.record(*nanos).expect("it grows");
    }
    all
}

/// In milliseconds.
fn quantile(taken: &Histogram<u64>, quantile: f64) -> f64 {
    taken.value_at_quantile(quantile) as f64 / 1e6
}

fn line(name: &str, taken: &Histogram<u64>) -> Line {
    let percents = (0..1_000).map(|tenths| f64::from(tenths) / 10.0);
    let points = percents.map(|percent| (percent, quantile(taken, percent / 100.0)));
    Line {
        name: name.into(),
        points: points.collect(),
    }
}

fn simulate(hedged: bool, seed: u64, count: u64) -> Reads {
    let reads: Reads = observe("hedging", seed, move |tunnel, reads| {
        describe(tunnel, hedged, count, &reads);
    });
    assert_eq!(reads.taken.len() as u64, count, "all reads end in time");
    reads
}

fn describe(tunnel: &mut Tunnel, hedged: bool, count: u64, reads: &Notes<Reads>) {
    tunnel
        .network(Network {
            same_zone: Some(Distribution::Fixed(Span::from_micros(100))),
            ..Network::default()
        })
        .load_for(Span::from_millis(200).saturating_mul(count))
        .settle_for(Span::ZERO)
        .sample_every(Span::ZERO);
    let seed = tunnel.seed();
    for number in 0..SERVERS {
        let chance = move || seed.stream(&format!("hedging/server/{number}"));
        let host = tunnel.host(&format!("server-{number}"));
        host.cpu(Span::ZERO, Span::ZERO)
            .run(move || serve(chance()));
    }
    let kept = reads.clone();
    let root = tunnel.host("root").cpu(Span::ZERO, Span::ZERO);
    root.run(move || read(hedged, count, kept.clone()));
}

/// Answers each question, after its time, with its number and whether that was long.
async fn serve(mut chance: Stream) {
    let socket = Arc::new(UdpSocket::bind("0.0.0.0:53").await.expect("free"));
    loop {
        let mut answer = [0; 9];
        let (_, from) = socket.recv_from(&mut answer).await.expect("no error");
        let takes = if chance.chance(RARE) {
            Distribution::Exponential { mean: STALL }.sample(&mut chance)
        } else {
            USUAL.sample(&mut chance)
        };
        answer[8] = u8::from(takes > SLOW);
        let socket = socket.clone();
        tokio::task::spawn_local(async move {
            pause_for(takes.into()).await;
            socket.send_to(&answer, from).await.expect("taken");
        });
    }
}

async fn read(hedged: bool, count: u64, reads: Notes<Reads>) {
    let mut parts = Vec::new();
    for number in 0..SERVERS {
        parts.push(Part {
            socket: UdpSocket::bind("0.0.0.0:0").await.expect("free"),
            replicas: [number, (number + 1) % SERVERS].map(|n| format!("server-{n}:53")),
        });
    }
    for number in 0..count {
        let start = Instant::now();
        let answers = join_all(parts.iter().map(|part| part.ask(number, hedged))).await;
        let taken = start.elapsed().as_nanos() as u64;
        let mut reads = reads.lock().expect("nobody panics");
        reads.taken.push(taken);
        reads.with_a_slow_part += u64::from(answers.iter().any(|answer| answer.was_slow));
        reads.questions += answers.iter().map(|answer| answer.questions).sum::<u64>();
    }
}

/// A part of what is read.
struct Part {
    socket: UdpSocket,
    replicas: [String; 2],
}

struct Answer {
    was_slow: bool,
    questions: u64,
}

impl Part {
    async fn ask(&self, number: u64, hedged: bool) -> Answer {
        self.question(number, 0).await;
        let patience = Instant::now() + PATIENCE;
        if !hedged {
            let was_slow = self.answer(number).await;
            return Answer {
                was_slow,
                questions: 1,
            };
        }
        if let Ok(was_slow) = timeout_at(patience, self.answer(number)).await {
            return Answer {
                was_slow,
                questions: 1,
            };
        }
        self.question(number, 1).await;
        Answer {
            was_slow: self.answer(number).await,
            questions: 2,
        }
    }

    async fn question(&self, number: u64, replica: usize) {
        let (question, replica) = (number.to_le_bytes(), &*self.replicas[replica]);
        let sent = self.socket.send_to(&question, replica);
        sent.await.expect("taken");
    }

    /// The first answer to this question; those to earlier ones came too late.
    async fn answer(&self, number: u64) -> bool {
        let mut answer = [0; 9];
        loop {
            self.socket.recv_from(&mut answer).await.expect("no error");
            if answer[..8] == number.to_le_bytes() {
                return answer[8] == 1;
            }
        }
    }
}
