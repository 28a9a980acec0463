//! What TCP shows to a program.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

/// A connection: the side that connected and the side that accepted.
pub async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let (connected, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (
        connected.expect("somebody listens"),
        accepted.expect("somebody connects").0,
    )
}

/// Long enough for anything on its way over loopback to arrive.
pub async fn let_it_arrive() {
    sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn bytes_arrive_in_order_and_whole() {
    let (mut one, mut other) = pair().await;
    let sent: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    let copy = sent.clone();
    let writer = tokio::spawn(async move {
        one.write_all(&copy).await.expect("it is read");
        one
    });
    let mut got = vec![0; sent.len()];
    other.read_exact(&mut got).await.expect("all of it comes");
    assert!(got == sent);
    writer.await.expect("the writer ends");
}

#[tokio::test]
async fn shutting_down_the_writing_side_is_the_end_of_the_stream_and_reading_goes_on() {
    let (mut one, mut other) = pair().await;
    one.write_all(b"question").await.expect("written");
    one.shutdown().await.expect("shut down");
    let mut question = String::new();
    other
        .read_to_string(&mut question)
        .await
        .expect("read to the end");
    assert_eq!(question, "question");
    other
        .write_all(b"answer")
        .await
        .expect("the other direction is open");
    drop(other);
    let mut answer = String::new();
    one.read_to_string(&mut answer)
        .await
        .expect("read to the end");
    assert_eq!(answer, "answer");
}

#[tokio::test]
async fn writing_after_a_shutdown_is_a_broken_pipe() {
    let (mut one, _other) = pair().await;
    one.shutdown().await.expect("shut down");
    assert_eq!(
        one.write(b"more").await.expect_err("it is shut").kind(),
        ErrorKind::BrokenPipe
    );
}

#[tokio::test]
async fn a_dropped_peer_that_read_everything_gives_the_end_of_the_stream() {
    let (mut one, other) = pair().await;
    drop(other);
    let mut nothing = [0; 8];
    assert_eq!(one.read(&mut nothing).await.expect("no error"), 0);
}

#[tokio::test]
async fn a_dropped_peer_that_left_bytes_unread_gives_a_reset() {
    let (mut one, other) = pair().await;
    one.write_all(b"never read").await.expect("written");
    let_it_arrive().await;
    drop(other);
    let_it_arrive().await;
    let error = one.read(&mut [0; 8]).await.expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn after_a_reset_was_told_reads_end_and_writes_break() {
    let (mut one, other) = pair().await;
    one.write_all(b"never read").await.expect("written");
    let_it_arrive().await;
    drop(other);
    let_it_arrive().await;
    assert!(one.read(&mut [0; 8]).await.is_err());
    assert_eq!(one.read(&mut [0; 8]).await.expect("told once"), 0);
    assert_eq!(
        one.write(b"x").await.expect_err("broken").kind(),
        ErrorKind::BrokenPipe
    );
}

#[tokio::test]
async fn a_reset_is_told_to_the_first_writer_too() {
    let (mut one, other) = pair().await;
    one.write_all(b"never read").await.expect("written");
    let_it_arrive().await;
    drop(other);
    let_it_arrive().await;
    assert_eq!(
        one.write(b"x").await.expect_err("a reset").kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(
        one.write(b"x").await.expect_err("broken").kind(),
        ErrorKind::BrokenPipe
    );
}

#[tokio::test]
async fn bytes_received_before_a_reset_are_read_first() {
    let (mut one, mut other) = pair().await;
    other.write_all(b"last words").await.expect("written");
    one.write_all(b"never read").await.expect("written");
    let_it_arrive().await;
    drop(other);
    let_it_arrive().await;
    let mut words = [0; 10];
    one.read_exact(&mut words)
        .await
        .expect("they came before the reset");
    assert_eq!(&words, b"last words");
    let error = one.read(&mut [0; 8]).await.expect_err("and then the reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn writing_to_a_peer_that_closed_succeeds_once_and_then_breaks() {
    let (mut one, other) = pair().await;
    drop(other);
    let_it_arrive().await;
    one.write_all(b"into the void")
        .await
        .expect("the kernel takes it");
    let_it_arrive().await;
    assert_eq!(
        one.write(b"x").await.expect_err("broken").kind(),
        ErrorKind::BrokenPipe
    );
    assert_eq!(one.read(&mut [0; 8]).await.expect("the end was seen"), 0);
}

#[tokio::test]
async fn nobody_listening_is_a_refusal() {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let error = TcpStream::connect(address)
        .await
        .expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_port_that_is_listened_on_is_in_use() {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let error = TcpListener::bind(address).await.expect_err("it is taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_listener_may_be_slow_to_accept() {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let mut one = TcpStream::connect(address)
        .await
        .expect("the kernel answers");
    one.write_all(b"early").await.expect("the kernel takes it");
    let_it_arrive().await;
    let (mut other, _) = listener.accept().await.expect("it waits");
    let mut early = [0; 5];
    other.read_exact(&mut early).await.expect("it has come");
    assert_eq!(&early, b"early");
}

#[tokio::test]
async fn a_reader_that_does_not_read_stops_the_writer() {
    let (mut one, _other) = pair().await;
    let chunk = vec![0; 64 << 10];
    let mut written = 0usize;
    let stuck = loop {
        match timeout(Duration::from_millis(200), one.write(&chunk)).await {
            Ok(count) => written += count.expect("nobody hangs up"),
            Err(_) => break true,
        }
        if written > 64 << 20 {
            break false;
        }
    };
    assert!(
        stuck,
        "{written} bytes were taken from a writer nobody reads from"
    );
    assert!(written >= 64 << 10);
}

#[tokio::test]
async fn a_stopped_writer_goes_on_when_the_reader_reads() {
    let (mut one, mut other) = pair().await;
    let total = 16 << 20;
    let writer = tokio::spawn(async move {
        one.write_all(&vec![3; total])
            .await
            .expect("it is read in the end");
        one.shutdown().await.expect("shut down");
    });
    sleep(Duration::from_millis(300)).await;
    assert!(!writer.is_finished(), "nobody has read yet");
    let mut got = 0;
    let mut room = vec![0; 1 << 16];
    loop {
        match other.read(&mut room).await.expect("it comes") {
            0 => break,
            count => got += count,
        }
    }
    assert_eq!(got, total);
    writer.await.expect("the writer ends");
}

#[tokio::test]
async fn peeking_leaves_the_bytes_where_they_are() {
    let (mut one, mut other) = pair().await;
    one.write_all(b"twice").await.expect("written");
    let mut first = [0; 5];
    let_it_arrive().await;
    assert_eq!(other.peek(&mut first).await.expect("there"), 5);
    let mut second = [0; 5];
    other.read_exact(&mut second).await.expect("still there");
    assert_eq!((&first, &second), (b"twice", b"twice"));
}

#[tokio::test]
async fn trying_to_read_nothing_would_block() {
    let (mut one, other) = pair().await;
    assert_eq!(
        other.try_read(&mut [0; 4]).expect_err("nothing").kind(),
        ErrorKind::WouldBlock
    );
    one.write_all(b"now").await.expect("written");
    other.readable().await.expect("something comes");
    assert_eq!(other.try_read(&mut [0; 4]).expect("something"), 3);
}

#[tokio::test]
async fn dropping_the_owned_writing_half_ends_the_stream_and_reading_goes_on() {
    let (one, mut other) = pair().await;
    let (mut reading, writing) = one.into_split();
    drop(writing);
    assert_eq!(other.read(&mut [0; 4]).await.expect("no error"), 0);
    other
        .write_all(b"still")
        .await
        .expect("the other direction is open");
    let mut still = [0; 5];
    reading.read_exact(&mut still).await.expect("it comes");
    assert_eq!(&still, b"still");
}

#[tokio::test]
async fn halves_can_be_put_together_again() {
    let (one, mut other) = pair().await;
    let (reading, writing) = one.into_split();
    let mut one = reading.reunite(writing).expect("they are of one stream");
    one.write_all(b"whole").await.expect("written");
    let mut whole = [0; 5];
    other.read_exact(&mut whole).await.expect("it comes");
    assert_eq!(&whole, b"whole");
}

#[tokio::test]
async fn both_ends_know_each_other_by_the_same_addresses() {
    let (one, other) = pair().await;
    assert_eq!(
        one.local_addr().expect("known"),
        other.peer_addr().expect("known")
    );
    assert_eq!(
        one.peer_addr().expect("known"),
        other.local_addr().expect("known")
    );
}

#[tokio::test]
async fn a_read_that_was_given_up_loses_nothing() {
    let (mut one, mut other) = pair().await;
    let mut room = [0; 4];
    assert!(
        timeout(Duration::from_millis(20), other.read(&mut room))
            .await
            .is_err()
    );
    one.write_all(b"kept").await.expect("written");
    other.read_exact(&mut room).await.expect("it comes");
    assert_eq!(&room, b"kept");
}

#[tokio::test]
async fn loopback_is_quick() {
    let (mut one, mut other) = pair().await;
    let start = Instant::now();
    for _ in 0..10 {
        one.write_all(b"ping").await.expect("written");
        other.read_exact(&mut [0; 4]).await.expect("it comes");
        other.write_all(b"pong").await.expect("written");
        one.read_exact(&mut [0; 4]).await.expect("it comes");
    }
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
}
