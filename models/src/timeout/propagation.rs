//! A deadline on its way through a process: read from a request that comes in, carried with it as an
//! instant, written to those that go out as what is left.

use std::time::Duration;

use http::Request;
use tokio::time::Instant;

use super::{Deadline, DeadlinePassed, Limits};
use crate::http::deadline::HEADER;

/// Takes the deadline of a request over that was `received`: what its caller said or `limit`, whichever is
/// earlier. It goes into the extensions of the request and out of its headers, where it would be too late
/// by the time it takes until the request is sent on.
pub fn receive<B>(
    request: &mut Request<B>,
    limit: Option<Duration>,
    received: Instant,
) -> Option<Deadline> {
    let said = Deadline::from_headers(request.headers(), received);
    request.headers_mut().remove(HEADER);
    let limits = Limits {
        total: limit,
        per_try: None,
    };
    let deadline = limits.of_call(received, said)?;
    request.extensions_mut().insert(deadline);
    Some(deadline)
}

/// The deadline a request carries inside the process.
pub fn carried<B>(request: &Request<B>) -> Option<Deadline> {
    request.extensions().get::<Deadline>().copied()
}

/// Writes what is left of `deadline` at `now` to a request that is about to be sent.
///
/// # Errors
///
/// Less than a millisecond is left: there is no point in sending it.
pub fn send<B>(
    request: &mut Request<B>,
    deadline: Deadline,
    now: Instant,
) -> Result<(), DeadlinePassed> {
    let said = deadline.write(request.headers_mut(), now);
    said.then_some(()).ok_or(DeadlinePassed)
}
