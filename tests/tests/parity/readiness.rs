//! Waiting for a stream without reading or writing, and trying without waiting.

use crate::tcp::{let_it_arrive, pair};
use std::{
    future::poll_fn,
    io::{ErrorKind, IoSlice, IoSliceMut},
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest, ReadBuf, Ready},
    net::TcpListener,
    time::timeout,
};

#[tokio::test]
async fn a_fresh_stream_is_writable_and_not_readable() {
    let (one, _other) = pair().await;
    let both = Interest::READABLE | Interest::WRITABLE;
    let ready = one.ready(both).await.expect("it is open");
    assert!(ready.is_writable() && !ready.is_readable(), "{ready:?}");
    one.writable().await.expect("it is open");
    assert!(
        timeout(Duration::from_millis(20), one.readable())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn an_interest_in_reading_is_answered_by_the_end_of_the_stream() {
    let (one, other) = pair().await;
    drop(other);
    let ready = one.ready(Interest::READABLE).await.expect("it ended");
    assert!(ready.is_readable() && ready.is_read_closed(), "{ready:?}");
    assert!(!ready.is_writable(), "that was not asked: {ready:?}");
    assert_eq!(one.try_read(&mut [0; 4]).expect("the end"), 0);
}

#[tokio::test]
async fn a_reset_is_an_error_that_closes_both_directions() {
    let (one, other) = pair().await;
    other.set_zero_linger().expect("set");
    drop(other);
    let_it_arrive().await;
    let all = Interest::READABLE | Interest::WRITABLE | Interest::ERROR;
    let ready = one.ready(all).await.expect("it ended");
    assert!(
        ready.is_read_closed() && ready.is_write_closed(),
        "{ready:?}"
    );
    assert!(ready.is_error(), "{ready:?}");
}

#[tokio::test]
async fn many_tasks_wait_for_one_stream_and_all_are_woken() {
    let (mut one, other) = pair().await;
    let other = Arc::new(other);
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let other = other.clone();
            tokio::spawn(async move { other.readable().await })
        })
        .collect();
    let_it_arrive().await;
    one.write_all(b"for all").await.expect("written");
    for task in waiting {
        let woken = timeout(Duration::from_secs(5), task).await;
        woken.expect("woken").expect("ends").expect("no error");
    }
    let mut room = [0; 16];
    assert_eq!(other.peek(&mut room).await.expect("there"), 7);
}

#[tokio::test]
async fn many_tasks_accept_at_one_listener_and_each_gets_a_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("free");
    let address = listener.local_addr().expect("bound");
    let listener = Arc::new(listener);
    let accepting: Vec<_> = (0..3)
        .map(|_| {
            let listener = listener.clone();
            tokio::spawn(async move { listener.accept().await })
        })
        .collect();
    let_it_arrive().await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let stream = tokio::net::TcpStream::connect(address).await;
        streams.push(stream.expect("it listens"));
    }
    for task in accepting {
        let accepted = timeout(Duration::from_secs(5), task).await;
        accepted.expect("woken").expect("ends").expect("accepted");
    }
}

#[tokio::test]
async fn trying_to_read_takes_no_wake_up_from_somebody_who_waits() {
    let (mut one, mut other) = pair().await;
    let (reading, writing) = other.split();
    let mut reading = reading;
    let reads = async {
        let mut room = [0; 4];
        reading.read_exact(&mut room).await.expect("it comes");
        room
    };
    let tries = async {
        let_it_arrive().await;
        let stream: &tokio::net::TcpStream = writing.as_ref();
        let error = stream.try_read(&mut [0; 4]).expect_err("nothing came");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        one.write_all(b"come").await.expect("written");
    };
    let both = async { tokio::join!(reads, tries).0 };
    let read = timeout(Duration::from_secs(5), both).await;
    assert_eq!(&read.expect("woken"), b"come");
}

