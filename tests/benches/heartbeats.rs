//! Ten hosts in a ring, each of which sends its neighbour one TCP segment a second: simulated time
//! against the machine's.

use std::{process::ExitCode, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, interval},
};
use windtunnel::prelude::*;
use windtunnel_record::{RunSpec, Seed, Span};
use windtunnel_tests::measure::{Contestant, medians, reaches};

const HOSTS: u32 = 10;
/// Simulated seconds of one round.
const SECONDS: u64 = 20_000;
const ROUNDS: usize = 7;

/// Listens to one neighbour and beats for the other.
async fn node(next: String, seconds: u64) {
    let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a neighbour");
        let mut beats = 0_u64;
        let mut room = [0; 64];
        while stream.read(&mut room).await.is_ok_and(|count| count > 0) {
            beats += 1;
        }
        beats
    });
    let mut stream = loop {
        match TcpStream::connect(&next).await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    let started = Instant::now();
    let mut second = interval(Duration::from_secs(1));
    while started.elapsed() < Duration::from_secs(seconds) {
        second.tick().await;
        stream.write_all(b"beat").await.expect("nothing is cut");
    }
    drop(stream);
    let beats = heard.await.expect("it does not panic");
    assert!(beats >= seconds, "{beats} heard");
}

fn ring(seconds: u64) {
    let spec = RunSpec::new("heartbeats", Seed(1));
    let run = windtunnel::execute(&spec, Default::default(), move |tunnel: &mut Tunnel| {
        tunnel.load_for(secs(seconds + 10)).settle_for(secs(0));
        for number in 0..HOSTS {
            let next = format!("node-{}:80", (number + 1) % HOSTS);
            let host = tunnel.host(&format!("node-{number}"));
            host.run(move || node(next.clone(), seconds));
        }
    });
    let run = run.expect("the run can be made");
    assert_eq!(run.verdict(), "held", "{:?}", run.rules);
    assert_eq!(run.simulated, Span::from_secs(seconds + 10));
}

fn main() -> ExitCode {
    windtunnel::process::without_address_randomisation();
    let is_smoke = !std::env::args().any(|argument| argument == "--bench");
    let (seconds, rounds) = if is_smoke { (20, 1) } else { (SECONDS, ROUNDS) };
    let mut contestants = [Contestant {
        name: "ring",
        work: Box::new(move || ring(seconds)),
    }];
    let times = medians(rounds, &mut contestants);
    let speed = (seconds + 10) as f64 / times[0].as_secs_f64();
    let met = reaches(
        "ten hosts, one segment a second, simulated / real time",
        speed,
        50_000.0,
    );
    ExitCode::from(u8::from(!met && !is_smoke))
}
