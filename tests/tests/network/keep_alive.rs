//! Keep-alive: how a connection on which nothing is said learns that its peer is gone.

use crate::{
    sockets::{kind, server_address},
    stage::{Notes, echo, note, ping, run},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    time::{Duration, Instant, sleep},
};
use windtunnel::record::Event;
use windtunnel::{host, partition, partition_one_way, power_loss, secs};

/// Connects with keep-alive, makes a round trip, and reads until something happens.
async fn listen_to_silence(notes: Notes, keep_alive: bool) {
    sleep(Duration::from_secs(1)).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_keepalive(keep_alive).expect("set");
    let address = server_address().await;
    let mut stream = socket.connect(address).await.expect("it listens");
    let start = Instant::now();
    ping(&mut stream).await.expect("it answers");
    let seen = stream.read(&mut [0; 8]).await;
    note(&notes, start, kind(seen));
    note(&notes, start, kind(stream.write(b"x").await));
}

const PROBED: u64 = 7_200_000 + 9 * 75_000;

#[test]
fn keep_alive_finds_out_that_a_host_is_gone_after_two_hours_and_nine_probes() {
    for fault in [
        power_loss(host("server")).at(secs(60)),
        partition(host("client"), host("server")).at(secs(60)),
        partition_one_way(host("server"), host("client")).at(secs(60)),
    ] {
        let (noted, record) = run(9_000, vec![fault], echo, |notes| {
            listen_to_silence(notes, true)
        });
        assert_eq!(
            noted,
            [
                (PROBED + 2, "TimedOut".into()),
                (PROBED + 2, "BrokenPipe".into())
            ]
        );
        let probe = |event: &Event| matches!(event, Event::Probe { .. });
        let probes = record.events.iter().filter(|record| probe(&record.event));
        assert_eq!(probes.count(), 9);
    }
}

#[test]
fn without_keep_alive_nobody_finds_out() {
    let gone = power_loss(host("server")).at(secs(60));
    let (noted, _) = run(20_000, vec![gone], echo, |notes| {
        listen_to_silence(notes, false)
    });
    assert_eq!(noted, []);
}

#[test]
fn a_host_that_came_back_answers_a_probe_by_a_reset() {
    let away = power_loss(host("server")).at(secs(60)).lasting(secs(60));
    let (noted, _) = run(9_000, vec![away], echo, |notes| {
        listen_to_silence(notes, true)
    });
    assert_eq!(noted[0], (7_200_004, "ConnectionReset".into()));
}

#[test]
fn probes_that_are_answered_go_on_and_nobody_notices() {
    // Three probes are lost, the fourth is answered, and two hours later another is.
    let cut = partition(host("client"), host("server"));
    let cut = cut.at(secs(7_000)).lasting(secs(400));
    let (noted, record) = run(20_000, vec![cut], echo, |notes| {
        listen_to_silence(notes, true)
    });
    assert_eq!(noted, []);
    let probe = |event: &Event| match event {
        Event::Probe { attempt, .. } => Some(*attempt),
        _ => None,
    };
    let attempts: Vec<u32> = record
        .events
        .iter()
        .filter_map(|record| probe(&record.event))
        .collect();
    assert_eq!(attempts, [1, 2, 3, 4, 1]);
}
