//! A queue lets one go at a time, and those who give up cost nobody anything. In both worlds: no call
//! leaves too early. That none leaves late is for the simulation to say (`tests`).

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::time::sleep;

use super::*;
use crate::retry::script::dropped_after;

/// Ten a second, and no wait above 300 ms.
fn queue() -> Queue {
    Queue::new(&Quota::per_second(10), ms(300)).unwrap()
}

type Call<'a> = Pin<Box<dyn Future<Output = Result<(), Refused>> + 'a>>;

/// A call that has come as far as it gets without waiting; or its end.
async fn come(queue: &Queue) -> Result<Call<'_>, Result<(), Refused>> {
    let mut call: Call<'_> = Box::pin(queue.enter());
    match poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await {
        Poll::Pending => Ok(call),
        Poll::Ready(end) => Err(end),
    }
}

/// A call that has to wait.
async fn waits(queue: &Queue) -> Call<'_> {
    come(queue).await.map_err(drop).expect("it waits")
}

/// The call ends, and not before `earliest` ms after `began`.
async fn leaves(call: Call<'_>, began: Instant, earliest: u64) {
    assert_eq!(call.await, Ok(()));
    assert!(began.elapsed() >= ms(earliest), "{earliest}");
}

#[tokio::test(start_paused = true)]
async fn a_queue_lets_one_go_per_interval_and_refuses_longer_waits() {
    let (queue, began) = (queue(), Instant::now());
    assert_eq!(come(&queue).await.err(), Some(Ok(())));
    let calls = [
        waits(&queue).await,
        waits(&queue).await,
        waits(&queue).await,
    ];
    let refused = come(&queue).await.err().unwrap().unwrap_err();
    let wait = refused.retry_after().unwrap();
    assert!(ms(0) < wait && wait <= ms(100), "{wait:?}");
    for (call, at) in calls.into_iter().zip([100, 200, 300]) {
        leaves(call, began, at).await;
    }
    let counts = QueueCounts {
        refused: 1,
        departed: 4,
        ..QueueCounts::default()
    };
    assert_eq!(queue.counts(), counts);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_the_queue_gives_its_place_to_those_behind() {
    let (queue, began) = (queue(), Instant::now());
    assert_eq!(come(&queue).await.err(), Some(Ok(())));
    let [first, second, third] = [
        waits(&queue).await,
        waits(&queue).await,
        waits(&queue).await,
    ];
    assert!(come(&queue).await.err().unwrap().is_err(), "it is full");
    drop(first);
    drop(second);
    assert_eq!(queue.counts().waiting, 1);
    let after = [waits(&queue).await, waits(&queue).await];
    leaves(third, began, 100).await;
    for (call, at) in after.into_iter().zip([200, 300]) {
        leaves(call, began, at).await;
    }
    let counts = QueueCounts {
        refused: 1,
        left: 2,
        departed: 4,
        waiting: 0,
    };
    assert_eq!(queue.counts(), counts);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_everybody_left_admits_at_once() {
    let queue = queue();
    queue.enter().await.unwrap();
    for _ in 0..20 {
        drop(waits(&queue).await);
    }
    sleep(ms(101)).await;
    assert_eq!(come(&queue).await.err(), Some(Ok(())));
    assert_eq!(queue.counts().left, 20);
}

#[tokio::test(start_paused = true)]
async fn idle_time_is_not_saved() {
    let queue = queue();
    queue.enter().await.unwrap();
    sleep(ms(500)).await;
    let began = Instant::now();
    assert_eq!(come(&queue).await.err(), Some(Ok(())));
    leaves(waits(&queue).await, began, 100).await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_cannot_be_meant_is_refused() {
    let quota = Quota::per_second(1000);
    assert!(Queue::new(&quota, Duration::ZERO).is_ok());
    assert!(Queue::new(&quota, Duration::MAX).is_err());
    assert!(Queue::new(&quota, Duration::from_secs(1001)).is_err());
    assert!(Queue::new(&Quota::per_second(0), ms(1)).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_wait_dropped_at_any_await_point_gives_its_place_to_the_next() {
    for polls in 0.. {
        let (queue, began) = (queue(), Instant::now());
        assert_eq!(come(&queue).await.err(), Some(Ok(())));
        let dropped = dropped_after(polls, queue.enter()).await;
        let has_departed = u64::from(dropped.is_some());
        let counts = QueueCounts {
            left: u64::from(polls > 0) - has_departed,
            departed: 1 + has_departed,
            ..QueueCounts::default()
        };
        assert_eq!(queue.counts(), counts, "after {polls} polls");
        // Who comes next waits for those who left the queue at its front, and for nobody else.
        leaves(waits(&queue).await, began, 100 * (1 + has_departed)).await;
        assert_eq!(queue.counts().waiting, 0);
        if dropped.is_some() {
            assert!(polls > 1, "it never waited");
            return;
        }
    }
}
