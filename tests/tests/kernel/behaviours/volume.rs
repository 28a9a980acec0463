//! Much at once: large transfers, and many connections.

use crate::{
    behaviour::Behaviour,
    part::{Part, echo, pattern, ping},
    plan::{Act, Way},
};
use std::ops::Range;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

pub fn behaviours() -> Vec<Behaviour> {
    vec![
        Behaviour::new("a_large_transfer_both_ways_arrives_whole")
            .server(echo)
            .client(|part| exchange(part, 8 << 20))
            .judge(|seen| seen.client("intact", 200..8_000)),
        Behaviour::new("under_loss_both_ways_every_byte_arrives_once_and_in_order")
            .during(Act::Lose(Way::ToServer, 0.02).from(300))
            .during(Act::Lose(Way::ToClient, 0.02).from(300))
            .server(echo)
            .client(|part| exchange(part, 1 << 20))
            .judge(|seen| seen.client("intact", 300..28_000)),
        Behaviour::new("two_small_writes_and_a_read_wait_for_a_held_back_acknowledgement")
            .server(|part| write_back(part, 20))
            .client(|part| small_writes(part, false))
            .judge(|seen| seen.took("begun", "done", 20 * 35..20 * 65)),
        Behaviour::new("without_nagle_two_small_writes_and_a_read_wait_for_nothing")
            .server(|part| write_back(part, 20))
            .client(|part| small_writes(part, true))
            .judge(|seen| seen.took("begun", "done", 0..20 * 20)),
        Behaviour::new("a_narrow_wire_carries_what_its_rate_says")
            .during(Act::Narrow(Way::ToServer, RATE).from(300))
            .server(count)
            .client(|part| async move {
                let mut stream = part.connect().await;
                part.at(600).await;
                part.note("begun");
                send(&mut stream).await;
                part.note("all arrived");
            })
            .judge(|seen| seen.took("begun", "all arrived", within_a_tenth())),
        Behaviour::new("two_who_share_a_narrow_wire_take_twice_as_long")
            .during(Act::Narrow(Way::ToServer, RATE).from(300))
            .server(count)
            .client(|part| async move {
                part.at(600).await;
                part.note("begun");
                let one = TcpStream::connect(part.server()).await;
                let other = TcpStream::connect(part.server()).await;
                let (mut one, mut other) = (one.expect("it listens"), other.expect("it listens"));
                tokio::join!(send(&mut one), send(&mut other));
                part.note("all arrived");
            })
            .judge(|seen| {
                let alone = within_a_tenth();
                seen.took("begun", "all arrived", 2 * alone.start..2 * alone.end);
            }),
        Behaviour::new("a_wire_that_is_wide_again_is_quick_again")
            .during(Act::Narrow(Way::ToServer, RATE).from(300).lasting(1_000))
            .server(count)
            .client(|part| async move {
                let mut stream = part.connect().await;
                part.at(600).await;
                part.note("begun");
                send(&mut stream).await;
                part.note("all arrived");
            })
            .judge(|seen| seen.client("all arrived", 1_250..2_000)),
        Behaviour::new("three_hundred_connections_are_served_side_by_side")
            .server(echo)
            .client(|part| async move {
                part.at(200).await;
                let mut all = JoinSet::new();
                for _ in 0..300 {
                    let server = part.server();
                    all.spawn(async move {
                        let mut stream = TcpStream::connect(server).await.expect("it listens");
                        ping(&mut stream).await.expect("it answers");
                        stream
                    });
                }
                let mut open = all.join_all().await;
                part.note(format!("open {}", open.len()));
                for stream in &mut open {
                    ping(stream).await.expect("each one still answers");
                }
                part.note("all answered");
            })
            .judge(|seen| {
                seen.client("open 300", 200..2_000);
                seen.client("all answered", 200..4_000);
            }),
    ]
}

/// Twenty questions in two writes each.
async fn small_writes(part: Part, nodelay: bool) {
    let mut stream = part.connect().await;
    stream.set_nodelay(nodelay).expect("an option");
    part.at(600).await;
    part.note("begun");
    for _ in 0..20 {
        stream.write_all(b"one").await.expect("taken");
        stream.write_all(b"two").await.expect("taken");
        stream.read_exact(&mut [0; 4]).await.expect("an answer");
    }
    part.note("done");
}

/// Answers so many questions, each when all of it is there.
async fn write_back(part: Part, count: usize) {
    let mut stream = part.accept().await;
    for _ in 0..count {
        stream.read_exact(&mut [0; 6]).await.expect("a question");
        stream.write_all(b"back").await.expect("taken");
    }
    std::future::pending().await
}

/// Megabits a second.
const RATE: u64 = 8;
/// Bytes that are sent at that rate.
const LOAD: u64 = 2_000_000;

/// How many milliseconds the load takes on the narrow wire, give or take a tenth. Each packet carries
/// 1448 bytes and 66 of headers.
fn within_a_tenth() -> Range<u64> {
    let exact = LOAD * 8 / (RATE * 1_000) * (1_448 + 66) / 1_448;
    exact * 9 / 10..exact * 11 / 10
}

/// Sends the load, and waits until it has arrived.
async fn send(stream: &mut TcpStream) {
    let load = pattern(0, LOAD as usize);
    stream.write_all(&load).await.expect("it is read");
    assert_eq!(stream.read_u64().await.expect("told"), LOAD);
}

/// A server that says of each connection when the load has arrived.
async fn count(part: Part) {
    let listener = part.listen().await;
    loop {
        let (mut stream, _) = listener.accept().await.expect("the process lives");
        tokio::spawn(async move {
            let mut got = vec![0; LOAD as usize];
            stream.read_exact(&mut got).await.expect("all of it comes");
            assert!(got == pattern(0, got.len()), "it is garbled");
            stream.write_u64(LOAD).await.expect("written");
        });
    }
}

/// Sends and receives `length` bytes at the same time.
async fn exchange(part: Part, length: usize) {
    let mut stream = part.connect().await;
    part.at(400).await;
    let sent = pattern(0, length);
    let (mut from, mut to) = stream.split();
    let mut back = vec![0; length];
    let (written, read) = tokio::join!(to.write_all(&sent), from.read_exact(&mut back));
    written.expect("it is read");
    read.expect("it comes back");
    part.note(if back == sent { "intact" } else { "garbled" });
}
