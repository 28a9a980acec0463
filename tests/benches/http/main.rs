//! HTTP by hyper and axum through our TCP with the full model and the digest on, against
//! `tokio::io::duplex`, which is the limit because it is no network at all, and against turmoil: one
//! client over HTTP/1.1 and over HTTP/2, and 200 clients behind a gateway with eight backends.

mod exchange;
mod proxy;
mod worlds;

use exchange::{Version, app, ask, serve};
use std::{process::ExitCode, time::Duration};
use windtunnel_record::Span;
use windtunnel_tests::measure::{Contestant, Rounds, reaches};
use worlds::{Host, Ours, Task, Turmoil, World};

/// Requests of one round of one client.
const REQUESTS: u32 = 20_000;
/// Clients behind the gateway, and their requests together: through us, and through turmoil, which
/// would take minutes for as many.
const CLIENTS: u32 = 200;
const FORWARDED: u32 = 20_000;
const FORWARDED_BY_TURMOIL: u32 = 600;
const ROUNDS: usize = 41;

/// One client and one server.
fn through<W: World>(version: Version, requests: u32) {
    let server = move || -> Task {
        Box::pin(async move {
            let accepted = W::accept(move |stream| serve(stream, app(), version, W::spawn));
            accepted.await.expect("the port is free");
        })
    };
    let client = move || -> Task {
        Box::pin(async move {
            let stream = W::connect("server".into()).await.expect("it listens");
            ask(stream, requests, version, W::spawn).await;
        })
    };
    let host = |name: &str, main| Host {
        name: name.into(),
        main,
    };
    let hosts = (
        host("server", Box::new(server) as _),
        host("client", Box::new(client) as _),
    );
    W::run(vec![hosts.0], vec![hosts.1], Span::from_secs(36_000));
}

fn through_a_duplex(version: Version, requests: u32) {
    let spawn = |task| drop(tokio_real::spawn(task));
    worlds::duplex(
        move |stream| serve(stream, app(), version, spawn),
        move |stream| ask(stream, requests, version, spawn),
    );
}

/// What `requests` in `time` are in a second.
fn rate(requests: u32, time: Duration) -> f64 {
    f64::from(requests) / time.as_secs_f64()
}

fn contestant<'a>(name: &'static str, work: impl Fn() + Send + 'a) -> Contestant<'a> {
    Contestant {
        name,
        work: Box::new(work),
    }
}

fn one_client(name: &str, version: Version, requests: u32, rounds: usize, bars: [f64; 2]) -> bool {
    let mut contestants = [
        contestant("our TCP", || through::<Ours>(version, requests)),
        contestant("duplex", || through_a_duplex(version, requests)),
        contestant("turmoil", || through::<Turmoil>(version, requests)),
    ];
    let rounds = Rounds::of(rounds, &mut contestants);
    for (contestant, time) in contestants.iter().zip(&rounds.medians()) {
        println!(
            "{name:<8} {:<8} {:>9.0} requests/s",
            contestant.name,
            rate(requests, *time)
        );
    }
    let ratio = |other: usize| rounds.median_of(|times| times[other] / times[0]);
    let duplex = reaches(&format!("{name}, our TCP / duplex"), ratio(1), bars[0]);
    let turmoil = reaches(&format!("{name}, our TCP / turmoil"), ratio(2), bars[1]);
    duplex && turmoil
}

fn behind_a_gateway(is_smoke: bool) -> bool {
    let (clients, ours, theirs, rounds) = if is_smoke {
        (4, 40, 40, 1)
    } else {
        (CLIENTS, FORWARDED, FORWARDED_BY_TURMOIL, 3)
    };
    let mut contestants = [
        contestant("our TCP", || proxy::exchange::<Ours>(clients, ours)),
        contestant("turmoil", || proxy::exchange::<Turmoil>(clients, theirs)),
    ];
    let rounds = Rounds::of(rounds, &mut contestants);
    let times = rounds.medians();
    println!("gateway  our TCP  {:>9.0} requests/s", rate(ours, times[0]));
    println!(
        "gateway  turmoil  {:>9.0} requests/s",
        rate(theirs, times[1])
    );
    let [ours, theirs] = [ours, theirs].map(f64::from);
    reaches(
        "200 clients behind a gateway, our TCP / turmoil",
        rounds.median_of(|times| times[1] / theirs / (times[0] / ours)),
        30.0,
    )
}

fn main() -> ExitCode {
    windtunnel::process::without_address_randomisation();
    let is_smoke = !std::env::args().any(|argument| argument == "--bench");
    let (requests, rounds) = if is_smoke {
        (100, 1)
    } else {
        (REQUESTS, ROUNDS)
    };
    let rows: [(&str, &dyn Fn() -> bool); 3] = [
        ("http1", &|| {
            one_client("HTTP/1.1", Version::Http1, requests, rounds, [0.8, 2.0])
        }),
        ("http2", &|| {
            one_client("HTTP/2", Version::Http2, requests, rounds, [0.8, 1.5])
        }),
        ("gateway", &|| behind_a_gateway(is_smoke)),
    ];
    // All rows, or those that are named: `cargo bench --bench http -- http1`.
    let named: Vec<_> = std::env::args().skip(1).collect();
    let all = !rows
        .iter()
        .any(|(name, _)| named.iter().any(|it| it == name));
    let asked = rows
        .iter()
        .filter(|(name, _)| all || named.iter().any(|it| it == name));
    let missed = asked.filter(|(_, row)| !row()).count();
    ExitCode::from(u8::from(missed > 0 && !is_smoke))
}
