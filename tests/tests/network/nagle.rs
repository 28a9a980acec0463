//! Nagle's algorithm and acknowledgements that are held back.

use crate::stage::{Notes, note, run};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant, sleep},
};

/// Answers each two bytes with one.
async fn in_twos(_: Notes) {
    let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
    let (mut stream, _) = listener.accept().await.expect("somebody comes");
    while stream.read_exact(&mut [0; 2]).await.is_ok() {
        stream.write_all(b"!").await.expect("taken");
    }
}

/// Writes twice and reads once, five times; notes what each took.
async fn write_write_read(notes: Notes, no_delay: bool) {
    sleep(Duration::from_secs(1)).await;
    let mut stream = TcpStream::connect("server:80").await.expect("it listens");
    stream.set_nodelay(no_delay).expect("it is open");
    for number in 0..5 {
        let start = Instant::now();
        stream.write_all(b"1").await.expect("taken");
        stream.write_all(b"2").await.expect("taken");
        stream.read_exact(&mut [0; 1]).await.expect("it answers");
        note(&notes, start, format!("{number}"));
    }
}

#[test]
fn writing_twice_and_reading_costs_a_held_back_acknowledgement_each_time() {
    let (noted, _) = run(10, vec![], in_twos, |notes| write_write_read(notes, false));
    let took: Vec<u64> = noted.iter().map(|(took, _)| *took).collect();
    // At first the server's kernel acknowledges at once: two round trips. Then it waits 40 ms for an
    // answer that will not come before the second byte has.
    assert_eq!(took, [4, 44, 44, 44, 44]);
}

#[test]
fn without_nagle_writing_twice_takes_one_round_trip() {
    let (noted, _) = run(10, vec![], in_twos, |notes| write_write_read(notes, true));
    let took: Vec<u64> = noted.iter().map(|(took, _)| *took).collect();
    assert_eq!(took, [2; 5]);
}

#[test]
fn turning_nagle_off_lets_go_what_waits() {
    async fn impatient(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        stream.write_all(b"12").await.expect("taken");
        stream.read_exact(&mut [0; 1]).await.expect("it answers");
        let start = Instant::now();
        stream.write_all(b"1").await.expect("taken");
        stream.write_all(b"2").await.expect("taken");
        stream.set_nodelay(true).expect("it is open");
        stream.read_exact(&mut [0; 1]).await.expect("it answers");
        note(&notes, start, "answered");
    }
    let (noted, _) = run(10, vec![], in_twos, impatient);
    assert_eq!(noted, [(2, "answered".into())]);
}
