//! Readers that do not read, and processes that are stopped.

use crate::{
    behaviour::Behaviour,
    part::{echo, pattern, ping},
    plan::{Act, Host, Way},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// More than any two kernels hold between them.
const PLENTY: usize = 64 << 20;
/// Bytes of one write.
const PIECE: usize = 64 << 10;

pub fn behaviours() -> Vec<Behaviour> {
    vec![
        Behaviour::new("a_reader_that_does_not_read_closes_the_window_and_stops_the_writer")
            .server(|part| async move {
                let _stream = part.accept().await;
                std::future::pending().await
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                let taken = fill(&mut stream).await;
                part.note(format!("taken {taken}"));
            })
            .judge(bounded),
        Behaviour::new("a_window_that_opens_lets_the_writer_go_on")
            .server(|part| async move {
                let mut stream = part.accept().await;
                part.at(2_000).await;
                let mut got = Vec::new();
                stream.read_to_end(&mut got).await.expect("to the end");
                let intact = got == pattern(0, got.len());
                part.note(format!("intact {intact}"));
                stream
                    .write_all(&(got.len() as u64).to_le_bytes())
                    .await
                    .expect("written");
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                let taken = fill(&mut stream).await;
                part.note(format!("taken {taken}"));
                let more = pattern(taken as u64, 1 << 20);
                stream
                    .write_all(&more)
                    .await
                    .expect("it is read in the end");
                part.note("went on");
                stream.shutdown().await.expect("shut down");
                let arrived = stream.read_u64_le().await.expect("told");
                assert_eq!(arrived, (taken + more.len()) as u64);
                part.note("all arrived");
            })
            .judge(|seen| {
                bounded(seen);
                // A closed window is probed at growing gaps, but its opening is announced.
                seen.client("went on", 1_950..3_500);
                seen.server("intact true", 2_000..4_500);
                seen.client("all arrived", 2_000..4_500);
            }),
        Behaviour::new("a_stopped_process_leaves_its_kernel_to_acknowledge")
            .retries2(3)
            .during(Act::Stop(Host::Server).from(500).lasting(8_000))
            .server(echo)
            .client(|part| async move {
                let mut stream = part.connect().await;
                ping(&mut stream).await.expect("it answers");
                part.at(600).await;
                // Without acknowledgements this would time out after 6 s.
                part.told("ping", ping(&mut stream).await);
            })
            .judge(|seen| seen.client("ping: ()", 8_480..8_900)),
        Behaviour::new("a_stopped_process_is_connected_to_by_its_kernel")
            .during(Act::Stop(Host::Server).from(500).lasting(1_500))
            .server(echo)
            .client(|part| async move {
                part.at(700).await;
                let connected = TcpStream::connect(part.server()).await;
                let mut stream = connected.expect("its kernel answers");
                part.note("connected");
                part.told("ping", ping(&mut stream).await);
            })
            .judge(|seen| {
                seen.client("connected", 700..900);
                seen.client("ping: ()", 1_980..2_300);
            }),
        Behaviour::new("a_stopped_reader_closes_its_window_and_goes_on_where_it_was")
            .during(Act::Stop(Host::Server).from(500).lasting(3_000))
            .server(|part| async move {
                let mut stream = part.accept().await;
                let mut got = Vec::new();
                stream.read_to_end(&mut got).await.expect("to the end");
                let intact = got == pattern(0, got.len());
                part.note(format!("intact {intact}"));
                stream.write_all(b"done").await.expect("written");
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                part.at(700).await;
                let taken = fill(&mut stream).await;
                part.note(format!("taken {taken}"));
                stream.shutdown().await.expect("shut down");
                stream.read_exact(&mut [0; 4]).await.expect("told");
                part.note("done");
            })
            .judge(|seen| {
                bounded(seen);
                seen.server("intact true", 3_450..5_500);
                seen.client("done", 3_450..5_500);
            }),
        Behaviour::new("an_opening_that_is_announced_into_a_cut_is_probed_for")
            .during(Act::Cut(Way::ToClient).from(1_500).lasting(1_000))
            .server(|part| async move {
                let mut stream = part.accept().await;
                part.at(2_000).await;
                let mut got = Vec::new();
                stream.read_to_end(&mut got).await.expect("to the end");
                let intact = got == pattern(0, got.len());
                part.note(format!("intact {intact}"));
                stream.write_all(b"done").await.expect("written");
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                let taken = fill(&mut stream).await;
                part.note(format!("taken {taken}"));
                let more = pattern(taken as u64, 1 << 20);
                stream
                    .write_all(&more)
                    .await
                    .expect("it is read in the end");
                stream.shutdown().await.expect("shut down");
                stream.read_exact(&mut [0; 4]).await.expect("told");
                part.note("done");
            })
            .judge(|seen| {
                bounded(seen);
                seen.server("intact true", 2_480..6_500);
                seen.client("done", 2_480..6_500);
            }),
        Behaviour::new("who_waits_for_a_window_is_reset_when_the_reader_is_killed")
            .during(Act::Kill(Host::Server).from(1_500))
            .server(|part| async move {
                let _stream = part.accept().await;
                std::future::pending().await
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                fill(&mut stream).await;
                part.told("write", stream.write_all(&pattern(0, 1 << 20)).await);
                part.told("again", stream.write(b"x").await);
                part.told("read", stream.read(&mut [0; 8]).await);
            })
            .judge(|seen| {
                seen.client("write: ConnectionReset", 1_480..1_900);
                seen.client("again: BrokenPipe", 1_480..1_900);
                seen.client("read: 0", 1_480..1_900);
            }),
        Behaviour::new("a_closed_window_outlives_the_patience_of_retransmission")
            .retries2(3)
            .server(|part| async move {
                let mut stream = part.accept().await;
                part.at(9_000).await;
                let mut got = Vec::new();
                stream.read_to_end(&mut got).await.expect("to the end");
                part.note(format!("intact {}", got == pattern(0, got.len())));
                stream.write_all(b"done").await.expect("written");
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                fill(&mut stream).await;
                stream.shutdown().await.expect("shut down");
                stream.read_exact(&mut [0; 4]).await.expect("told");
                part.note("done");
            })
            .judge(|seen| {
                // Its probes are answered, so that nobody gives up.
                seen.server("intact true", 9_000..10_500);
                seen.client("done", 9_000..10_500);
            }),
    ]
}

/// Writes the pattern until no more is taken for 300 ms; how much was.
async fn fill(stream: &mut TcpStream) -> usize {
    let mut taken = 0;
    while taken < PLENTY {
        let piece = pattern(taken as u64, PIECE);
        match timeout(Duration::from_millis(300), stream.write(&piece)).await {
            Ok(count) => taken += count.expect("nobody hangs up"),
            Err(_) => break,
        }
    }
    taken
}

/// Both kernels took something, and then no more.
fn bounded(seen: &crate::account::Account) {
    seen.number(Host::Client, "taken", 64 << 10..PLENTY as u64);
}
