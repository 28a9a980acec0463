//! What a process may hold: descriptors and memory.

use crate::stage::{Notes, exact, note};
use std::{
    future::Future,
    io,
    sync::{Arc, Mutex},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    time::{Duration, Instant, sleep, timeout},
};
use windtunnel::record::{Event, RunRecord, RunSpec, Seed, Size, event::Ending};
use windtunnel::{HostBuilder, Settings, Tunnel, execute, memory, secs};
use windtunnel_scenarios::{format::Scenario, world};

const EMFILE: i32 = 24;

/// Runs a server that is limited so, and a client, for 20 seconds.
fn limited<S, C>(
    limit: impl Fn(HostBuilder<'_>) -> HostBuilder<'_> + Send + 'static,
    server: impl Fn(Notes) -> S + Send + 'static,
    client: impl Fn() -> C + Send + 'static,
) -> (Vec<String>, RunRecord)
where
    S: Future<Output = ()> + 'static,
    C: Future<Output = ()> + 'static,
{
    let notes: Notes = Arc::new(Mutex::default());
    let kept = notes.clone();
    let spec = RunSpec::new("limits", Seed(1));
    let record = execute(&spec, Settings::default(), move |tunnel: &mut Tunnel| {
        tunnel
            .load_for(secs(20))
            .settle_for(secs(0))
            .network(exact());
        limit(tunnel.host("server")).run(move || server(notes.clone()));
        tunnel.host("client").run(client);
    });
    let noted = kept.lock().expect("the run is over").clone();
    let said = noted.into_iter().map(|(_, what)| what).collect();
    (said, record.expect("the run can be made"))
}

fn is_emfile(error: &io::Error) -> bool {
    error.raw_os_error() == Some(EMFILE)
}

async fn idle() {}

#[test]
fn files_and_sockets_share_one_limit_and_give_back_what_they_took() {
    async fn server(notes: Notes) {
        let start = Instant::now();
        let listener = TcpListener::bind("0.0.0.0:80").await.expect("the first");
        let file = File::create("/file").await.expect("the second");
        let clone = file.try_clone().await.expect("the third");
        let stream = TcpStream::connect("127.0.0.1:80")
            .await
            .expect("the fourth");
        for refused in [
            File::open("/file").await.map(drop),
            file.try_clone().await.map(drop),
            TcpStream::connect("127.0.0.1:80").await.map(drop),
            TcpListener::bind("0.0.0.0:81").await.map(drop),
            UdpSocket::bind("0.0.0.0:81").await.map(drop),
            tokio::fs::read("/file").await.map(drop),
        ] {
            assert!(is_emfile(&refused.expect_err("one more than it may have")));
        }
        drop(clone);
        let socket = UdpSocket::bind("0.0.0.0:81").await.expect("one is free");
        let refused = File::open("/file").await.expect_err("and taken");
        assert!(is_emfile(&refused));
        drop(socket);
        File::open("/file").await.expect("there is one again");
        note(&notes, start, "refused six");
        drop((listener, file, stream));
    }
    let (said, record) = limited(|host| host.files(4), server, idle);
    assert_eq!(said, ["refused six"]);
    let refused = record
        .events
        .iter()
        .filter_map(|record| match &record.event {
            Event::DescriptorRefused {
                operation,
                limit: 4,
                ..
            } => Some(operation.as_str()),
            _ => None,
        });
    let expected = [
        "open",
        "duplicate",
        "connect",
        "listen",
        "bind",
        "open",
        "open",
    ];
    assert_eq!(refused.collect::<Vec<_>>(), expected);
}

#[test]
fn a_connection_that_cannot_be_accepted_stays_in_the_queue() {
    async fn server(notes: Notes) {
        let start = Instant::now();
        let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
        let file = File::create("/file").await.expect("the second");
        for _ in 0..3 {
            let refused = listener.accept().await.expect_err("one too many");
            assert!(is_emfile(&refused), "{refused}");
        }
        note(&notes, start, "refused");
        drop(file);
        let (mut stream, _) = listener.accept().await.expect("it is still there");
        let mut room = [0; 5];
        stream.read_exact(&mut room).await.expect("with its bytes");
        note(&notes, start, String::from_utf8_lossy(&room));
    }
    async fn client() {
        sleep(Duration::from_secs(1)).await;
        let mut stream = TcpStream::connect("server:80")
            .await
            .expect("the kernel greets");
        stream.write_all(b"hello").await.expect("taken");
        std::future::pending().await
    }
    let (said, _) = limited(|host| host.files(2), server, client);
    assert_eq!(said, ["refused", "hello"]);
}

#[test]
fn who_closes_what_it_opens_never_meets_the_limit_and_who_leaks_does() {
    async fn server(leaks: bool, notes: Notes) {
        let start = Instant::now();
        let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
        let mut held = Vec::new();
        for served in 0.. {
            let accepted = timeout(Duration::from_secs(5), listener.accept()).await;
            match accepted {
                Ok(Ok((mut stream, _))) => {
                    stream.write_all(b"x").await.expect("taken");
                    held.extend(leaks.then_some(stream));
                }
                Ok(Err(error)) => {
                    assert!(is_emfile(&error), "{error}");
                    return note(&notes, start, format!("full after {served}"));
                }
                Err(_) => return note(&notes, start, format!("served {served}")),
            }
        }
    }
    async fn client() {
        sleep(Duration::from_secs(1)).await;
        for _ in 0..100 {
            let attempt = TcpStream::connect("server:80");
            let connected = timeout(Duration::from_secs(1), attempt).await;
            if let Ok(Ok(mut stream)) = connected {
                let _ = stream.read(&mut [0]).await;
            }
        }
    }
    let (said, _) = limited(|host| host.files(8), |notes| server(false, notes), client);
    assert_eq!(said, ["served 100"]);
    let (said, _) = limited(|host| host.files(8), |notes| server(true, notes), client);
    assert_eq!(said, ["full after 7"]);
}

/// How the processes of the server ended, and when in milliseconds.
fn endings(record: &RunRecord) -> Vec<(u64, Ending)> {
    let ended = record
        .events
        .iter()
        .filter_map(|record| match record.event {
            Event::Stopped {
                host: 0, ending, ..
            } => Some((record.at.as_nanos() / 1_000_000, ending)),
            _ => None,
        });
    ended.collect()
}

const MIB: u64 = 1 << 20;

#[test]
fn who_holds_more_than_there_is_is_killed_and_started_again() {
    async fn server(notes: Notes) {
        let start = Instant::now();
        note(&notes, start, "up");
        sleep(Duration::from_secs(1)).await;
        let first = memory::hold(Size::from_mib(3));
        drop(memory::hold(Size::from_mib(3)));
        let second = memory::hold(Size::from_mib(3));
        sleep(Duration::from_secs(1)).await;
        note(&notes, start, "still up");
        let third = memory::hold(Size::from_mib(3));
        note(&notes, start, "this is the last poll");
        sleep(Duration::from_secs(1)).await;
        note(&notes, start, "never");
        drop((first, second, third));
    }
    let (said, record) = limited(
        |host| host.memory(Size::from_mib(8)).restart_after(secs(5)),
        server,
        idle,
    );
    let life = ["up", "still up", "this is the last poll"];
    assert_eq!(said, [life, life, life].concat());
    let oom = Ending::OutOfMemory;
    let expected = [(2_000, oom), (9_000, oom), (16_000, oom)];
    assert_eq!(endings(&record)[..3], expected);
    let used = record.events.iter().find_map(|record| match record.event {
        Event::OutOfMemory { used, limit, .. } => Some((used, limit)),
        _ => None,
    });
    let (used, limit) = used.expect("it is told why");
    assert_eq!(limit, 8 * MIB);
    assert!((9 * MIB..9 * MIB + 4096).contains(&used), "{used}");
}

#[test]
fn without_a_limit_nobody_is_killed_and_the_gauge_shows_what_is_held() {
    async fn server(_: Notes) {
        let held = memory::hold(Size::from_mib(1 << 20));
        sleep(Duration::from_secs(5)).await;
        drop(held);
        std::future::pending().await
    }
    let (_, record) = limited(|host| host, server, idle);
    assert_eq!(endings(&record), [(20_000, Ending::RunEnded)]);
    let gauge = |event: &Event| match event {
        Event::Sampled { gauge, value, .. } if gauge == "memory" => Some(*value as u64),
        _ => None,
    };
    let seen: Vec<u64> = record
        .events
        .iter()
        .filter_map(|record| gauge(&record.event))
        .collect();
    assert_eq!(seen.len(), 2, "{seen:?}");
    let held = MIB << 20;
    assert!(
        (held..held + 4096).contains(&seen[0]) && seen[1] < 4096,
        "{seen:?}"
    );
}

#[test]
fn unread_bytes_and_spawned_futures_count() {
    async fn hoards(_: Notes) {
        let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
        let mut held = Vec::new();
        loop {
            let (stream, _) = listener.accept().await.expect("somebody comes");
            // The bytes come and stay with the kernel.
            sleep(Duration::from_millis(100)).await;
            held.push(stream);
        }
    }
    async fn floods() {
        sleep(Duration::from_secs(1)).await;
        let mut held = Vec::new();
        for _ in 0..10 {
            let mut stream = TcpStream::connect("server:80").await.expect("it listens");
            stream.write_all(&[0; 200_000]).await.expect("taken");
            held.push(stream);
        }
        std::future::pending().await
    }
    async fn ignores(_: Notes) {
        let _deaf = UdpSocket::bind("0.0.0.0:53").await.expect("free");
        // Somebody has to look: the process runs now and then.
        loop {
            sleep(Duration::from_millis(100)).await;
        }
    }
    async fn sends() {
        sleep(Duration::from_secs(1)).await;
        let socket = UdpSocket::bind("0.0.0.0:0").await.expect("free");
        loop {
            let sent = socket.send_to(&[0; 1000], "server:53").await;
            sent.expect("the kernel takes it");
            sleep(Duration::from_millis(1)).await;
        }
    }
    async fn spawns(_: Notes) {
        for _ in 0..100 {
            tokio::spawn(async {
                let room = [0u8; 50_000];
                sleep(Duration::from_secs(60)).await;
                assert_eq!(room[7], 0);
            });
            sleep(Duration::from_millis(10)).await;
        }
        std::future::pending().await
    }
    let (_, record) = limited(|host| host.memory(Size::from_mib(1)), hoards, floods);
    assert_eq!(
        endings(&record)[0].1,
        Ending::OutOfMemory,
        "six are too many"
    );
    let (_, record) = limited(|host| host.memory(Size::from_kib(128)), ignores, sends);
    assert_eq!(endings(&record)[0].1, Ending::OutOfMemory, "datagrams too");
    let (_, record) = limited(|host| host.memory(Size::from_mib(1)), spawns, idle);
    let (at, ending) = endings(&record)[0];
    assert_eq!(ending, Ending::OutOfMemory);
    assert!(
        (190..230).contains(&at),
        "the twenty-first is too much: {at} ms"
    );
}

#[test]
fn a_described_service_holds_memory_for_each_request_in_flight() {
    // Each request works for a second on one of two workers, so they pile up.
    let text = |limit: u32| {
        format!(
            r#"format = 1
name = "full"
[run]
duration = "10s"
settle = "1s"
[services.back]
work = "1s"
workers = 2
memory = {{ limit = "{limit}MiB", per-request = "2MiB" }}
restart-after = "1s"
[[load]]
name = "users"
via = "back"
timeout = "60s"
stages = [{{ for = "10s", rate = "10/s" }}]
"#
        )
    };
    let run = |limit| {
        let scenario = Scenario::from_toml(&text(limit)).expect("it is valid");
        let spec = RunSpec::new("full", Seed(1));
        execute(&spec, Settings::default(), move |tunnel: &mut Tunnel| {
            world::describe(&scenario, tunnel);
        })
        .expect("the run can be made")
    };
    let told = |record: &RunRecord| {
        record.events.iter().find_map(|record| match record.event {
            Event::OutOfMemory { used, .. } => Some(used),
            _ => None,
        })
    };
    let used = told(&run(21)).expect("eleven requests are too many");
    assert!((22 * MIB..22 * MIB + MIB).contains(&used), "{used}");
    assert_eq!(told(&run(1000)), None, "there is room for all of them");
}
