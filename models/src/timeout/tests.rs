//! What deadlines promise.

use std::future::{pending, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::*;

#[tokio::test]
async fn a_call_is_cut_at_its_deadline_and_never_before() {
    let after = Duration::from_millis(20);
    let began = Instant::now();
    let cut = Deadline::after(began, after).bound(pending::<()>()).await;
    assert_eq!(cut, Err(DeadlinePassed));
    assert!(began.elapsed() >= after);
    assert_eq!(Deadline::at(began).bound(ready(1)).await, Ok(1));
}

#[tokio::test]
async fn at_the_instant_itself_a_deadline_has_passed() {
    let now = Instant::now();
    let deadline = Deadline::after(now, Duration::from_secs(1));
    let last = deadline.instant() - Duration::from_nanos(1);
    assert!(!deadline.has_passed(last));
    assert!(deadline.has_passed(deadline.instant()));
    assert_eq!(deadline.remaining(deadline.instant()), Duration::ZERO);
    assert!(Deadline::after(now, Duration::MAX).instant() > now);
}