#[tokio::test]
async fn trying_to_write_ends_with_would_block_when_the_buffers_are_full() {
    let (one, _other) = pair().await;
    let chunk = vec![7; 64 << 10];
    let mut taken = 0;
    // Real tokio believes in room until a write finds none.
    while timeout(Duration::from_millis(300), one.writable())
        .await
        .is_ok()
    {
        match one.try_write(&chunk) {
            Ok(count) => taken += count,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        assert!(
            taken < 64 << 20,
            "nobody reads, and {taken} bytes were taken"
        );
    }
    assert!(taken >= 64 << 10, "{taken}");
}

#[tokio::test]
async fn pieces_are_written_and_read_as_one_stream() {
    let (one, other) = pair().await;
    let pieces = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
    assert_eq!(one.try_write_vectored(&pieces).expect("room"), 5);
    let_it_arrive().await;
    other.readable().await.expect("it came");
    let (mut first, mut second) = ([0; 3], [0; 8]);
    let mut into = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(other.try_read_vectored(&mut into).expect("there"), 5);
    assert_eq!((&first, &second[..2]), (b"abc", &b"de"[..]));
    let error = other.try_read_vectored(&mut [IoSliceMut::new(&mut [0; 4])]);
    assert_eq!(error.expect_err("nothing").kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn empty_pieces_are_written_even_when_writing_is_over() {
    let (mut one, _other) = pair().await;
    one.shutdown().await.expect("it is open");
    let empty = [IoSlice::new(b""), IoSlice::new(b"")];
    assert_eq!(one.try_write_vectored(&empty).expect("nothing to do"), 0);
    assert_eq!(one.write_vectored(&empty).await.expect("nothing to do"), 0);
    let error = one.try_write_vectored(&[IoSlice::new(b""), IoSlice::new(b"x")]);
    assert_eq!(error.expect_err("it is over").kind(), ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn of_pieces_that_find_too_little_room_the_first_bytes_are_taken() {
    let (one, mut other) = pair().await;
    let byte = |offset: usize| (offset % 251) as u8;
    let mut taken = 0;
    let stopped_within = loop {
        let bytes: Vec<_> = (taken..taken + 100_000).map(byte).collect();
        let pieces = [&bytes[..1], &bytes[1..30_000], &bytes[30_000..]].map(IoSlice::new);
        let count = one.try_write_vectored(&pieces).expect("there is room");
        taken += count;
        if count < bytes.len() {
            break count;
        }
        assert!(
            taken < 64 << 20,
            "nobody reads, and {taken} bytes were taken"
        );
    };
    assert!(stopped_within > 0);
    drop(one);
    let mut read = Vec::new();
    other.read_to_end(&mut read).await.expect("it ends");
    assert_eq!(read.len(), taken);
    let wrong = (0..taken).find(|&offset| read[offset] != byte(offset));
    assert_eq!(wrong, None);
}

#[tokio::test]
async fn a_vector_grows_by_what_is_read() {
    let (mut one, other) = pair().await;
    one.write_all(b"growing").await.expect("written");
    other.readable().await.expect("it came");
    let mut into = Vec::with_capacity(4);
    let mut total = other.try_read_buf(&mut into).expect("there");
    while total < 7 {
        other.readable().await.expect("it is open");
        into.reserve(4);
        total += other.try_read_buf(&mut into).expect("there");
    }
    assert_eq!(into, b"growing");
}

#[tokio::test]
async fn vectored_writes_through_the_trait_are_whole() {
    let (mut one, mut other) = pair().await;
    let pieces = [IoSlice::new(b"one "), IoSlice::new(b"two")];
    assert!(tokio::io::AsyncWrite::is_write_vectored(&one));
    assert_eq!(one.write_vectored(&pieces).await.expect("room"), 7);
    let mut room = [0; 7];
    other.read_exact(&mut room).await.expect("it comes");
    assert_eq!(&room, b"one two");
}

#[tokio::test]
async fn polling_to_peek_appends_and_leaves_the_bytes() {
    let (mut one, mut other) = pair().await;
    one.write_all(b"seen").await.expect("written");
    let mut room = [0; 8];
    let mut into = ReadBuf::new(&mut room);
    into.put_slice(b"> ");
    let count = poll_fn(|cx| other.poll_peek(cx, &mut into)).await;
    assert_eq!(count.expect("there"), 4);
    assert_eq!(into.filled(), b"> seen");
    let mut taken = [0; 4];
    other.read_exact(&mut taken).await.expect("still there");
    assert_eq!(&taken, b"seen");
}

#[tokio::test]
async fn polling_for_readiness_is_pending_until_something_comes() {
    let (mut one, other) = pair().await;
    // Real tokio may believe in something to read until a read finds nothing.
    let nothing = other.try_read(&mut [0; 4]).expect_err("nothing came");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    let polled = poll_fn(|cx| Poll::Ready(other.poll_read_ready(cx))).await;
    assert!(polled.is_pending(), "{polled:?}");
    poll_fn(|cx| other.poll_write_ready(cx))
        .await
        .expect("there is room");
    one.write_all(b"!").await.expect("written");
    poll_fn(|cx| other.poll_read_ready(cx))
        .await
        .expect("it came");
    assert_eq!(other.try_read(&mut [0; 4]).expect("there"), 1);
}

#[tokio::test]
async fn halves_try_and_wait_as_the_stream_does() {
    let (one, other) = pair().await;
    let (mut reading, _keep) = other.into_split();
    let (_keep_too, writing) = one.into_split();
    writing.writable().await.expect("room");
    assert!(
        writing
            .ready(Interest::WRITABLE)
            .await
            .expect("open")
            .is_writable()
    );
    assert_eq!(writing.try_write(b"half").expect("room"), 4);
    let more = [IoSlice::new(b" and"), IoSlice::new(b" half")];
    assert_eq!(writing.try_write_vectored(&more).expect("room"), 9);
    let_it_arrive().await;
    reading.readable().await.expect("it came");
    let mut room = [0; 16];
    assert_eq!(reading.peek(&mut room).await.expect("there"), 13);
    assert_eq!(reading.try_read(&mut room[..4]).expect("there"), 4);
    let mut rest = Vec::with_capacity(32);
    assert_eq!(reading.try_read_buf(&mut rest).expect("there"), 9);
    assert_eq!(rest, b" and half");
    assert_eq!(
        reading.local_addr().expect("known"),
        writing.peer_addr().expect("known")
    );
    let own: &tokio::net::TcpStream = reading.as_ref();
    assert_eq!(
        own.peer_addr().expect("known"),
        writing.local_addr().expect("known")
    );
}

#[tokio::test]
async fn halves_of_two_streams_do_not_make_one() {
    let (one, other) = pair().await;
    let (reading, _writing) = one.into_split();
    let (_reading, writing) = other.into_split();
    let error = writing.reunite(reading).expect_err("they are strangers");
    assert!(error.to_string().contains("not from the same socket"));
}

#[test]
fn readiness_and_interest_are_sets() {
    let both = Interest::READABLE.add(Interest::WRITABLE);
    assert!(both.is_readable() && both.is_writable() && !both.is_error());
    assert_eq!(both.remove(Interest::READABLE), Some(Interest::WRITABLE));
    assert_eq!(Interest::READABLE.remove(both), None);
    assert!(Ready::EMPTY.is_empty() && !Ready::ALL.is_empty());
    let ready = Ready::READABLE | Ready::WRITE_CLOSED;
    assert!(ready.is_readable() && ready.is_writable() && !ready.is_read_closed());
    assert_eq!(ready - Ready::READABLE, Ready::WRITE_CLOSED);
    assert_eq!(ready & Ready::READABLE, Ready::READABLE);
}
