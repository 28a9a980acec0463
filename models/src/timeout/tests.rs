//! What deadlines promise.

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tower::{Layer, Service, service_fn};

use super::*;
use crate::retry::script::dropped_after;

#[tokio::test(start_paused = true)]
async fn a_call_is_cut_at_its_deadline_and_never_before() {
    let after = Duration::from_millis(20);
    let began = Instant::now();
    let cut = Deadline::after(began, after).bound(pending::<()>()).await;
    assert_eq!(cut, Err(DeadlinePassed));
    assert!(began.elapsed() >= after);
    assert_eq!(Deadline::at(began).bound(ready(1)).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn at_the_instant_itself_a_deadline_has_passed() {
    let now = Instant::now();
    let deadline = Deadline::after(now, Duration::from_secs(1));
    let last = deadline.instant() - Duration::from_nanos(1);
    assert!(!deadline.has_passed(last));
    assert!(deadline.has_passed(deadline.instant()));
    assert_eq!(deadline.remaining(deadline.instant()), Duration::ZERO);
    assert!(Deadline::after(now, Duration::MAX).instant() > now);
}

#[test]
fn what_comes_in_is_carried_as_an_instant_and_goes_out_as_what_is_left() {
    let ms = Duration::from_millis;
    let received = Instant::now();
    let mut request = http::Request::new(());
    let name = crate::http::deadline::HEADER;
    let said = http::HeaderValue::from_static("500");
    request.headers_mut().insert(name, said);
    let limit = Some(ms(800));
    let deadline = propagation::receive(&mut request, limit, received);
    assert_eq!(deadline, Some(Deadline::at(received + ms(500))));
    assert_eq!(propagation::carried(&request), deadline);
    // What is not written anew is not passed on: it would be too late by now.
    assert!(request.headers().is_empty());
    let deadline = deadline.unwrap();
    propagation::send(&mut request, deadline, received + ms(200)).unwrap();
    assert_eq!(request.headers()[name], "300");
    let late = received + ms(500);
    let sent = propagation::send(&mut request, deadline, late);
    assert_eq!(sent, Err(DeadlinePassed));
    assert!(request.headers().is_empty());
}

#[test]
fn the_earlier_of_what_the_caller_said_and_the_own_limit_counts() {
    let ms = Duration::from_millis;
    let now = Instant::now();
    let limits = Limits {
        total: Some(ms(100)),
        per_try: Some(ms(60)),
    };
    let at = |n| Deadline::at(now + ms(n));
    assert_eq!(limits.of_call(now, None), Some(at(100)));
    assert_eq!(limits.of_call(now, Some(at(50))), Some(at(50)));
    assert_eq!(limits.of_call(now, Some(at(500))), Some(at(100)));
    assert_eq!(limits.of_attempt(now, Some(at(100))), Some(at(60)));
    let later = now + ms(70);
    assert_eq!(limits.of_attempt(later, Some(at(100))), Some(at(100)));
    assert_eq!(Limits::default().of_attempt(now, None), None);
}

#[tokio::test(start_paused = true)]
async fn a_bounded_call_dropped_at_any_await_point_drops_what_it_bounds() {
    let ms = Duration::from_millis;
    for polls in 0..=3 {
        let life = Arc::new(());
        let held = life.clone();
        let twice = service_fn(move |(): ()| {
            let held = held.clone();
            async move {
                let _held = held;
                tokio::time::sleep(ms(1)).await;
                tokio::time::sleep(ms(1)).await;
                Ok::<(), ()>(())
            }
        });
        let mut service = TimeoutLayer::new(ms(10)).layer(twice);
        let ended = dropped_after(polls, service.call(())).await;
        assert_eq!(ended.is_some(), polls == 3, "after {polls} polls");
        drop(service);
        assert_eq!(Arc::strong_count(&life), 1, "after {polls} polls");
    }
}
