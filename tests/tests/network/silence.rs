//! What an open connection shows when its link is cut or loses packets.

use crate::stage::{Notes, echo, note, ping, run};
use std::io::ErrorKind;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, Instant, sleep, timeout},
};
use windtunnel::record::{Event, Span};
use windtunnel::{host, loss, millis, partition, partition_one_way, secs};

/// Connects, waits until the instant 5 s, and makes one round trip.
async fn ping_at_five(notes: Notes) {
    sleep(Duration::from_secs(1)).await;
    let mut stream = TcpStream::connect("server:80").await.expect("it listens");
    sleep(Duration::from_millis(3_998)).await;
    let start = Instant::now();
    match ping(&mut stream).await {
        Ok(()) => note(&notes, start, "answered"),
        Err(error) => note(&notes, start, format!("{:?}", error.kind())),
    }
    note(
        &notes,
        start,
        format!("{:?}", stream.write(b"x").await.map_err(|e| e.kind())),
    );
}

#[test]
fn traffic_resumes_at_the_next_retransmission_after_the_heal() {
    // A probe comes after 202 ms, which is a time-out; then 404, 808, 1616, 3232, 6464 and 12928 ms
    // after the first, as the `kernel` tests see it.
    for (lasts, resumed) in [(100, 202), (500, 808), (5_000, 6_464), (10_000, 12_928)] {
        let cut = partition(host("client"), host("server"));
        let cut = cut.at(millis(4_990)).lasting(millis(lasts));
        let (noted, _) = run(60, vec![cut], echo, ping_at_five);
        assert_eq!(
            noted[0],
            (resumed + 2, "answered".into()),
            "cut for {lasts} ms"
        );
    }
}

#[test]
fn a_cut_answer_way_delays_as_well() {
    let cut = partition_one_way(host("server"), host("client"));
    let (noted, _) = run(
        60,
        vec![cut.at(millis(4_990)).lasting(secs(3))],
        echo,
        ping_at_five,
    );
    let (at, what) = &noted[0];
    assert_eq!(what, "answered");
    assert!((3_000..6_300).contains(at), "{noted:?}");
}

#[test]
fn after_a_quarter_of_an_hour_of_silence_the_sender_gives_up() {
    let cut = partition(host("client"), host("server")).at(millis(4_990));
    let (noted, _) = run(1_500, vec![cut], echo, ping_at_five);
    let (at, what) = &noted[0];
    assert_eq!(what, &format!("{:?}", ErrorKind::TimedOut));
    assert!((924_600..930_000).contains(at), "{noted:?}");
}

#[test]
fn writes_fill_the_send_buffer_and_then_wait() {
    async fn write_on(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        sleep(Duration::from_secs(5)).await;
        let start = Instant::now();
        let mut taken = 0;
        while let Ok(count) = timeout(Duration::from_secs(1), stream.write(&[0; 4096])).await {
            taken += count.expect("nobody hangs up");
        }
        note(&notes, start, format!("{}", taken >> 10));
    }
    let cut = partition(host("client"), host("server")).at(secs(3));
    let (noted, _) = run(60, vec![cut], echo, write_on);
    assert_eq!(
        noted,
        [(1_000, "256".into())],
        "the send buffer holds 256 KiB"
    );
}

#[test]
fn what_is_on_its_way_when_the_link_is_cut_is_lost_and_sent_again() {
    let cut = partition(host("client"), host("server"));
    let cut = cut.at(Span::from_nanos(5_000_500_000)).lasting(millis(50));
    let (noted, record) = run(60, vec![cut], echo, ping_at_five);
    assert_eq!(noted[0], (204, "answered".into()));
    let hit = record
        .events
        .iter()
        .any(|record| matches!(record.event, Event::FaultHit { .. }));
    assert!(hit, "the fault touched a request in flight");
}

#[test]
fn a_lone_lost_segment_costs_a_time_out_and_one_followed_by_others_a_round_trip() {
    async fn send(notes: Notes, more: usize) {
        sleep(Duration::from_secs(1)).await;
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        stream.set_nodelay(true).expect("it is open");
        sleep(Duration::from_millis(3_998)).await;
        let start = Instant::now();
        stream.write_all(b"lost").await.expect("taken");
        for _ in 0..more {
            sleep(Duration::from_millis(1)).await;
            stream.write_all(b"kept").await.expect("taken");
        }
        let mut back = vec![0; 4 * (more + 1)];
        stream
            .read_exact(&mut back)
            .await
            .expect("all of it comes back");
        note(&notes, start, "all");
    }
    let lossy = || loss(host("client"), host("server"), 1.0).at(millis(4_990));
    let (alone, _) = run(60, vec![lossy().lasting(millis(11))], echo, |notes| {
        send(notes, 0)
    });
    assert_eq!(alone[0].0, 204, "200 ms and two round trips");
    let (followed, _) = run(60, vec![lossy().lasting(millis(11))], echo, |notes| {
        send(notes, 3)
    });
    assert!(followed[0].0 < 12, "about a round trip: {followed:?}");
}

#[test]
fn loss_never_changes_the_bytes() {
    async fn exchange(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let mut stream = TcpStream::connect("server:80").await.expect("in the end");
        let start = Instant::now();
        for number in 0..400u32 {
            let sent = number.to_le_bytes();
            stream.write_all(&sent).await.expect("taken");
            let mut back = [0; 4];
            stream.read_exact(&mut back).await.expect("it comes");
            assert_eq!(back, sent);
        }
        note(&notes, start, "done");
    }
    let faults = vec![
        loss(host("client"), host("server"), 0.1),
        loss(host("server"), host("client"), 0.1),
    ];
    let (noted, record) = run(300, faults, echo, exchange);
    assert_eq!(noted.len(), 1, "{:?}", record.rules);
    assert!(noted[0].0 > 400 * 2 + 1000, "losses cost time: {noted:?}");
}
