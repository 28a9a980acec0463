//! Slow start: a young connection's window doubles with each round trip.

use super::law::{Bar, Case, Figure, Law, Line, Outcome, Plot, Size};
use super::observation::{Notes, observe};
use super::theory;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use windtunnel::{Network, Tunnel};
use windtunnel_record::{Bandwidth, Distribution, Impairments, Span};

/// What a packet carries.
const PACKET: u64 = 1_448;

/// The way from one host to the other.
const WAY: Span = Span::from_millis(50);

/// How long a transfer of so many packets takes.
pub fn slow_start() -> Law {
    let case = Case {
        name: "round trip 100 ms".into(),
        check: Size::ONCE,
        full: Size::ONCE,
        measure: Box::new(|_| measure()),
    };
    Law {
        id: "slow-start",
        title: "A young connection: slow start",
        about: "A sender begins with ten packets and doubles them with each round trip (RFC 5681, RFC \
                6928), as long as nothing is lost, the link carries more and the reader has room. So \
                10·(2^k − 1) packets take k − 1 round trips and the way there.",
        plot: Some(Plot {
            title: "From the first write to the last byte, round trip 100 ms",
            x: "packets of 1 448 bytes",
            y: "ms",
            log: false,
        }),
        cases: vec![case],
    }
}

/// When the first byte was written, and when the last one was read.
type Times = [Option<Instant>; 2];

fn measure() -> Outcome {
    let sizes = [1, 10, 11, 30, 31, 70, 71, 150, 151];
    let mut figures = Vec::new();
    let (mut measured, mut expected) = (Vec::new(), Vec::new());
    for packets in sizes {
        let rounds = theory::slow_start_rounds(packets) - 1;
        let theory = WAY.as_secs_f64() * 1e3 * f64::from(1 + 2 * rounds);
        let took = transfer(packets);
        figures.push(Figure::bounded(
            format!("{packets} packets, ms"),
            theory,
            took,
            Bar::Within(0.02),
        ));
        measured.push((packets as f64, took));
        expected.push((packets as f64, theory));
    }
    let line = |name: &str, points| Line {
        name: name.into(),
        points,
    };
    Outcome {
        figures,
        lines: vec![line("theory", expected), line("measured", measured)],
    }
}

/// The milliseconds from the first write to the last byte.
fn transfer(packets: u64) -> f64 {
    let times: Times = observe("slow-start", 0, move |tunnel, times| {
        describe(tunnel, packets * PACKET, &times);
    });
    let [Some(sent), Some(there)] = times else {
        panic!("the transfer did not end");
    };
    (there - sent).as_secs_f64() * 1e3
}

fn describe(tunnel: &mut Tunnel, bytes: u64, times: &Notes<Times>) {
    let fast = Bandwidth::from_mbit(10_000);
    tunnel
        .network(Network {
            same_zone: Some(Distribution::Fixed(WAY)),
            impairments: Impairments {
                bandwidth: Some(fast),
                ..Impairments::default()
            },
            ..Network::default()
        })
        .load_for(Span::from_secs(10))
        .settle_for(Span::ZERO);
    let kept = times.clone();
    let sender = tunnel.host("sender").cpu(Span::ZERO, Span::ZERO);
    sender.run(move || {
        let kept = kept.clone();
        async move {
            let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
            let (mut stream, _) = listener.accept().await.expect("somebody comes");
            kept.lock().expect("nobody panics")[0] = Some(Instant::now());
            let all = vec![0; bytes as usize];
            stream.write_all(&all).await.expect("it is read");
            stream.read_u8().await.ok();
        }
    });
    let kept = times.clone();
    let reader = tunnel.host("reader").cpu(Span::ZERO, Span::ZERO);
    reader.run(move || {
        let kept = kept.clone();
        async move {
            let mut stream = TcpStream::connect("sender:80").await.expect("it listens");
            let mut all = vec![0; bytes as usize];
            stream.read_exact(&mut all).await.expect("it is sent");
            kept.lock().expect("nobody panics")[1] = Some(Instant::now());
        }
    });
}
