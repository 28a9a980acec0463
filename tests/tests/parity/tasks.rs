//! What tasks do.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    task::{JoinSet, spawn_blocking, yield_now},
    time::{Duration, sleep},
};

#[tokio::test]
async fn a_panic_is_told_to_whoever_joins_and_to_nobody_else() {
    let error = tokio::spawn(async {
        if true {
            panic!("as planned");
        }
    })
    .await
    .expect_err("it panicked");
    assert!(error.is_panic() && !error.is_cancelled());
    assert_eq!(
        error.into_panic().downcast_ref::<&str>(),
        Some(&"as planned")
    );
}

#[tokio::test]
async fn aborting_drops_the_future_and_tells_cancelled() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let held = Dropped(drops.clone());
    let task = tokio::spawn(async move {
        let _held = held;
        pending::<()>().await;
    });
    yield_now().await;
    task.abort();
    assert!(task.await.expect_err("aborted").is_cancelled());
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn dropping_a_handle_lets_the_task_go_on() {
    let done = Arc::new(AtomicUsize::new(0));
    let seen = done.clone();
    drop(tokio::spawn(async move {
        sleep(Duration::from_millis(10)).await;
        seen.store(1, Ordering::Relaxed);
    }));
    sleep(Duration::from_millis(80)).await;
    assert_eq!(done.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn dropping_a_join_set_aborts_its_tasks() {
    let counter = Arc::new(());
    let mut set = JoinSet::new();
    for _ in 0..3 {
        let held = counter.clone();
        set.spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
    }
    yield_now().await;
    drop(set);
    sleep(Duration::from_millis(20)).await;
    assert_eq!(Arc::strong_count(&counter), 1);
}

#[tokio::test]
async fn a_join_set_joins_in_the_order_in_which_tasks_end() {
    let mut set = JoinSet::new();
    for wait in [60, 20, 40] {
        set.spawn(async move {
            sleep(Duration::from_millis(wait)).await;
            wait
        });
    }
    let mut order = Vec::new();
    while let Some(ended) = set.join_next().await {
        order.push(ended.expect("no task panics"));
    }
    assert_eq!(order, [20, 40, 60]);
}

#[tokio::test]
async fn yielding_lets_another_ready_task_run() {
    let ran = Arc::new(AtomicUsize::new(0));
    let other = ran.clone();
    tokio::spawn(async move { other.fetch_add(1, Ordering::Relaxed) });
    for _ in 0..100 {
        if ran.load(Ordering::Relaxed) == 1 {
            return;
        }
        yield_now().await;
    }
    panic!("the other task never ran");
}

#[tokio::test]
async fn blocking_work_gives_its_value() {
    assert_eq!(
        spawn_blocking(|| 6 * 7).await.expect("it does not panic"),
        42
    );
}

#[tokio::test]
async fn a_task_local_is_the_tasks_own() {
    tokio::task_local! {
        static NAME: &'static str;
    }
    let outer = NAME.scope("outer", async {
        let inner = tokio::spawn(NAME.scope("inner", async { NAME.get() }));
        (NAME.get(), inner.await.expect("it ends"))
    });
    assert_eq!(outer.await, ("outer", "inner"));
}
