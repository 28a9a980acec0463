//! How connections end: by programs, by the death of a process, by the loss of power.

use crate::{
    behaviour::Behaviour,
    part::{Part, echo, pattern, ping},
    plan::{Act, Host, Way},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

pub fn behaviours() -> Vec<Behaviour> {
    let mut all = deaths();
    all.extend(closings());
    all
}

fn deaths() -> Vec<Behaviour> {
    vec![
        Behaviour::new("a_killed_process_that_read_everything_ends_its_streams")
            .during(Act::Kill(Host::Server).from(600))
            .server(echo)
            .client(read_on)
            .judge(|seen| seen.client("read: 0", 580..900)),
        Behaviour::new("a_killed_process_that_left_bytes_unread_resets")
            .during(Act::Kill(Host::Server).from(600))
            .server(deaf)
            .client(write_and_read_on)
            .judge(|seen| {
                seen.client("read: ConnectionReset", 580..900);
                seen.client("again: 0", 580..900);
                seen.client("write: BrokenPipe", 580..900);
            }),
        Behaviour::new("a_killed_process_behind_a_cut_is_noticed_after_the_heal")
            .during(Act::Cut(Way::Both).from(500).lasting(1_500))
            .during(Act::Kill(Host::Server).from(600))
            .server(echo)
            .client(read_on)
            // The FIN is sent again at gaps that double.
            .judge(|seen| seen.client("read: 0", 1_980..3_900)),
        Behaviour::new("a_reset_that_is_lost_is_made_good_by_the_next_segment")
            .during(Act::Cut(Way::Both).from(500).lasting(1_000))
            .during(Act::Kill(Host::Server).from(600))
            .server(deaf)
            .client(|part| async move {
                let mut stream = part.connect().await;
                stream.write_all(b"never read").await.expect("taken");
                part.at(1_700).await;
                let silence = timeout(Duration::from_millis(300), stream.read(&mut [0; 8])).await;
                part.note(if silence.is_err() { "silence" } else { "told" });
                stream.write_all(b"hello?").await.expect("taken");
                part.told("read", stream.read(&mut [0; 8]).await);
            })
            .judge(|seen| {
                seen.client("silence", 1_980..2_200);
                seen.client("read: ConnectionReset", 1_980..2_300);
            }),
        Behaviour::new("after_a_loss_of_power_there_is_silence_and_after_the_boot_a_reset")
            .during(Act::PowerLoss(Host::Server).from(500).lasting(800))
            .server(echo)
            .client(|part| async move {
                let mut stream = part.connect().await;
                ping(&mut stream).await.expect("it answers");
                let silence = timeout(Duration::from_millis(2_000), stream.read(&mut [0; 8])).await;
                part.note(if silence.is_err() { "silence" } else { "told" });
                stream.write_all(b"hello?").await.expect("taken");
                part.told("read", stream.read(&mut [0; 8]).await);
                part.told("again", stream.read(&mut [0; 8]).await);
                part.told("write", stream.write(b"x").await);
            })
            .judge(|seen| {
                seen.client("silence", 2_150..2_500);
                seen.client("read: ConnectionReset", 2_150..2_600);
                seen.client("again: 0", 2_150..2_600);
                seen.client("write: BrokenPipe", 2_150..2_600);
            }),
        Behaviour::new("what_is_sent_to_a_host_without_power_meets_a_reset_when_it_is_back")
            .during(Act::PowerLoss(Host::Server).from(500).lasting(1_000))
            .server(echo)
            .client(|part| async move {
                let mut stream = part.connect().await;
                ping(&mut stream).await.expect("it answers");
                part.at(600).await;
                part.told("ping", ping(&mut stream).await);
            })
            // A retransmission after the boot, whose gaps double.
            .judge(|seen| seen.client("ping: ConnectionReset", 1_480..3_000)),
        Behaviour::new("a_server_whose_client_lost_power_meets_a_reset_after_the_boot")
            .during(Act::PowerLoss(Host::Client).from(500).lasting(800))
            .server(|part| async move {
                let mut stream = part.accept().await;
                stream.read_exact(&mut [0; 5]).await.expect("it comes");
                part.at(1_800).await;
                stream.write_all(b"still there?").await.expect("taken");
                part.told("read", stream.read(&mut [0; 8]).await);
                std::future::pending().await
            })
            .client(|part| async move {
                if part.elapsed() < 500 {
                    let mut stream = part.connect().await;
                    stream.write_all(b"hello").await.expect("taken");
                    std::future::pending().await
                }
                part.at(2_400).await;
            })
            .judge(|seen| seen.server("read: ConnectionReset", 1_790..2_100)),
        Behaviour::new("what_a_killed_process_had_sent_is_read_before_its_end")
            .during(Act::Kill(Host::Server).from(600))
            .server(|part| async move {
                let mut stream = part.accept().await;
                stream.write_all(b"last words").await.expect("taken");
                std::future::pending().await
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                part.at(1_000).await;
                let mut words = String::new();
                part.told("read", stream.read_to_string(&mut words).await);
                part.note(words);
            })
            .judge(|seen| {
                seen.client("read: 10", 1_000..1_100);
                seen.client("last words", 1_000..1_100);
            }),
        Behaviour::new("an_end_that_is_lost_is_sent_again")
            .during(Act::Cut(Way::ToServer).from(500).lasting(1_000))
            .server(|part| async move {
                let mut stream = part.accept().await;
                let mut heard = String::new();
                stream.read_to_string(&mut heard).await.expect("to its end");
                part.note(format!("heard {heard}"));
                stream
                    .write_all(b"understood")
                    .await
                    .expect("that way is open");
                std::future::pending().await
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                part.at(600).await;
                stream.write_all(b"bye").await.expect("taken");
                stream.shutdown().await.expect("shut down");
                stream.read_exact(&mut [0; 10]).await.expect("an answer");
                part.note("understood");
            })
            .judge(|seen| {
                seen.server("heard bye", 1_480..2_600);
                seen.client("understood", 1_480..2_600);
            }),
        Behaviour::new("who_closes_while_bytes_are_unsent_delivers_them_still")
            .during(Act::Cut(Way::ToServer).from(500).lasting(1_000))
            .server(|part| async move {
                let mut stream = part.accept().await;
                let mut got = Vec::new();
                stream.read_to_end(&mut got).await.expect("to its end");
                let whole = got == pattern(0, 10_000);
                part.note(format!("whole {whole}"));
                std::future::pending().await
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                part.at(600).await;
                let words = pattern(0, 10_000);
                stream.write_all(&words).await.expect("the kernel takes it");
                drop(stream);
                part.note("closed");
                part.at(4_000).await;
            })
            .judge(|seen| {
                seen.client("closed", 600..700);
                seen.server("whole true", 1_480..3_600);
            }),
    ]
}

fn closings() -> Vec<Behaviour> {
    vec![
        Behaviour::new("a_peer_that_shut_down_its_writing_may_still_be_written_to")
            .server(|part| async move {
                let mut stream = part.accept().await;
                let mut question = String::new();
                let read = stream.read_to_string(&mut question).await;
                read.expect("to its end");
                part.note(&question);
                part.at(600).await;
                stream.write_all(b"answer").await.expect("that way is open");
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                stream.write_all(b"question").await.expect("taken");
                stream.shutdown().await.expect("shut down");
                part.told("write", stream.write(b"more").await);
                let mut answer = String::new();
                let read = stream.read_to_string(&mut answer).await;
                read.expect("to its end");
                part.note(&answer);
            })
            .judge(|seen| {
                seen.server("question", 190..400);
                seen.client("write: BrokenPipe", 190..400);
                seen.client("answer", 590..800);
            }),
        Behaviour::new("writes_to_a_peer_that_closed_succeed_once_and_then_break")
            .server(|part| async move {
                drop(part.accept().await);
                std::future::pending().await
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                part.told("read", stream.read(&mut [0; 8]).await);
                part.at(400).await;
                part.told("first", stream.write(b"x").await);
                part.at(600).await;
                part.told("second", stream.write(b"x").await);
                part.told("again", stream.read(&mut [0; 8]).await);
            })
            .judge(|seen| {
                seen.client("read: 0", 190..400);
                seen.client("first: 1", 390..600);
                seen.client("second: BrokenPipe", 590..800);
                seen.client("again: 0", 590..800);
            }),
        Behaviour::new("who_closes_with_bytes_unread_resets_its_peer")
            .server(|part| async move {
                let stream = part.accept().await;
                part.at(500).await;
                drop(stream);
                std::future::pending().await
            })
            .client(write_and_read_on)
            .judge(|seen| {
                seen.client("read: ConnectionReset", 480..700);
                seen.client("again: 0", 480..700);
                seen.client("write: BrokenPipe", 480..700);
            }),
        Behaviour::new("a_segment_to_a_socket_that_was_closed_resets_the_sender")
            .server(|part| async move {
                let mut stream = part.accept().await;
                stream.read_exact(&mut [0; 10]).await.expect("it comes");
                drop(stream);
                std::future::pending().await
            })
            .client(|part| async move {
                let mut stream = part.connect().await;
                stream.write_all(b"never read").await.expect("taken");
                part.at(500).await;
                stream.write_all(b"too late").await.expect("taken");
                part.at(700).await;
                // The end was received before the reset: reads end, writes break.
                part.told("read", stream.read(&mut [0; 8]).await);
                part.told("write", stream.write(b"x").await);
            })
            .judge(|seen| {
                seen.client("read: 0", 690..900);
                seen.client("write: BrokenPipe", 690..900);
            }),
        Behaviour::new("closing_without_lingering_is_a_reset_and_discards_what_was_not_sent")
            .server(|part| async move {
                let mut stream = part.accept().await;
                let mut heard = String::new();
                part.told("read", stream.read_to_string(&mut heard).await);
                part.told("write", stream.write(b"x").await);
                std::future::pending().await
            })
            .client(|part| async move {
                let stream = part.connect().await;
                stream.set_zero_linger().expect("an option");
                part.at(500).await;
                drop(stream);
                part.at(900).await;
            })
            .judge(|seen| {
                seen.server("read: ConnectionReset", 490..700);
                seen.server("write: BrokenPipe", 490..700);
            }),
        Behaviour::new("both_may_shut_down_at_the_same_time")
            .server(|part| async move {
                let stream = part.accept().await;
                say_bye(part, stream).await;
                std::future::pending().await
            })
            .client(|part| async move {
                let stream = part.connect().await;
                say_bye(part, stream).await;
            })
            .judge(|seen| {
                seen.server("heard bye", 490..800);
                seen.client("heard bye", 490..800);
            }),
    ]
}

/// Shuts down at the instant 500 ms, and hears what the other said before it did.
async fn say_bye(part: Part, mut stream: tokio::net::TcpStream) {
    part.at(500).await;
    stream.write_all(b"bye").await.expect("taken");
    stream.shutdown().await.expect("shut down");
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.expect("to its end");
    part.note(format!("heard {heard}"));
    part.at(900).await;
}

/// Accepts and never reads.
async fn deaf(part: Part) {
    let _stream = part.accept().await;
    std::future::pending().await
}

async fn read_on(part: Part) {
    let mut stream = part.connect().await;
    ping(&mut stream).await.expect("it answers");
    part.told("read", stream.read(&mut [0; 8]).await);
}

async fn write_and_read_on(part: Part) {
    let mut stream = part.connect().await;
    stream.write_all(b"never read").await.expect("taken");
    part.told("read", stream.read(&mut [0; 8]).await);
    part.told("again", stream.read(&mut [0; 8]).await);
    part.told("write", stream.write(b"x").await);
}
