//! What sockets of two hosts do with ports, with a full backlog and with what is half open.

use crate::stage::{Notes, echo, note, ping, run};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    time::{Duration, Instant, sleep, sleep_until, timeout},
};
use windtunnel::record::{Event, Span};
use windtunnel::{crash, host, loss, millis, partition, partition_one_way, secs};

pub async fn server_address() -> SocketAddr {
    let mut found = lookup_host("server:80").await.expect("it has a name");
    found.next().expect("it has an address")
}

async fn idle(_: Notes) {
    std::future::pending().await
}

pub fn kind<T>(result: std::io::Result<T>) -> String {
    match result {
        Ok(_) => "ok".into(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

#[test]
fn who_listens_on_loopback_only_is_not_reached_from_another_host() {
    async fn private(_: Notes) {
        let _listener = TcpListener::bind("127.0.0.1:80").await.expect("free");
        std::future::pending().await
    }
    async fn knock(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        note(&notes, start, kind(TcpStream::connect("server:80").await));
    }
    let (noted, _) = run(10, vec![], private, knock);
    assert_eq!(noted, [(2, "ConnectionRefused".into())]);
}

#[test]
fn an_address_of_ipv6_that_no_host_has_is_unreachable_at_once() {
    async fn knock(notes: Notes) {
        let start = Instant::now();
        note(
            &notes,
            start,
            kind(TcpStream::connect("[2001:db8::1]:80").await),
        );
    }
    let (noted, _) = run(10, vec![], idle, knock);
    assert_eq!(noted, [(0, "NetworkUnreachable".into())]);
}

/// Accepts connections for ever and lets go of them when the peer does.
async fn hang_up(_: Notes) {
    let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
    loop {
        let (mut stream, _) = listener.accept().await.expect("the process lives");
        tokio::spawn(async move { while let Ok(1..) = stream.read(&mut [0; 64]).await {} });
    }
}

#[test]
fn when_all_ephemeral_ports_are_in_use_no_address_is_available_for_a_minute() {
    async fn use_them_up(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        let address = server_address().await;
        let mut made = 0;
        let error = loop {
            match TcpStream::connect(address).await {
                // The side that closes first keeps the port.
                Ok(stream) => drop(stream),
                Err(error) => break error,
            }
            made += 1;
        };
        note(&notes, start, format!("{made}: {:?}", error.kind()));
        let other = SocketAddr::new(address.ip(), 81);
        note(&notes, start, kind(TcpStream::connect(other).await));
        sleep_until(start + Duration::from_millis(59_990)).await;
        while TcpStream::connect(address).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        note(&notes, start, "a port again");
    }
    let (noted, _) = run(200, vec![], hang_up, use_them_up);
    assert_eq!(noted[0].1, "28232: AddrNotAvailable", "Linux has so many");
    assert_eq!(
        noted[1].1, "ConnectionRefused",
        "for another peer there are ports"
    );
    let (again, _) = noted[2];
    assert!(
        (60_000..60_030).contains(&again),
        "the first was closed at once: {noted:?}"
    );
}

#[test]
fn when_the_server_closes_first_the_client_has_its_port_back() {
    async fn short(_: Notes) {
        let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
        loop {
            drop(listener.accept().await.expect("the process lives"));
        }
    }
    async fn many(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        let address = server_address().await;
        for number in 0..30_000 {
            let mut stream = match TcpStream::connect(address).await {
                Ok(stream) => stream,
                Err(error) => return note(&notes, start, format!("{number}: {error}")),
            };
            assert_eq!(stream.read(&mut [0; 4]).await.expect("the end"), 0);
        }
        note(&notes, start, "all");
    }
    let (noted, _) = run(200, vec![], short, many);
    assert_eq!(noted[0].1, "all");
}

#[test]
fn a_server_that_comes_back_has_its_port_although_connections_are_left_there() {
    async fn reconnect(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        ping(&mut stream).await.expect("it answers");
        assert_eq!(stream.read(&mut [0; 4]).await.expect("the end"), 0);
        drop(stream);
        sleep(Duration::from_secs(3)).await;
        let start = Instant::now();
        note(&notes, start, kind(TcpStream::connect("server:80").await));
    }
    let faults = vec![crash(host("server")).at(secs(5)).lasting(secs(1))];
    let (noted, record) = run(20, faults, echo, reconnect);
    assert_eq!(noted, [(2, "ok".into())], "{:?}", record.rules);
}

/// Listens with room for two connections and accepts from `after` on; then echoes.
async fn late(after: u64) {
    let socket = TcpSocket::new_v4().expect("a socket");
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80));
    socket.bind(any).expect("free");
    let listener = socket.listen(1).expect("it listens");
    sleep(Duration::from_secs(after)).await;
    loop {
        let (mut stream, _) = listener.accept().await.expect("the process lives");
        tokio::spawn(async move {
            let mut room = [0; 64];
            while let Ok(count @ 1..) = stream.read(&mut room).await {
                stream.write_all(&room[..count]).await.expect("taken");
            }
        });
    }
}

#[test]
fn those_that_come_at_once_find_the_backlog_full_after_they_were_connected() {
    async fn at_once(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        for number in 0..4 {
            let notes = notes.clone();
            tokio::spawn(async move {
                let mut stream = TcpStream::connect("server:80").await.expect("it listens");
                note(&notes, start, format!("{number} connected"));
                ping(&mut stream).await.expect("in the end");
                note(&notes, start, format!("{number} answered"));
                std::future::pending::<()>().await;
            });
        }
        std::future::pending().await
    }
    let (noted, record) = run(60, vec![], |_| late(5), at_once);
    let when = |what: &str| {
        let all = noted.iter().filter(|(_, said)| said.ends_with(what));
        all.map(|(at, _)| *at).collect::<Vec<_>>()
    };
    assert_eq!(when("connected"), [2; 4], "the kernel answered every SYN");
    let answered = when("answered");
    assert!(answered[1] < 4_010, "two were in the queue: {noted:?}");
    assert!(
        answered[2] > 6_450 && answered[3] < 6_480,
        "the data of the others were lost and repeated: {noted:?}"
    );
    let repeated = |event: &Event| matches!(event, Event::Retransmission { .. });
    assert!(record.events.iter().any(|record| repeated(&record.event)));
}

#[test]
fn a_backlog_that_stays_full_resets_what_is_half_open_after_a_minute() {
    async fn at_once(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        for _ in 0..3 {
            let notes = notes.clone();
            tokio::spawn(async move {
                let mut stream = TcpStream::connect("server:80").await.expect("it listens");
                sleep(Duration::from_secs(100)).await;
                stream.write_all(b"late").await.expect("taken");
                let answer = timeout(Duration::from_secs(5), stream.read(&mut [0; 8])).await;
                if let Ok(answer) = answer {
                    note(&notes, start, kind(answer));
                }
            });
        }
        std::future::pending().await
    }
    let (noted, _) = run(200, vec![], |_| late(1_000), at_once);
    assert_eq!(noted, [(100_004, "ConnectionReset".into())]);
}

#[test]
fn a_lost_acknowledgement_of_the_handshake_is_made_good() {
    async fn listen_first(notes: Notes) {
        let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
        let start = Instant::now();
        let (mut stream, _) = listener.accept().await.expect("it comes in the end");
        note(&notes, start, "accepted");
        stream.write_all(b"hello").await.expect("taken");
        std::future::pending().await
    }
    async fn only_read(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        note(&notes, start, "connected");
        let mut room = [0; 5];
        stream.read_exact(&mut room).await.expect("it comes");
        note(&notes, start, "greeted");
        std::future::pending().await
    }
    // The SYN leaves at 1 s and the acknowledgement 2 ms later.
    let lossy = || loss(host("client"), host("server"), 1.0);
    let faults = vec![lossy().at(millis(1_001)).lasting(millis(100))];
    let (noted, _) = run(10, faults, listen_first, only_read);
    assert_eq!(
        noted,
        [
            (2, "connected".into()),
            (2_003, "accepted".into()),
            (1_004, "greeted".into())
        ],
        "the server repeats its half after a second"
    );
}

#[test]
fn data_open_what_an_acknowledgement_did_not() {
    async fn write_soon(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        sleep(Duration::from_millis(300)).await;
        ping(&mut stream).await.expect("it answers");
        note(&notes, start, "answered");
    }
    let lossy = || loss(host("client"), host("server"), 1.0);
    let faults = vec![lossy().at(millis(1_001)).lasting(millis(100))];
    let (noted, _) = run(10, faults, echo, write_soon);
    assert_eq!(noted, [(304, "answered".into())]);
}

#[test]
fn a_client_behind_a_cut_leaves_no_half_open_connection_in_the_way() {
    async fn impatient(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        for _ in 0..5 {
            let connect = TcpStream::connect("server:80");
            assert!(timeout(Duration::from_millis(900), connect).await.is_err());
        }
        sleep(Duration::from_secs(6)).await;
        let start = Instant::now();
        let stream = TcpStream::connect("server:80").await;
        note(&notes, start, kind(stream));
    }
    let cut = partition_one_way(host("server"), host("client"));
    let (noted, _) = run(
        30,
        vec![cut.at(secs(0)).lasting(secs(8))],
        |_| late(0),
        impatient,
    );
    assert_eq!(noted, [(2, "ok".into())]);
}

#[test]
fn what_is_half_open_and_whose_reset_was_lost_is_forgotten_after_a_minute() {
    async fn give_up(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let connect = TcpStream::connect("server:80");
        assert!(timeout(Duration::from_millis(500), connect).await.is_err());
        let start = Instant::now();
        for wait in [0, 62, 2] {
            sleep(Duration::from_secs(wait)).await;
            let left = windtunnel_engine::census::census();
            note(&notes, start, format!("{} connections", left.connections));
        }
    }
    // The SYN passes; the answer to it and the reset do not.
    let cut = partition(host("client"), host("server"));
    let cut = cut.at(Span::from_nanos(1_001_500_000)).lasting(secs(8));
    let (noted, _) = run(100, vec![cut], |_| late(0), give_up);
    assert_eq!(
        noted,
        [
            (0, "1 connections".into()),
            (62_000, "1 connections".into()),
            (64_000, "0 connections".into())
        ]
    );
}

#[test]
fn closing_without_lingering_discards_what_was_not_sent() {
    async fn slow_reader(notes: Notes) {
        let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
        let (mut stream, _) = listener.accept().await.expect("somebody comes");
        sleep(Duration::from_secs(5)).await;
        let mut total = 0;
        let end = loop {
            match stream.read(&mut [0; 4096]).await {
                Ok(0) => break "the end".into(),
                Ok(count) => total += count,
                Err(error) => break format!("{:?}", error.kind()),
            }
        };
        note(
            &notes,
            Instant::now(),
            format!("{} KiB, {end}", total >> 10),
        );
    }
    async fn abort(_: Notes) {
        sleep(Duration::from_secs(1)).await;
        let stream = TcpStream::connect("server:80").await.expect("it listens");
        stream.set_zero_linger().expect("it is open");
        while timeout(Duration::from_millis(50), stream.writable())
            .await
            .is_ok()
        {
            stream.try_write(&[1; 64 << 10]).expect("there is room");
        }
        sleep(Duration::from_secs(1)).await;
    }
    let (noted, _) = run(20, vec![], slow_reader, abort);
    assert_eq!(
        noted[0].1, "256 KiB, ConnectionReset",
        "what had arrived is read, what the window held back is lost"
    );
}

#[test]
#[should_panic(expected = "TcpStream::set_linger with a time is not modelled")]
fn lingering_for_a_time_is_refused_by_name() {
    async fn linger(_: Notes) {
        sleep(Duration::from_secs(1)).await;
        let stream = TcpStream::connect("server:80").await.expect("it listens");
        #[expect(deprecated, reason = "that it is refused is what is tested")]
        stream.set_linger(Some(Duration::from_secs(1))).expect("no");
    }
    let (_, record) = run(10, vec![], echo, linger);
    let panicked = record.events.iter().find_map(|record| match &record.event {
        Event::Panicked { message, .. } => Some(message.clone()),
        _ => None,
    });
    panic!("{}", panicked.expect("it panics"));
}
