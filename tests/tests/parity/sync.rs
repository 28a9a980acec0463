//! tokio's own synchronisation under our executor.

use std::sync::Arc;
use tokio::{
    sync::{Notify, Semaphore, mpsc, oneshot, watch},
    time::{Duration, sleep},
};

#[tokio::test]
async fn a_full_channel_makes_its_sender_wait() {
    let (sender, mut receiver) = mpsc::channel(1);
    let sending = tokio::spawn(async move {
        for number in 0..1000 {
            sender.send(number).await.expect("somebody receives");
        }
    });
    for expected in 0..1000 {
        assert_eq!(receiver.recv().await, Some(expected));
    }
    assert_eq!(receiver.recv().await, None);
    sending.await.expect("the sender ends");
}

#[tokio::test]
async fn a_dropped_sender_is_told() {
    let (sender, receiver) = oneshot::channel::<u8>();
    drop(sender);
    assert!(receiver.await.is_err());
}

#[tokio::test]
async fn a_watch_shows_the_latest_value() {
    let (sender, mut receiver) = watch::channel(0);
    for value in 1..=5 {
        sender.send(value).expect("somebody watches");
    }
    receiver.changed().await.expect("it changed");
    assert_eq!(*receiver.borrow_and_update(), 5);
}

#[tokio::test]
async fn permits_come_back_when_their_holder_is_cancelled() {
    let permits = Arc::new(Semaphore::new(1));
    let held = permits.clone();
    let holder = tokio::spawn(async move {
        let _permit = held.acquire().await.expect("open");
        std::future::pending::<()>().await;
    });
    sleep(Duration::from_millis(10)).await;
    assert_eq!(permits.available_permits(), 0);
    holder.abort();
    let _ = holder.await;
    assert_eq!(permits.available_permits(), 1);
}

#[tokio::test]
async fn a_notification_wakes_who_waits_and_is_kept_for_who_comes() {
    let notify = Arc::new(Notify::new());
    let other = notify.clone();
    let waiting = tokio::spawn(async move { other.notified().await });
    sleep(Duration::from_millis(10)).await;
    notify.notify_one();
    waiting.await.expect("it was woken");
    notify.notify_one();
    notify.notified().await;
}
