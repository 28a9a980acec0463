//! HTTP/1.1 by hyper and axum, one client, one request after the other: through our TCP with the full
//! model and the digest on, through `tokio::io::duplex`, which is the limit because it is no network
//! at all, and through turmoil.

use axum::{Router, routing::get};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::{client::conn::http1 as client, server::conn::http1 as server, service::service_fn};
use std::{
    pin::Pin,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt;
use windtunnel::Tunnel;
use windtunnel_models::http::Io;
use windtunnel_record::{RunSpec, Seed, Span};
use windtunnel_tests::measure::{Contestant, medians, reaches};

/// Requests of one round.
const REQUESTS: u32 = 20_000;
const ROUNDS: usize = 7;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

fn app() -> Router {
    Router::new().route("/hello", get(|| async { "hello, world" }))
}

/// Serves one connection.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, app: Router) {
    let service = service_fn(move |request| app.clone().oneshot(request));
    let served = server::Builder::new().serve_connection(Io::new(stream), service);
    served.await.expect("the client goes in order");
}

/// Sends the requests over one connection.
async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    requests: u32,
    spawn: fn(Task),
) {
    let (mut sender, connection) = client::handshake(Io::new(stream)).await.expect("a stream");
    spawn(Box::pin(async {
        connection.await.expect("the server goes in order");
    }));
    for _ in 0..requests {
        let request = Request::get("http://server/hello").header("host", "server");
        let request = request.body(Empty::<Bytes>::new()).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.collect().await.expect("a body").to_bytes();
        assert_eq!(body, "hello, world");
    }
}

fn through_our_tcp(requests: u32) {
    let answered = Arc::new(AtomicBool::new(false));
    let done = answered.clone();
    let spec = RunSpec::new("http1", Seed(1));
    let run = windtunnel::execute(&spec, Default::default(), move |tunnel: &mut Tunnel| {
        // Two links of half a millisecond and some; when all are answered little is left to do.
        let enough = Span::from_millis(3 * u64::from(requests)) + Span::from_secs(1);
        tunnel.load_for(enough).settle_for(Span::ZERO);
        tunnel.host("server").run(|| async {
            let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await;
            let (stream, _) = listener.expect("free").accept().await.expect("a client");
            serve(stream, app()).await;
        });
        tunnel.host("client").run(move || {
            let done = done.clone();
            async move {
                let stream = tokio::net::TcpStream::connect("server:80").await;
                let spawn = |task| drop(tokio::spawn(task));
                ask(stream.expect("it listens"), requests, spawn).await;
                done.store(true, Ordering::Relaxed);
            }
        });
    });
    let run = run.expect("the run can be made");
    assert_eq!(run.verdict(), "held", "{:?}", run.rules);
    assert!(answered.load(Ordering::Relaxed), "all are answered");
}

fn through_a_duplex(requests: u32) {
    let runtime = tokio_real::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(async {
        let (ours, theirs) = tokio_real::io::duplex(64 << 10);
        tokio_real::spawn(serve(theirs, app()));
        ask(ours, requests, |task| drop(tokio_real::spawn(task))).await;
    });
}

fn through_turmoil(requests: u32) {
    let mut simulation = turmoil::Builder::new()
        .simulation_duration(Duration::from_secs(36_000))
        .min_message_latency(Duration::from_micros(200))
        .max_message_latency(Duration::from_millis(1))
        .rng_seed(1)
        .build();
    simulation.host("server", || async {
        let listener = turmoil::net::TcpListener::bind("0.0.0.0:80").await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio_real::spawn(serve(stream, app()));
        }
    });
    simulation.client("client", async move {
        let stream = turmoil::net::TcpStream::connect("server:80").await?;
        ask(stream, requests, |task| drop(tokio_real::spawn(task))).await;
        Ok(())
    });
    simulation.run().expect("it goes to its end");
}

fn main() -> ExitCode {
    let is_smoke = !std::env::args().any(|argument| argument == "--bench");
    let (requests, rounds) = if is_smoke {
        (100, 1)
    } else {
        (REQUESTS, ROUNDS)
    };
    let contestant = |name, work: fn(u32)| Contestant {
        name,
        work: Box::new(move || work(requests)),
    };
    let mut contestants = [
        contestant("our TCP", through_our_tcp),
        contestant("duplex", through_a_duplex),
        contestant("turmoil", through_turmoil),
    ];
    let times = medians(rounds, &mut contestants);
    for (contestant, time) in contestants.iter().zip(&times) {
        let rate = f64::from(requests) / time.as_secs_f64();
        println!("{:<8} {rate:>9.0} requests/s", contestant.name);
    }
    if is_smoke {
        return ExitCode::SUCCESS;
    }
    let ratio = |other: usize| times[other].as_secs_f64() / times[0].as_secs_f64();
    let met = [
        reaches("HTTP/1.1, our TCP / duplex", ratio(1), 0.6),
        reaches("HTTP/1.1, our TCP / turmoil", ratio(2), 1.5),
    ];
    ExitCode::from(u8::from(met.contains(&false)))
}
