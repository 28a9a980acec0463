//! Two hosts, one fault plan, and notes of what each saw and when.

use std::{
    future::Future,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use windtunnel::record::{Distribution, RunRecord, RunSpec, Seed, Span};
use windtunnel::{Disk, Fault, Network, Settings, Tunnel, execute};

/// What was noted, with its instant in milliseconds.
pub type Notes = Arc<Mutex<Vec<(u64, String)>>>;

/// Notes `what` at the present instant.
pub fn note(notes: &Notes, start: Instant, what: impl Into<String>) {
    let at = start.elapsed().as_millis() as u64;
    notes.lock().expect("nobody panics").push((at, what.into()));
}

/// A link of exactly 1 ms in each direction.
pub fn exact() -> Network {
    let millisecond = Some(Distribution::Fixed(Span::from_millis(1)));
    Network {
        same_zone: millisecond,
        cross_zone: millisecond,
        ..Network::default()
    }
}

/// Runs a client and a server for `secs` seconds under `faults`; what they noted.
pub fn run<S, C>(
    secs: u64,
    faults: Vec<Fault>,
    server: impl Fn(Notes) -> S + Send + 'static,
    client: impl Fn(Notes) -> C + Send + 'static,
) -> (Vec<(u64, String)>, RunRecord)
where
    S: Future<Output = ()> + 'static,
    C: Future<Output = ()> + 'static,
{
    run_on(exact(), secs, faults, server, client)
}

/// The same on another network.
pub fn run_on<S, C>(
    network: Network,
    secs: u64,
    faults: Vec<Fault>,
    server: impl Fn(Notes) -> S + Send + 'static,
    client: impl Fn(Notes) -> C + Send + 'static,
) -> (Vec<(u64, String)>, RunRecord)
where
    S: Future<Output = ()> + 'static,
    C: Future<Output = ()> + 'static,
{
    stage(network, secs, Disk::default(), faults, server, client)
}

/// Runs a server with this disk for `secs` seconds under `faults`; what it noted.
pub fn with_disk<S>(
    secs: u64,
    disk: Disk,
    faults: Vec<Fault>,
    server: impl Fn(Notes) -> S + Send + 'static,
) -> (Vec<(u64, String)>, RunRecord)
where
    S: Future<Output = ()> + 'static,
{
    stage(exact(), secs, disk, faults, server, |_| async {})
}

fn stage<S, C>(
    network: Network,
    secs: u64,
    disk: Disk,
    faults: Vec<Fault>,
    server: impl Fn(Notes) -> S + Send + 'static,
    client: impl Fn(Notes) -> C + Send + 'static,
) -> (Vec<(u64, String)>, RunRecord)
where
    S: Future<Output = ()> + 'static,
    C: Future<Output = ()> + 'static,
{
    let notes = Notes::default();
    let kept = notes.clone();
    let settings = Settings {
        keep_packets: true,
        log: None,
    };
    let record = execute(
        &RunSpec::new("stage", Seed(1)),
        settings,
        move |tunnel: &mut Tunnel| {
            tunnel
                .load_for(Span::from_secs(secs))
                .settle_for(Span::ZERO)
                .network(network);
            let (for_server, for_client) = (notes.clone(), notes);
            let free = (Span::ZERO, Span::ZERO);
            tunnel
                .host("server")
                .cpu(free.0, free.1)
                .disk(disk)
                .run(move || server(for_server.clone()));
            tunnel
                .host("client")
                .cpu(free.0, free.1)
                .run(move || client(for_client.clone()));
            for fault in faults {
                tunnel.fault(fault);
            }
        },
    )
    .expect("the run can be made");
    let noted = kept.lock().expect("the run is over").clone();
    (noted, record)
}

/// Accepts connections for ever and echoes what comes.
pub async fn echo(_: Notes) {
    let listener = TcpListener::bind("0.0.0.0:80")
        .await
        .expect("the port is free");
    loop {
        let (mut stream, _) = listener.accept().await.expect("the process lives");
        tokio::spawn(async move {
            let mut room = [0; 1024];
            while let Ok(count @ 1..) = stream.read(&mut room).await {
                if stream.write_all(&room[..count]).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// One round trip of four bytes.
pub async fn ping(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"ping").await?;
    stream.read_exact(&mut [0; 4]).await.map(drop)
}
