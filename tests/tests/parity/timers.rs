//! What timers do.

use tokio::time::{
    Duration, Instant, MissedTickBehavior, interval, interval_at, sleep, sleep_until, timeout,
    timeout_at,
};

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[tokio::test]
async fn a_sleep_is_never_too_short() {
    for span in [millis(1), Duration::from_micros(1500), millis(20)] {
        let start = Instant::now();
        sleep(span).await;
        assert!(start.elapsed() >= span);
    }
}

#[tokio::test]
async fn a_sleep_until_the_past_is_over_at_once() {
    let start = Instant::now();
    sleep_until(start - millis(500)).await;
    assert!(start.elapsed() < millis(20));
}

#[tokio::test]
async fn sleeps_end_in_the_order_of_their_deadlines() {
    let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let tasks = [60u64, 20, 40].map(|wait| {
        let order = order.clone();
        tokio::spawn(async move {
            sleep(millis(wait)).await;
            order.lock().expect("nobody panics").push(wait);
        })
    });
    for task in tasks {
        task.await.expect("it ends");
    }
    assert_eq!(*order.lock().expect("nobody panics"), [20, 40, 60]);
}

#[tokio::test]
async fn a_reset_sleep_ends_at_its_new_deadline() {
    let start = Instant::now();
    let sleeping = sleep(Duration::from_secs(60));
    tokio::pin!(sleeping);
    sleeping.as_mut().reset(start + millis(30));
    sleeping.await;
    assert!(start.elapsed() >= millis(30) && start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_timeout_gives_the_value_in_time_and_elapsed_out_of_time() {
    assert_eq!(timeout(millis(500), async { 7 }).await, Ok(7));
    assert!(
        timeout(millis(10), sleep(Duration::from_secs(60)))
            .await
            .is_err()
    );
    assert!(
        timeout_at(Instant::now() + millis(10), std::future::pending::<()>())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_ready_value_wins_over_a_deadline_that_has_passed() {
    assert_eq!(
        timeout(Duration::ZERO, async { "ready" }).await,
        Ok("ready")
    );
}

#[tokio::test]
async fn an_interval_ticks_at_once_and_then_with_its_period() {
    let start = Instant::now();
    let mut ticks = interval(millis(20));
    assert!(ticks.tick().await - start < millis(10));
    ticks.tick().await;
    ticks.tick().await;
    assert!(start.elapsed() >= millis(40));
}

#[tokio::test]
async fn a_bursting_interval_makes_up_for_missed_ticks() {
    let mut ticks = interval(millis(20));
    ticks.tick().await;
    sleep(millis(90)).await;
    let late = Instant::now();
    for _ in 0..4 {
        ticks.tick().await;
    }
    assert!(late.elapsed() < millis(15), "{:?}", late.elapsed());
}

#[tokio::test]
async fn a_skipping_interval_keeps_to_its_grid() {
    let start = Instant::now();
    let mut ticks = interval_at(start, millis(40));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    sleep(millis(130)).await;
    ticks.tick().await;
    let due = ticks.tick().await;
    assert_eq!((due - start).as_millis() % 40, 0, "{:?}", due - start);
}

#[tokio::test]
async fn a_delaying_interval_starts_over_after_a_late_tick() {
    let mut ticks = interval(millis(40));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    sleep(millis(130)).await;
    ticks.tick().await;
    let late = Instant::now();
    ticks.tick().await;
    assert!(late.elapsed() >= millis(30), "{:?}", late.elapsed());
}

#[tokio::test]
async fn the_clocks_of_the_standard_library_agree_with_tokios() {
    let (instant, system, ours) = (
        std::time::Instant::now(),
        std::time::SystemTime::now(),
        Instant::now(),
    );
    sleep(millis(100)).await;
    let passed = ours.elapsed();
    assert!(instant.elapsed().abs_diff(passed) < millis(20));
    assert!(
        system
            .elapsed()
            .expect("it does not run back")
            .abs_diff(passed)
            < millis(20)
    );
}
