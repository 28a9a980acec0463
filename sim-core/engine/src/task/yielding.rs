//! Giving way to other tasks.

use std::{
    future::{Future, poll_fn},
    task::Poll,
};

/// Lets other ready tasks run first. tokio's own never wakes here: it defers to a scheduler that is
/// not running.
pub fn yield_now() -> impl Future<Output = ()> {
    let mut yielded = false;
    poll_fn(move |cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}
