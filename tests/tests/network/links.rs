//! What a link does that carries only so much, and what TCP makes of packets that come twice, late or
//! wrong.

use crate::stage::{Notes, echo, exact, note, ping, run, run_on};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant, sleep},
};
use windtunnel::checkers::EventExt;
use windtunnel::record::{
    Bandwidth, Distribution, Event, Impairments, Reorder, RunRecord, Size, Span,
};
use windtunnel::{Network, bandwidth, corrupt, duplicate, host, millis, reorder, secs};

/// A network with a fixed latency in each direction, whose links carry so much.
fn limited(latency: Span, mbit: u64, queue: Option<Size>) -> Network {
    let latency = Some(Distribution::Fixed(latency));
    Network {
        same_zone: latency,
        cross_zone: latency,
        impairments: Impairments {
            bandwidth: Some(Bandwidth::from_mbit(mbit)),
            queue,
            ..Impairments::default()
        },
        ..Network::default()
    }
}

/// The byte at this place of the stream that all tests here send.
fn byte(at: usize) -> u8 {
    (at * 31 + at / 251) as u8
}

/// Takes what comes, checks each byte, and notes how many there were at each full 100 ms and at the
/// end.
async fn take(notes: Notes) {
    let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
    let (mut stream, _) = listener.accept().await.expect("somebody comes");
    let start = Instant::now();
    let mut room = vec![0; 64 << 10];
    let (mut taken, mut next) = (0, 100);
    while let Ok(count @ 1..) = stream.read(&mut room).await {
        let right = room[..count].iter().enumerate();
        let right = right.filter(|(at, found)| **found == byte(taken + at));
        assert_eq!(right.count(), count, "bytes are in order, each once");
        taken += count;
        while start.elapsed().as_millis() as u64 >= next {
            note(&notes, start, taken.to_string());
            next += 100;
        }
    }
    note(&notes, start, taken.to_string());
}

/// Sends `bytes` bytes at 1 s and hangs up.
async fn send(bytes: usize) {
    sleep(Duration::from_secs(1)).await;
    let mut stream = TcpStream::connect("server:80").await.expect("it listens");
    let all: Vec<u8> = (0..bytes).map(byte).collect();
    stream.write_all(&all).await.expect("taken");
}

/// How many bits with all headers passed in each second between two times, in milliseconds.
fn throughput(noted: &[(u64, String)], from: u64, to: u64) -> f64 {
    let at = |time: u64| {
        let later = noted.iter().find(|(at, _)| *at >= time);
        let (at, taken) = later.expect("it takes that long");
        (*at as f64 / 1e3, taken.parse::<f64>().expect("a number"))
    };
    let ((began, before), (ended, after)) = (at(from), at(to));
    let on_the_wire = (after - before) * (1448.0 + 66.0) / 1448.0;
    on_the_wire * 8.0 / (ended - began)
}

fn retransmissions(record: &RunRecord) -> usize {
    let again = |event: &Event| matches!(event, Event::Retransmission { .. });
    let events = record.events.iter();
    events.filter(|record| again(&record.event)).count()
}

#[test]
fn throughput_settles_at_the_rate_of_the_link() {
    // Megabits, the latency of one direction in microseconds, megabytes sent.
    for (mbit, latency, megabytes) in [
        (1, 10_000, 1),
        (10, 1_000, 6),
        (10, 20_000, 6),
        (100, 5_000, 12),
        (1_000, 200, 16),
    ] {
        let network = limited(Span::from_micros(latency), mbit, None);
        let bytes = megabytes << 20;
        let (noted, _) = run_on(network, 60, vec![], take, move |_| send(bytes));
        let (ended, taken) = noted.last().expect("it ended");
        let measured = throughput(&noted, ended / 4, *ended) / 1e6;
        let off = (measured / mbit as f64 - 1.0).abs();
        assert!(off < 0.05, "{measured} of {mbit} Mbit/s at {latency} us");
        assert_eq!(*taken, bytes.to_string());
    }
}

