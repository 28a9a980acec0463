//! Traces across services: the id that a request has in common with all that it causes.
//!
//! It prevents that nobody can say which of a thousand calls belong to the one request that went wrong:
//! each hop, repetition and hedge carries the id of the request that it is made for (W3C Trace Context),
//! and what a task does for a request is told with it. It can cause what every baggage can: an id that is
//! believed from strangers ties what does not belong together, and one that is lost on the way, in a task
//! that was spawned without it, cuts a trace in two.
//!
//! A server puts the id of a request in force while it is served ([`within`]); a gateway passes it on
//! ([`TraceContext`]); whoever spawns a task for a request spawns it by [`spawn`].

mod context;
pub mod sampling;

pub use context::{TraceContext, read};
pub use sampling::Sampler;

use std::future::Future;

use tokio::task::JoinHandle;

tokio::task_local! {
    static PRESENT: Option<u128>;
}

/// The trace of the request that the present task serves, if there is one.
pub fn present() -> Option<u128> {
    PRESENT.try_with(|trace| *trace).ok().flatten()
}

/// The same as the header shows it: 32 hexadecimal digits.
pub fn present_text() -> Option<String> {
    present().map(text)
}

/// A trace id as the header shows it: 32 hexadecimal digits.
pub fn text(trace: u128) -> String {
    let mut text = vec![0; 32];
    context::hexadecimal(trace, &mut text);
    String::from_utf8(text).expect("digits are ASCII")
}

/// The trace id that such a text shows.
pub fn of_text(text: &str) -> Option<u128> {
    u128::from_str_radix(text, 16).ok()
}

/// The future, with `trace` in force while it is polled.
pub fn within<F: Future>(
    trace: Option<u128>,
    future: F,
) -> impl Future<Output = F::Output> + use<F> {
    PRESENT.scope(trace, future)
}

/// Spawns a task that goes on in the present trace.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(within(present(), future))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_shown_by_all_its_digits_and_read_again() {
        for trace in [1, 0xf, u128::MAX, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736] {
            assert_eq!(text(trace), format!("{trace:032x}"));
            assert_eq!(of_text(&text(trace)), Some(trace));
        }
    }

    #[tokio::test]
    async fn a_trace_is_in_force_where_it_was_put_and_in_tasks_that_are_spawned_for_it() {
        assert_eq!(present(), None);
        let inside = within(Some(7), async {
            let spawned = spawn(async { present() }).await.unwrap();
            let lost = tokio::spawn(async { present() }).await.unwrap();
            (present(), spawned, lost)
        });
        assert_eq!(inside.await, (Some(7), Some(7), None));
        assert_eq!(present(), None);
    }
}
