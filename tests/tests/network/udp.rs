//! Datagrams between two hosts, and what links do to them.

use crate::stage::{Notes, exact, note, run, run_on};
use std::io::ErrorKind;
use tokio::{
    net::UdpSocket,
    time::{Duration, Instant, sleep},
};
use windtunnel::record::{Bandwidth, Event, Impairments, Size, Span};
use windtunnel::{
    Fault, Network, corrupt, crash, duplicate, host, loss, millis, partition, power_loss, reorder,
    secs,
};

/// Notes each datagram with when it came; the run began with the process.
async fn listen(notes: Notes) {
    let start = Instant::now();
    let socket = UdpSocket::bind("0.0.0.0:53").await.expect("free");
    let mut room = [0; 2_048];
    loop {
        let (count, _) = socket
            .recv_from(&mut room)
            .await
            .expect("no peer, no error");
        let text = String::from_utf8_lossy(&room[..count.min(8)]).into_owned();
        note(&notes, start, text);
    }
}

/// Sends a numbered datagram each 10 ms from 1 s on.
async fn hundred(_: Notes) {
    let socket = UdpSocket::bind("0.0.0.0:0").await.expect("free");
    sleep(Duration::from_secs(1)).await;
    for number in 0..100 {
        let text = format!("{number:03}");
        socket
            .send_to(text.as_bytes(), "server:53")
            .await
            .expect("taken");
        sleep(Duration::from_millis(10)).await;
    }
}

fn seen(fault: Fault) -> Vec<String> {
    let (noted, record) = run(5, vec![fault], listen, hundred);
    let hit = |event: &Event| matches!(event, Event::FaultHit { .. });
    assert!(record.events.iter().any(|record| hit(&record.event)));
    noted.into_iter().map(|(_, what)| what).collect()
}

fn all() -> Vec<String> {
    (0..100).map(|number| format!("{number:03}")).collect()
}

#[test]
fn a_datagram_takes_the_latency_of_its_link() {
    let (noted, _) = run(5, vec![], listen, hundred);
    let (times, texts): (Vec<u64>, Vec<String>) = noted.into_iter().unzip();
    assert_eq!(texts, all());
    assert_eq!(times[..3], [1_001, 1_011, 1_021]);
}

#[test]
fn what_links_do_to_datagrams_is_seen() {
    let ends = || (host("client"), host("server"));
    let lost = seen({
        let (from, to) = ends();
        loss(from, to, 0.3)
    });
    assert!((55..85).contains(&lost.len()), "{}", lost.len());

    let twice = seen({
        let (from, to) = ends();
        duplicate(from, to, 0.3)
    });
    assert!((115..145).contains(&twice.len()), "{}", twice.len());
    let mut once = twice;
    once.dedup();
    assert_eq!(once, all());

    let late = seen({
        let (from, to) = ends();
        reorder(from, to, 0.3, millis(25))
    });
    assert_ne!(late, all());
    let mut sorted = late;
    sorted.sort();
    assert_eq!(sorted, all());

    let wrong = seen({
        let (from, to) = ends();
        corrupt(from, to, 0.3)
    });
    assert_eq!(wrong.len(), 100);
    let right = wrong.iter().zip(all()).filter(|(got, sent)| *got == sent);
    let right = right.count();
    assert!((55..85).contains(&right), "{right}");
}

#[test]
fn a_wrong_bit_is_one_bit() {
    async fn compare(notes: Notes) {
        let socket = UdpSocket::bind("0.0.0.0:53").await.expect("free");
        let mut room = [0; 64];
        let count = socket.recv(&mut room).await.expect("it comes");
        let wrong: u32 = room[..count].iter().map(|byte| byte.count_ones()).sum();
        note(&notes, Instant::now(), format!("{count} {wrong}"));
    }
    async fn zeros(_: Notes) {
        let socket = UdpSocket::bind("0.0.0.0:0").await.expect("free");
        sleep(Duration::from_secs(1)).await;
        socket.send_to(&[0; 64], "server:53").await.expect("taken");
    }
    let fault = corrupt(host("client"), host("server"), 1.0);
    let (noted, _) = run(5, vec![fault], compare, zeros);
    assert_eq!(noted, [(0, "64 1".into())]);
}

