//! Echoes between a thousand pairs of hosts against echoes between one pair: what a message costs must
//! not depend on how many there are.

use std::process::ExitCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use windtunnel::prelude::*;
use windtunnel_record::{RunSpec, Seed};
use windtunnel_tests::measure::{Contestant, Rounds, within};

/// Round trips of one round, whoever makes them.
const TRIPS: u32 = 400_000;
const ROUNDS: usize = 21;

async fn echo() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let (mut stream, _) = listener.accept().await?;
    let mut room = [0; 64];
    loop {
        let count = stream.read(&mut room).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&room[..count]).await?;
    }
}

async fn ask(server: String, trips: u32) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    let mut room = [0; 4];
    for _ in 0..trips {
        stream.write_all(b"ping").await?;
        stream.read_exact(&mut room).await?;
    }
    Ok(())
}

fn echoes(pairs: u32, trips: u32) {
    let spec = RunSpec::new("pairs", Seed(1));
    let run = windtunnel::execute(&spec, Default::default(), move |tunnel: &mut Tunnel| {
        tunnel.load_for(secs(3_600)).settle_for(secs(0));
        for number in 0..pairs {
            let server = format!("server-{number}:80");
            tunnel.host(&format!("server-{number}")).run(echo);
            let client = tunnel.host(&format!("client-{number}"));
            client.run(move || ask(server.clone(), trips / pairs));
        }
    });
    let run = run.expect("the run can be made");
    assert_eq!(run.verdict(), "held", "{:?}", run.rules);
    let segments = run.event_count;
    assert!(
        segments > 2 * u64::from(trips / pairs * pairs),
        "{segments}"
    );
}

fn main() -> ExitCode {
    windtunnel::process::without_address_randomisation();
    let is_smoke = !std::env::args().any(|argument| argument == "--bench");
    let (many, trips, rounds) = if is_smoke {
        (10, 100, 1)
    } else {
        (1_000, TRIPS, ROUNDS)
    };
    let mut contestants = [
        Contestant {
            name: "set up",
            work: Box::new(move || echoes(many, many)),
        },
        Contestant {
            name: "one pair",
            work: Box::new(move || echoes(1, trips)),
        },
        Contestant {
            name: "many pairs",
            work: Box::new(move || echoes(many, trips)),
        },
    ];
    let rounds = Rounds::of(rounds, &mut contestants);
    // To set a thousand pairs up, with a trip each, is no part of what a message costs.
    let (trips, each) = (f64::from(trips), f64::from(trips - many));
    let of_one = |times: &[f64]| times[1] / trips;
    let of_many = |times: &[f64]| (times[2] - times[0]) / each;
    let set_up = rounds.median_of(|times| times[0]);
    println!("set up      {:>9.1} ms", set_up * 1_000.0);
    println!(
        "one pair    {:>9.0} round trips/s",
        1.0 / rounds.median_of(of_one)
    );
    println!(
        "many pairs  {:>9.0} round trips/s",
        1.0 / rounds.median_of(of_many)
    );
    let ratio = rounds.median_of(|times| of_many(times) / of_one(times));
    let met = within("a message among 1,000 pairs / in one pair", ratio, 1.3);
    ExitCode::from(u8::from(!met && !is_smoke))
}
