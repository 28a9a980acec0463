//! Opening a connection.

use crate::{
    behaviour::Behaviour,
    part::{Part, echo, idle, ping},
    plan::{Act, Host, Way},
};
use std::time::Duration;
use tokio::{
    net::{TcpSocket, TcpStream},
    time::sleep,
};

pub fn behaviours() -> Vec<Behaviour> {
    vec![
        Behaviour::new("a_connect_to_a_listener_succeeds_after_a_round_trip")
            .server(echo)
            .client(connect)
            .judge(|seen| seen.client("connect: ()", 200..300)),
        Behaviour::new("without_a_listener_a_connect_is_refused_after_a_round_trip")
            .server(idle)
            .client(connect)
            .judge(|seen| seen.client("connect: ConnectionRefused", 200..300)),
        black_holed(
            "a_connect_whose_syns_are_lost_times_out",
            Act::Cut(Way::ToServer),
        ),
        black_holed(
            "a_connect_whose_answers_are_lost_times_out",
            Act::Cut(Way::ToClient),
        ),
        black_holed(
            "a_connect_to_a_host_without_power_times_out",
            Act::PowerLoss(Host::Server),
        ),
        Behaviour::new("a_connect_to_nobody_on_the_same_link_finds_the_host_unreachable")
            .same_link()
            .server(idle)
            .client(|part| async move {
                part.at(200).await;
                let result = TcpStream::connect(part.nowhere()).await.map(drop);
                part.told("connect", result);
            })
            .judge(|seen| seen.client("connect: HostUnreachable", 3_150..3_700)),
        Behaviour::new("without_the_linear_start_a_connect_times_out_after_doubling_waits")
            .syns(2, 0)
            .during(Act::Cut(Way::Both).from(100))
            .server(echo)
            .client(connect)
            // 1, 2 and 4 s.
            .judge(|seen| seen.client("connect: TimedOut", 7_150..7_700)),
        // SYNs leave at 0.2, 1.2, 2.2, 3.2 s, and then 5.2 s.
        found_by_a_syn(
            "the_linear_syns_find_a_healed_wire_each_second",
            1_700,
            2_200,
        ),
        found_by_a_syn("the_doubling_syns_find_a_healed_wire_later", 3_700, 5_200),
        Behaviour::new("a_connect_to_a_host_that_boots_is_answered_by_its_kernel")
            .syns(4, 4)
            .during(Act::PowerLoss(Host::Server).from(100).lasting(1_500))
            .server(|part| async move {
                // Only the first life serves.
                if part.elapsed() < 1_000 {
                    echo(part).await;
                }
                std::future::pending().await
            })
            .client(connect)
            .judge(|seen| seen.client("connect: ConnectionRefused", 2_180..2_600)),
        Behaviour::new("lost_answers_make_no_second_connection")
            .during(Act::Cut(Way::ToClient).from(100).lasting(1_600))
            .server(|part| async move {
                let listener = part.listen().await;
                let mut held = Vec::new();
                loop {
                    held.push(listener.accept().await.expect("somebody comes"));
                    part.note(format!("accepted {}", held.len()));
                }
            })
            .client(|part| async move {
                part.at(200).await;
                let stream = TcpStream::connect(part.server()).await;
                let _stream = stream.expect("it is answered in the end");
                part.note("connected");
                part.at(4_000).await;
            })
            .judge(|seen| {
                seen.client("connected", 1_680..2_600);
                seen.server("accepted 1", 1_680..2_600);
                seen.never(Host::Server, "accepted 2");
            }),
        Behaviour::new("a_full_backlog_is_silence_until_there_is_room")
            .server(slow_to_accept)
            .client(three_at_once)
            .judge(|seen| {
                seen.client("0 connected", 200..400);
                seen.client("1 connected", 200..500);
                // Room is made at 1.8 s; the third's SYNs leave each second from about 0.3 s on.
                seen.client("2 connected", 1_800..4_000);
                seen.client("2 answered", 1_800..4_100);
            }),
        Behaviour::new("a_port_is_refused_while_its_process_is_dead_and_served_when_it_is_back")
            .during(Act::Kill(Host::Server).from(100).lasting(400))
            .server(echo)
            .client(|part| async move {
                connect(part.clone()).await;
                part.at(1_500).await;
                connect(part.clone()).await;
            })
            .judge(|seen| {
                seen.client("connect: ConnectionRefused", 200..400);
                seen.client("connect: ()", 1_500..1_800);
            }),
        Behaviour::new("what_waits_to_be_accepted_is_reset_with_its_listener")
            .during(Act::Kill(Host::Server).from(500))
            .server(|part| async move {
                let _listener = part.listen().await;
                std::future::pending().await
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                part.note("connected");
                part.told("ping", ping(&mut stream).await);
            })
            .judge(|seen| {
                seen.client("connected", 200..300);
                seen.client("ping: ConnectionReset", 480..900);
            }),
    ]
}

/// Connects at the instant 200 ms, or now if that is past.
async fn connect(part: Part) {
    part.at(200).await;
    let result = TcpStream::connect(part.server()).await.map(drop);
    part.told("connect", result);
}

/// SYNs at 0, 1 and 2 s, the end 2 s after the last.
fn black_holed(name: &'static str, act: Act) -> Behaviour {
    Behaviour::new(name)
        .syns(1, 1)
        .during(act.from(100))
        .server(echo)
        .client(connect)
        .judge(|seen| seen.client("connect: TimedOut", 4_150..4_600))
}

fn found_by_a_syn(name: &'static str, healed: u64, found: u64) -> Behaviour {
    Behaviour::new(name)
        .syns(4, 2)
        .during(Act::Cut(Way::Both).from(100).lasting(healed - 100))
        .server(echo)
        .client(connect)
        .judge(move |seen| seen.client("connect: ()", found - 20..found + 300))
}

/// A backlog of one lets two connections wait, as Linux counts.
async fn slow_to_accept(part: Part) {
    let socket = TcpSocket::new_v4().expect("a socket");
    let any = ([0, 0, 0, 0], part.server().port()).into();
    socket.bind(any).expect("the port is free");
    let listener = socket.listen(1).expect("it listens");
    part.at(1_800).await;
    loop {
        let (mut stream, _) = listener.accept().await.expect("the process lives");
        tokio::spawn(async move {
            let (mut from, mut to) = stream.split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        });
    }
}

async fn three_at_once(part: Part) {
    part.at(200).await;
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..3 {
        let part = part.clone();
        waiting.spawn(async move {
            sleep(Duration::from_millis(50 * number)).await;
            let connected = TcpStream::connect(part.server()).await;
            let mut stream = connected.expect("there is room in the end");
            part.note(format!("{number} connected"));
            ping(&mut stream).await.expect("it is served in the end");
            part.note(format!("{number} answered"));
            stream
        });
    }
    waiting.join_all().await;
}