#[test]
fn what_is_lost_or_cut_off_is_not_told() {
    let cut = partition(host("client"), host("server"));
    // One is on its way when the link is cut: it left at 1.5 s and needs a millisecond.
    let got = seen(cut.at(Span::from_nanos(1_500_500_000)).lasting(millis(95)));
    let lost: Vec<String> = all()
        .into_iter()
        .filter(|sent| !got.contains(sent))
        .collect();
    let expected: Vec<String> = (50..60).map(|number| format!("{number:03}")).collect();
    assert_eq!(lost, expected);
    let dark = power_loss(host("server"))
        .at(millis(1_495))
        .lasting(secs(1));
    let got = seen(dark);
    assert_eq!(
        got,
        all()[..50],
        "nothing after its boot is for the new process' start"
    );
}

#[test]
fn a_port_that_nobody_has_is_told_after_a_round_trip() {
    async fn ask(notes: Notes) {
        let socket = UdpSocket::bind("0.0.0.0:0").await.expect("free");
        socket.connect("server:53").await.expect("nothing is sent");
        for at in [1, 4] {
            sleep(Duration::from_secs(at)).await;
            let start = Instant::now();
            socket.send(b"hello?").await.expect("taken");
            let mut room = [0; 8];
            let answer = tokio::time::timeout(Duration::from_secs(2), socket.recv(&mut room));
            let what = match answer.await {
                Ok(answer) => format!("{:?}", answer.map_err(|error| error.kind())),
                Err(_) => "nothing".into(),
            };
            note(&notes, start, what);
        }
    }
    async fn nobody(_: Notes) {
        std::future::pending().await
    }
    let refused = format!("Err({:?})", ErrorKind::ConnectionRefused);
    let (noted, _) = run(20, vec![], nobody, ask);
    assert_eq!(noted, [(2, refused.clone()), (2, refused.clone())]);
    // A host without power says nothing, and a process that died leaves a port that nobody has.
    let faults = vec![
        power_loss(host("server")).at(millis(500)).lasting(secs(1)),
        crash(host("server")).at(secs(4)).lasting(secs(9)),
    ];
    let (noted, _) = run(20, faults, listen, ask);
    assert_eq!(noted, [(2_000, "nothing".into()), (2, refused)]);
}

#[test]
fn a_narrow_link_delays_datagrams_and_drops_what_finds_no_room() {
    async fn burst(_: Notes) {
        let socket = UdpSocket::bind("0.0.0.0:0").await.expect("free");
        sleep(Duration::from_secs(1)).await;
        for number in 0..20 {
            // 1,000 bytes with all headers.
            let text = format!("{number:<958}");
            socket
                .send_to(text.as_bytes(), "server:53")
                .await
                .expect("it does not wait");
        }
    }
    let network = Network {
        impairments: Impairments {
            // 100 bytes in a millisecond, and room for ten datagrams.
            bandwidth: Some(Bandwidth::from_bits_per_second(800_000)),
            queue: Some(Size::from_bytes(10_000)),
            ..Impairments::default()
        },
        ..exact()
    };
    let (noted, _) = run_on(network, 5, vec![], listen, burst);
    let (times, texts): (Vec<u64>, Vec<String>) = noted.into_iter().unzip();
    let expected: Vec<u64> = (1..=10).map(|number| 1_001 + 10 * number).collect();
    assert_eq!(times, expected);
    assert_eq!(texts[9].trim(), "9");
}

#[test]
fn everybody_means_the_hosts_of_a_zone() {
    async fn call(_: Notes) {
        let socket = UdpSocket::bind("0.0.0.0:0").await.expect("free");
        socket.set_broadcast(true).expect("set");
        sleep(Duration::from_secs(1)).await;
        let to = "255.255.255.255:53";
        socket.send_to(b"everyone", to).await.expect("sent");
    }
    let (noted, _) = run(5, vec![], listen, call);
    assert_eq!(noted, [(1_001, "everyone".into())]);
}