#[test]
fn a_queue_far_too_short_costs_throughput_and_never_a_byte() {
    // Two round trips carry 50 KB; five packets may wait.
    let network = limited(millis(20), 10, Some(Size::from_bytes(7_570)));
    let (noted, record) = run_on(network, 120, vec![], take, |_| send(6 << 20));
    let (ended, taken) = noted.last().expect("it ended");
    let measured = throughput(&noted, ended / 4, *ended) / 1e6;
    assert!((6.0..9.5).contains(&measured), "{measured} Mbit/s");
    assert_eq!(*taken, (6 << 20).to_string());
    let again = retransmissions(&record);
    assert!(again > 3, "the queue was full at times: {again}");
}

#[test]
fn a_sender_begins_with_ten_segments_and_doubles_them_each_round_trip() {
    let network = limited(millis(50), 1_000, None);
    let (_, record) = run_on(network, 20, vec![], take, |_| send(200 * 1_448));
    let sent = record
        .events
        .iter()
        .filter_map(|record| match record.event {
            Event::Segment { length, .. } => Some((record.at.as_nanos() / 1_000_000, length)),
            _ => None,
        });
    let mut rounds: Vec<(u64, u32)> = Vec::new();
    for (at, length) in sent {
        match rounds.last_mut() {
            Some((began, sum)) if at < *began + 50 => *sum += length,
            _ => rounds.push((at, length)),
        }
    }
    let sizes: Vec<u32> = rounds.iter().map(|(_, bytes)| bytes / 1_448).collect();
    assert_eq!(sizes[..4], [10, 20, 40, 80], "{rounds:?}");
}

#[test]
fn who_shares_a_link_waits_in_its_queue() {
    async fn measure(notes: Notes) {
        tokio::spawn(send(4 << 20));
        sleep(Duration::from_millis(500)).await;
        let mut stream = TcpStream::connect("server:81").await.expect("it listens");
        for _ in 0..2 {
            let start = Instant::now();
            ping(&mut stream).await.expect("it answers");
            note(&notes, start, "a ping");
            sleep(Duration::from_secs(2)).await;
        }
        sleep(Duration::from_secs(20)).await;
        let start = Instant::now();
        ping(&mut stream).await.expect("it answers");
        note(&notes, start, "a ping on the idle link");
    }
    async fn serve(notes: Notes) {
        tokio::spawn(take(Notes::default()));
        let listener = TcpListener::bind("0.0.0.0:81").await.expect("free");
        let (mut stream, _) = listener.accept().await.expect("somebody comes");
        while ping_back(&mut stream).await.is_ok() {}
        drop(notes);
    }
    async fn ping_back(stream: &mut TcpStream) -> std::io::Result<()> {
        let mut room = [0; 4];
        stream.read_exact(&mut room).await?;
        stream.write_all(&room).await
    }
    let network = limited(millis(1), 10, None);
    let (noted, _) = run_on(network, 60, vec![], serve, measure);
    let times: Vec<u64> = noted.iter().map(|(at, _)| *at).collect();
    assert_eq!(times[0], 2, "the bulk has not begun");
    assert!(
        (40..=110).contains(&times[1]),
        "in a queue of 100 ms: {times:?}"
    );
    assert_eq!(times[2], 2);
}

#[test]
fn a_bandwidth_fault_narrows_a_link_while_it_lasts() {
    let narrow = bandwidth(host("client"), host("server"), Bandwidth::from_mbit(2));
    let faults = vec![narrow.at(secs(4)).lasting(secs(4))];
    let free = limited(millis(1), 20, None);
    let (noted, record) = run_on(free, 60, faults, take, |_| send(14 << 20));
    // The stream begins at 1 s.
    let stretches = [
        (1_000, 2_900, 20.0),
        (3_100, 6_900, 2.0),
        (7_100, 8_900, 20.0),
    ];
    for (from, to, mbit) in stretches {
        let measured = throughput(&noted, from, to) / 1e6;
        let off = (measured / mbit - 1.0).abs();
        assert!(off < 0.05, "{measured} of {mbit} Mbit/s: {noted:?}");
    }
    assert_eq!(noted.last().expect("it ended").1, (14 << 20).to_string());
    let hit = |event: &Event| event.is_fault_hit("bandwidth");
    assert!(record.events.iter().any(|record| hit(&record.event)));
}

