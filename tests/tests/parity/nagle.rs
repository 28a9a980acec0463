//! Small writes: what Nagle's algorithm and held-back acknowledgements cost together.

use crate::tcp::pair;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Five times two small writes and a read; what each took.
async fn twice_and_read(no_delay: bool) -> Vec<Duration> {
    let (mut one, mut other) = pair().await;
    one.set_nodelay(no_delay).expect("it is open");
    let answers = tokio::spawn(async move {
        while other.read_exact(&mut [0; 2]).await.is_ok() {
            other.write_all(b"!").await.expect("taken");
        }
    });
    let mut took = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        one.write_all(b"1").await.expect("taken");
        one.write_all(b"2").await.expect("taken");
        one.read_exact(&mut [0; 1]).await.expect("it answers");
        took.push(start.elapsed());
    }
    drop(one);
    answers.await.expect("it ends");
    took
}

#[tokio::test]
async fn two_small_writes_and_a_read_wait_for_a_held_back_acknowledgement() {
    let took = twice_and_read(false).await;
    let least = took[1..].iter().min().expect("four rounds");
    assert!(*least >= Duration::from_millis(30), "{took:?}");
}

#[tokio::test]
async fn without_nagle_two_small_writes_do_not_wait() {
    let took = twice_and_read(true).await;
    let least = took.iter().min().expect("five rounds");
    assert!(*least < Duration::from_millis(20), "{took:?}");
}
