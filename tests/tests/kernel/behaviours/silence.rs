//! Open connections whose wire is cut or loses packets.

use crate::{
    account::Account,
    behaviour::Behaviour,
    part::{Part, echo, pattern, ping},
    plan::{Act, Host, Way},
};
use std::{future::Future, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

pub fn behaviours() -> Vec<Behaviour> {
    vec![
        resumes(
            "after_a_short_cut_both_ways_traffic_resumes",
            Way::Both,
            600,
        ),
        resumes(
            "after_a_cut_towards_the_server_traffic_resumes",
            Way::ToServer,
            1_300,
        ),
        resumes(
            "after_a_cut_towards_the_client_traffic_resumes",
            Way::ToClient,
            1_300,
        ),
        resumes(
            "after_a_longer_cut_both_ways_traffic_resumes",
            Way::Both,
            2_900,
        ),
        Behaviour::new("an_open_connection_times_out_after_its_retransmissions")
            .retries2(3)
            .during(Act::Cut(Way::Both).from(500))
            .server(echo)
            .client(|part| async move {
                let mut stream = part.connect().await;
                ping(&mut stream).await.expect("it answers");
                part.at(600).await;
                part.told("ping", ping(&mut stream).await);
                part.told("read", stream.read(&mut [0; 8]).await);
                part.told("write", stream.write(b"x").await);
            })
            .judge(|seen| {
                let told = seen.when(Host::Client, "ping: TimedOut");
                seen.client("ping: TimedOut", 6_700..7_900);
                seen.client("read: 0", told..told + 50);
                seen.client("write: BrokenPipe", told..told + 50);
            }),
        Behaviour::new("who_only_reads_never_learns_of_a_cut")
            .retries2(3)
            .during(Act::Cut(Way::Both).from(500))
            .server(echo)
            .client(|part| async move {
                let mut stream = part.connect().await;
                ping(&mut stream).await.expect("it answers");
                let silence = timeout(Duration::from_secs(9), stream.read(&mut [0; 8])).await;
                part.note(if silence.is_err() { "silence" } else { "told" });
            })
            .judge(|seen| seen.client("silence", 9_150..9_600)),
        Behaviour::new("keep_alive_finds_out_that_the_peer_is_silent")
            .keep_alive([2, 1, 3])
            .during(Act::Cut(Way::Both).from(1_000))
            .server(echo)
            .client(kept_alive)
            // The last sign came at 0.2 s; probes leave at 2.2, 3.2 and 4.2 s.
            .judge(|seen| seen.client("read: TimedOut", 5_150..5_900)),
        Behaviour::new("keep_alive_finds_out_that_the_peer_was_away")
            .keep_alive([2, 1, 3])
            .during(Act::PowerLoss(Host::Server).from(1_000).lasting(500))
            .server(echo)
            .client(kept_alive)
            .judge(|seen| seen.client("read: ConnectionReset", 2_150..2_900)),
        Behaviour::new("keep_alive_leaves_a_connection_alone_whose_peer_answers")
            .keep_alive([1, 1, 1])
            .server(echo)
            .client(|part| async move {
                let waited = timeout(Duration::from_secs(4), kept_alive(part.clone())).await;
                part.note(if waited.is_err() { "silence" } else { "told" });
            })
            .judge(|seen| seen.client("silence", 4_000..4_300)),
        Behaviour::new("an_idle_connection_outlives_any_cut")
            .retries2(3)
            .during(Act::Cut(Way::Both).from(500).lasting(8_000))
            .server(echo)
            .client(|part| async move {
                let mut stream = part.connect().await;
                ping(&mut stream).await.expect("it answers");
                part.at(8_600).await;
                part.told("ping", ping(&mut stream).await);
            })
            .judge(|seen| seen.client("ping: ()", 8_600..8_700)),
        Behaviour::new("behind_a_cut_writes_fill_the_send_buffer_and_then_wait")
            .during(Act::Cut(Way::Both).from(500))
            .server(|part| async move {
                // Without the cut it would take whatever comes.
                let mut stream = part.accept().await;
                let mut room = vec![0; 64 << 10];
                while let Ok(1..) = stream.read(&mut room).await {}
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                part.at(600).await;
                let mut taken = 0;
                let second = Duration::from_secs(1);
                while let Ok(count) = timeout(second, stream.write(&[0; 4096])).await {
                    taken += count.expect("nobody hangs up");
                    assert!(taken < 64 << 20, "it waits");
                }
                part.note(format!("taken {taken}"));
            })
            .judge(|seen| {
                seen.number(Host::Client, "taken", 16 << 10..8 << 20);
            }),
        loses_one(
            "a_lone_lost_segment_costs_200_milliseconds",
            |mut stream| async move {
                stream.write_all(b"lost").await.expect("taken");
                stream.read_exact(&mut [0; 4]).await.expect("in the end");
            },
        )
        .judge(|seen| seen.took("sent", "back", 190..300)),
        loses_one(
            "a_lost_segment_followed_by_another_costs_a_round_trip",
            |mut stream| async move {
                // Nagle's algorithm would keep the second back.
                stream.set_nodelay(true).expect("an option");
                stream.write_all(b"lost").await.expect("taken");
                let mut back = [0; 8];
                let pause = Duration::from_millis(40);
                let early = timeout(pause, stream.read(&mut back)).await;
                assert!(early.is_err(), "the first was lost");
                stream.write_all(b"kept").await.expect("taken");
                stream.read_exact(&mut back).await.expect("both come back");
                assert_eq!(&back, b"lostkept");
            },
        )
        .judge(|seen| seen.took("sent", "back", 40..150)),
        loses_one(
            "a_lost_burst_of_several_packets_is_probed_for_after_two_round_trips",
            |mut stream| async move {
                let burst = pattern(0, 10_000);
                stream.write_all(&burst).await.expect("taken");
                let mut back = vec![0; burst.len()];
                stream.read_exact(&mut back).await.expect("all comes back");
                assert!(back == burst);
            },
        )
        .judge(|seen| seen.took("sent", "back", 2..120)),
    ]
}

/// Reads from a connection that is kept alive and on which nothing is said.
async fn kept_alive(part: Part) {
    part.at(200).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_keepalive(true).expect("an option");
    let mut stream = socket.connect(part.server()).await.expect("it listens");
    part.told("read", stream.read(&mut [0; 8]).await);
}

/// What the client sends first at the instant 600 ms is lost.
fn loses_one<F>(
    name: &'static str,
    send: impl Fn(TcpStream) -> F + Copy + Send + Sync + 'static,
) -> Behaviour
where
    F: Future<Output = ()> + 'static,
{
    Behaviour::new(name)
        .during(Act::LoseOne(Way::ToServer).from(599).lasting(2))
        .server(echo)
        .client(move |part| async move {
            let mut stream = part.connect().await;
            ping(&mut stream).await.expect("it answers");
            part.at(600).await;
            part.note("sent");
            send(stream).await;
            part.note("back");
        })
}

/// How many bytes are written during the cut, in pieces.
const WRITTEN: usize = 3_000;

/// What is written during a cut arrives once and in order, at the first retransmission after the heal:
/// their gaps double, so that it takes at most as long again as the cut has lasted.
fn resumes(name: &'static str, way: Way, lasts: u64) -> Behaviour {
    let judge = move |seen: &Account| {
        let healed = 500 + lasts;
        seen.client("intact", healed - 20..600 + 2 * (lasts - 100) + 500);
    };
    Behaviour::new(name)
        .during(Act::Cut(way).from(500).lasting(lasts))
        .server(echo)
        .client(write_into_the_cut)
        .judge(judge)
}

async fn write_into_the_cut(part: Part) {
    let mut stream = part.connect().await;
    ping(&mut stream).await.expect("it answers");
    let sent = pattern(0, WRITTEN);
    part.at(600).await;
    for piece in sent.chunks(WRITTEN / 3) {
        stream.write_all(piece).await.expect("the kernel takes it");
    }
    let mut back = vec![0; WRITTEN];
    stream.read_exact(&mut back).await.expect("it comes back");
    part.note(if back == sent { "intact" } else { "garbled" });
    let more = timeout(Duration::from_millis(500), stream.read(&mut [0; 8])).await;
    assert!(more.is_err(), "nothing arrives twice");
}
