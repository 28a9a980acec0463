//! What a call says about its endpoint, to the detector.

use http::{Response, StatusCode};

use crate::http::Error;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered.
    Answered(StatusCode),
    /// No answer came; we saw that ourselves.
    Failed(Local),
    /// Nothing is known of the endpoint: the caller went away, or our own side refused the call.
    Cancelled,
}

/// A failure that was seen on our side of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// No connection came about.
    Connect,
    /// The connection broke before the answer was complete.
    Reset,
    /// The answer did not come in time.
    Timeout,
}

impl Outcome {
    /// What the result of a call of our client says.
    pub fn of<T>(result: &Result<Response<T>, Error>) -> Self {
        match result {
            Ok(response) => Self::Answered(response.status()),
            Err(error) => Self::of_error(error),
        }
    }

    fn of_error(error: &Error) -> Self {
        match error {
            error if error.is_connect() => Self::Failed(Local::Connect),
            Error::Deadline { .. } => Self::Failed(Local::Timeout),
            Error::Reset { .. } | Error::Closed { .. } | Error::Protocol { .. } => {
                Self::Failed(Local::Reset)
            }
            // The caller's own limit or upload, or a pooled connection that ended unused.
            _ => Self::Cancelled,
        }
    }
}