#[test]
fn on_a_link_without_bound_a_narrow_time_leaves_nothing_behind() {
    let narrow = bandwidth(host("client"), host("server"), Bandwidth::from_mbit(1));
    let faults = vec![narrow.at(secs(2)).lasting(secs(2))];
    async fn send_twice(notes: Notes) {
        let start = Instant::now();
        sleep(Duration::from_millis(1_900)).await;
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        let all: Vec<u8> = (0..(2 << 20)).map(byte).collect();
        stream.write_all(&all[..1 << 20]).await.expect("taken");
        sleep(Duration::from_millis(150)).await;
        stream.write_all(&all[1 << 20..]).await.expect("taken");
        note(&notes, start, "written");
    }
    let (noted, record) = run(30, faults, take, send_twice);
    let (ended, taken) = noted.last().expect("it ended");
    assert_eq!(*taken, (2 << 20).to_string());
    // Two seconds at 1 Mbit/s carry a quarter of a megabyte; the rest goes at once.
    assert!((2_090..2_400).contains(ended), "{noted:?}");
    let last = record.events.iter().rfind(|record| {
        matches!(
            record.event,
            Event::Segment { .. } | Event::Retransmission { .. }
        )
    });
    assert!(last.expect("some were sent").at.as_nanos() < 4_300_000_000);
}

/// Exchanges 400 numbers and notes how long it took.
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

#[test]
fn under_tcp_duplicates_are_nothing_and_late_or_wrong_packets_are_delay() {
    let both = || (host("client"), host("server"));
    let ((a, b), (c, d), (e, f)) = (both(), both(), both());
    for (fault, shortest, longest) in [
        (duplicate(a, b, 0.5), 800, 800),
        (reorder(c, d, 0.5, millis(5)), 1_600, 2_000),
        (corrupt(e, f, 0.1), 800 + 20 * 200, 800 + 80 * 250),
    ] {
        let kind = format!("{fault:?}");
        let (noted, record) = run(60, vec![fault], echo, exchange);
        let (took, _) = noted.first().expect("it ended");
        assert!((shortest..=longest).contains(took), "{took} ms: {kind}");
        let hit = |event: &Event| matches!(event, Event::FaultHit { .. });
        assert!(
            record.events.iter().any(|record| hit(&record.event)),
            "{kind}"
        );
    }
}

#[test]
fn what_faults_do_to_links_their_settings_do_as_well() {
    let settings = |impairments| Network {
        impairments,
        ..exact()
    };
    let reorder = Reorder {
        rate: 0.5,
        by: Distribution::Fixed(millis(5)),
    };
    for (impairments, shortest) in [
        (
            Impairments {
                duplicate: Some(0.5),
                ..Impairments::default()
            },
            800,
        ),
        (
            Impairments {
                reorder: Some(reorder),
                ..Impairments::default()
            },
            // Both directions.
            2_400,
        ),
        (
            Impairments {
                corrupt: Some(0.1),
                ..Impairments::default()
            },
            4_800,
        ),
    ] {
        let (noted, _) = run_on(settings(impairments), 90, vec![], echo, exchange);
        let (took, _) = noted.first().expect("it ended");
        assert!(*took >= shortest, "{took} ms with {impairments:?}");
    }
}

#[test]
fn a_stream_over_a_link_that_does_all_of_it_is_whole() {
    let reorder = Reorder {
        rate: 0.05,
        by: Distribution::Exponential { mean: millis(3) },
    };
    let network = Network {
        impairments: Impairments {
            bandwidth: Some(Bandwidth::from_mbit(20)),
            queue: Some(Size::from_kib(40)),
            duplicate: Some(0.05),
            reorder: Some(reorder),
            corrupt: Some(0.01),
        },
        loss: Some(0.01),
        ..exact()
    };
    let cut = windtunnel::partition(host("client"), host("server"));
    let faults = vec![cut.at(secs(2)).lasting(millis(700))];
    let (noted, _) = run_on(network, 120, faults, take, |_| send(3 << 20));
    assert_eq!(noted.last().expect("it ended").1, (3 << 20).to_string());
}
