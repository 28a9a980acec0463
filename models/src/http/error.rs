//! What can go wrong with a call, and whether the server may have seen it.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use super::BoxError;

/// Whether any byte of a request may have reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sent {
    /// Certainly not: repeating the request cannot repeat its effect.
    No,
    /// Perhaps: only an idempotent request may be repeated.
    Maybe,
}

/// A call that ended without a complete answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host answered that nobody listens there.
    #[error("connect: refused")]
    ConnectRefused,
    /// No connection within the client's patience (the host is silent, its backlog full or the
    /// link cut).
    #[error("connect: nothing answered within {0:?}")]
    ConnectTimeout(Duration),
    /// No connection for another reason: unknown name, unreachable host, reset while connecting.
    #[error("connect: {0}")]
    Connect(#[source] BoxError),
    /// The connection was reset, or the kernel gave it up.
    #[error("exchange: connection reset (request sent: {sent:?})")]
    Reset {
        /// Whether the server may have seen the request.
        sent: Sent,
        /// What the connection reported.
        source: BoxError,
    },
    /// The server closed the connection before its answer was complete.
    #[error("exchange: connection closed before the answer was complete (request sent: {sent:?})")]
    Closed {
        /// Whether the server may have seen the request.
        sent: Sent,
    },
    /// The deadline passed first.
    #[error("exchange: deadline passed (request sent: {sent:?})")]
    Deadline {
        /// Whether the server may have seen the request.
        sent: Sent,
    },
    /// The body is larger than the caller accepts.
    #[error("read body: larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The request's own body failed while it was being sent.
    #[error("send body: {0}")]
    RequestBody(#[source] BoxError),
    /// The other side does not speak valid HTTP.
    #[error("exchange: invalid HTTP: {source}")]
    Protocol {
        /// Whether the server may have seen the request.
        sent: Sent,
        /// What the parser reported.
        source: BoxError,
    },
    /// The pooled connection ended before the request was put on it.
    #[error("exchange: connection ended before the request was sent")]
    Canceled,
    /// The request cannot be sent at all (no authority, unsupported version or method).
    #[error("send request: {0}")]
    Unsendable(#[source] BoxError),
}

impl Error {
    /// Whether any byte of the request may have reached the server.
    pub const fn sent(&self) -> Sent {
        match self {
            Self::ConnectRefused
            | Self::ConnectTimeout(_)
            | Self::Connect(_)
            | Self::Canceled
            | Self::Unsendable(_) => Sent::No,
            Self::Reset { sent, .. }
            | Self::Closed { sent }
            | Self::Deadline { sent }
            | Self::Protocol { sent, .. } => *sent,
            Self::BodyTooLarge { .. } | Self::RequestBody(_) => Sent::Maybe,
        }
    }

    /// Whether the request may be repeated even if it is not idempotent: no byte of it was sent,
    /// and another attempt can end otherwise.
    pub const fn is_retryable_without_idempotency(&self) -> bool {
        matches!(self.sent(), Sent::No) && !matches!(self, Self::Unsendable(_))
    }

    /// Whether the connection could not be established.
    pub const fn is_connect(&self) -> bool {
        matches!(
            self,
            Self::ConnectRefused | Self::ConnectTimeout(_) | Self::Connect(_)
        )
    }

    /// A short stable word for logs and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ConnectRefused => "connect-refused",
            Self::ConnectTimeout(_) => "connect-timeout",
            Self::Connect(_) => "connect-failed",
            Self::Reset { .. } => "reset",
            Self::Closed { .. } => "closed",
            Self::Deadline { .. } => "deadline",
            Self::BodyTooLarge { .. } => "body-too-large",
            Self::RequestBody(_) => "request-body",
            Self::Protocol { .. } => "protocol",
            Self::Canceled => "canceled",
            Self::Unsendable(_) => "unsendable",
        }
    }
}

/// A setting that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("build: `{field}` {problem}")]
pub struct InvalidPolicy {
    /// The setting, in the spelling of configuration files.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl InvalidPolicy {
    pub(super) const fn new(field: &'static str, problem: &'static str) -> Self {
        Self { field, problem }
    }
}

/// The connector's own time-out, found again at the end of the client's error chain.
#[derive(Debug, thiserror::Error)]
#[error("nothing answered within {0:?}")]
pub(super) struct ConnectTimedOut(pub(super) Duration);

/// Turns a connection attempt's error into ours.
pub(super) fn classify_connect(error: BoxError) -> Error {
    for cause in chain(&*error) {
        if let Some(ConnectTimedOut(patience)) = cause.downcast_ref() {
            return Error::ConnectTimeout(*patience);
        }
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::ConnectionRefused
        {
            return Error::ConnectRefused;
        }
    }
    Error::Connect(error)
}

/// Turns an established connection's error into ours; `sent` is what the connection's meter says.
pub(super) fn classify(error: BoxError, sent: Sent) -> Error {
    let hyper = chain(&*error).find_map(|cause| cause.downcast_ref::<hyper::Error>());
    // These two say more than the I/O error that may stand behind them: a request that was taken back
    // before its first byte, and an upload whose own source failed.
    if hyper.is_some_and(hyper::Error::is_canceled) {
        return Error::Canceled;
    }
    if hyper.is_some_and(|hyper| hyper.is_user() && !connection_task_is_gone(hyper)) {
        return Error::RequestBody(error);
    }
    let io = chain(&*error).find_map(|cause| cause.downcast_ref::<io::Error>());
    match (io.map(io::Error::kind), hyper) {
        (Some(io::ErrorKind::UnexpectedEof), _) => Error::Closed { sent },
        (Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput), _) => Error::Protocol {
            sent,
            source: error,
        },
        (Some(_), _) => Error::Reset {
            sent,
            source: error,
        },
        (None, None) => Error::Unsendable(error),
        (None, Some(hyper)) if hyper.is_parse() || hyper.is_parse_too_large() => Error::Protocol {
            sent,
            source: error,
        },
        (None, Some(hyper)) if hyper.is_incomplete_message() || hyper.is_closed() => {
            Error::Closed { sent }
        }
        (None, Some(hyper)) if hyper.is_user() => Error::Closed { sent },
        (None, Some(_)) => Error::Protocol {
            sent,
            source: error,
        },
    }
}

/// Whether an HTTP/2 server says that it did not look at the request (RFC 9113, section 8.7): then it may
/// be sent again whatever it is.
pub(super) fn refused_by_peer(error: &hyper::Error) -> bool {
    let h2 = chain(error).find_map(|cause| cause.downcast_ref::<h2::Error>());
    h2.is_some_and(|error| {
        error.is_remote() && error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
    })
}

/// hyper counts a connection task that was dropped or panicked as an error of the user, like a failed
/// body, and tells them apart in words only.
fn connection_task_is_gone(error: &hyper::Error) -> bool {
    error.to_string().starts_with("dispatch task is gone")
}

type Cause<'a> = &'a (dyn StdError + 'static);

fn chain<'a>(error: Cause<'a>) -> impl Iterator<Item = Cause<'a>> {
    std::iter::successors(Some(error), |error| (**error).source())
}
