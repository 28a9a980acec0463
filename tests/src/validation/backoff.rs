//! Pauses after conflicts: the race of the AWS architecture blog, with real datagrams between real
//! hosts, and the pauses that retries use.

use super::{
    law::{Ask, Bar, Case, Figure, Law, Outcome, Size},
    observation::{Notes, observe},
    statistics::{Interval, replicate},
};
use std::time::Duration;
use tokio::{net::UdpSocket, time::Instant};
use windtunnel::{Network, Tunnel, pause_for};
use windtunnel_models::retry::{Backoff, Jitter};
use windtunnel_record::{Distribution, Span, Stream};

/// The blog's table, read off its own simulator: clients, jitter, calls, milliseconds.
type Row = (u32, Option<Jitter>, f64, f64);

const TABLE: [Row; 10] = [
    (10, None, 51.0, 382.0),
    (10, Some(Jitter::None), 51.0, 3_495.0),
    (10, Some(Jitter::Equal), 43.0, 709.0),
    (10, Some(Jitter::Full), 39.0, 455.0),
    (10, Some(Jitter::Decorrelated), 38.0, 436.0),
    (100, None, 2_426.0, 2_031.0),
    (100, Some(Jitter::None), 1_860.0, 63_392.0),
    (100, Some(Jitter::Equal), 812.0, 6_672.0),
    (100, Some(Jitter::Full), 797.0, 4_854.0),
    (100, Some(Jitter::Decorrelated), 999.0, 4_596.0),
];

/// Nothing is due after this.
const END: Span = Span::from_secs(600);

/// What a race came to.
#[derive(Clone, Copy, Debug, Default)]
struct Race {
    writes: u64,
    done: u32,
    ended: Duration,
}

/// All rows of the table.
pub fn backoff() -> Law {
    let cases = TABLE.map(|row| Case {
        name: name(&row),
        check: size(if row.0 > 10 { 20 } else { 200 }),
        full: size(if row.0 > 10 { 200 } else { 1_000 }),
        measure: Box::new(move |ask| measure(row, ask)),
    });
    Law {
        id: "backoff",
        title: "Pauses between tries: the AWS back-off table",
        about: "N clients update one row once each by optimistic concurrency: read, write with the \
                version read, and on a conflict pause and read again (M. Brooker, *Exponential \
                Backoff And Jitter*, AWS Architecture Blog, 2015). Every message is a datagram that \
                takes |Normal(10, 2)| ms; pauses have the base 5 ms and the cap 2 s. Calls are writes \
                that reached the row, the time is that of the last answer. The expected figures are \
                themselves means of 100 races of the blog's simulator.",
        plot: None,
        cases: cases.into(),
    }
}

fn name(&(clients, jitter, ..): &Row) -> String {
    let jitter = match jitter {
        None => "no pause",
        Some(Jitter::None) => "exponential",
        Some(Jitter::Equal) => "equal jitter",
        Some(Jitter::Full) => "full jitter",
        Some(Jitter::Decorrelated) => "decorrelated jitter",
    };
    format!("{clients} clients, {jitter}")
}

const fn size(replications: u64) -> Size {
    Size {
        replications,
        each: 1,
        half: 0.0,
    }
}

fn measure((clients, jitter, calls, millis): Row, ask: &Ask<'_>) -> Outcome {
    let races = replicate(ask.seeds.clone(), ask.say, |seed| {
        race(clients, jitter, seed)
    });
    let over = |of: fn(&Race) -> f64| Interval::over(&races.iter().map(of).collect::<Vec<_>>());
    let writes = over(|race| race.writes as f64);
    let ended = over(|race| race.ended.as_secs_f64() * 1e3);
    Outcome {
        figures: vec![
            Figure::bounded("calls", calls, writes.mean, Bar::Within(0.03)).seen_with(writes),
            Figure::bounded("time, ms", millis, ended.mean, Bar::Within(0.1)).seen_with(ended),
        ],
        lines: Vec::new(),
    }
}

fn race(clients: u32, jitter: Option<Jitter>, seed: u64) -> Race {
    let race: Race = observe("backoff", seed, move |tunnel, race| {
        describe(tunnel, clients, jitter, &race);
    });
    assert_eq!(race.done, clients, "everybody writes at last");
    race
}

fn describe(tunnel: &mut Tunnel, clients: u32, jitter: Option<Jitter>, race: &Notes<Race>) {
    let hop = Distribution::Normal {
        mean: Span::from_millis(10),
        deviation: Span::from_millis(2),
    };
    tunnel
        .network(Network {
            same_zone: Some(hop),
            ..Network::default()
        })
        .load_for(END)
        .settle_for(Span::ZERO)
        .sample_every(Span::ZERO);
    let seed = tunnel.seed();
    let kept = race.clone();
    let row = tunnel.host("row").cpu(Span::ZERO, Span::ZERO);
    row.run(move || row_of_a_table(kept.clone()));
    for client in 0..clients {
        let pauses = move || seed.stream(&format!("backoff/pauses/{client}"));
        let kept = race.clone();
        let host = tunnel.host(&format!("client-{client}"));
        let host = host.cpu(Span::ZERO, Span::ZERO);
        host.run(move || update(jitter, pauses(), kept.clone()));
    }
}

/// Answers a read, which is empty, with the version; a write, which is a version, with whether it was
/// the present one.
async fn row_of_a_table(race: Notes<Race>) {
    let socket = UdpSocket::bind("0.0.0.0:53").await.expect("free");
    let mut version = 0_u64;
    let mut room = [0; 8];
    loop {
        let (count, from) = socket.recv_from(&mut room).await.expect("no error");
        let answer = if count == 0 {
            version.to_le_bytes().to_vec()
        } else {
            race.lock().expect("nobody panics").writes += 1;
            let is_present = u64::from_le_bytes(room) == version;
            version += u64::from(is_present);
            vec![u8::from(is_present)]
        };
        socket.send_to(&answer, from).await.expect("taken");
    }
}

async fn update(jitter: Option<Jitter>, pauses: Stream, race: Notes<Race>) {
    let start = Instant::now();
    let socket = UdpSocket::bind("0.0.0.0:0").await.expect("free");
    socket.connect("row:53").await.expect("it has an address");
    let backoff = jitter.map(|jitter| Backoff {
        base: Duration::from_millis(5),
        cap: Duration::from_secs(2),
        jitter,
    });
    let mut waits = backoff.map(Backoff::pauses);
    let mut pauses = pauses.into_rng();
    let mut room = [0; 8];
    loop {
        socket.send(&[]).await.expect("taken");
        socket.recv(&mut room).await.expect("an answer");
        socket.send(&room).await.expect("taken");
        let mut done = [0];
        socket.recv(&mut done).await.expect("an answer");
        if done == [1] {
            break;
        }
        if let Some(waits) = &mut waits {
            pause_for(waits.next(&mut pauses)).await;
        }
    }
    let mut race = race.lock().expect("nobody panics");
    race.done += 1;
    race.ended = race.ended.max(start.elapsed());
}
