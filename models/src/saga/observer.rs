//! Who is told what sagas do.

use super::log::LogEvent;

/// Is told every event of every saga, after it is in the log. Called outside of every lock, in the trace
/// of the request that began the saga ([`trace::present`](crate::trace::present)).
pub trait Observer: Send + Sync + 'static {
    /// `step` is the name of the step that the event is about.
    fn event(&self, saga: &str, definition: &str, step: Option<&str>, event: &LogEvent);

    /// An event was found in the log when it was opened. A crash may have come between writing an
    /// event and telling it, so an observer that must miss none takes these too, each once.
    fn found(&self, saga: &str, event: &LogEvent) {
        let _ = (saga, event);
    }
}

impl Observer for () {
    fn event(&self, _: &str, _: &str, _: Option<&str>, _: &LogEvent) {}
}
