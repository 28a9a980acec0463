//! The answer's body on its way down: what the request holds is held until its last byte.
//!
//! The endpoint's slot and its breaker's permit live as long as the body: an endpoint that still sends
//! is still busy, and one that breaks off in the middle has failed. The breaker learns of success when
//! the last byte was handed over, of failure at once, and of a caller that left as of no result.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use super::flight::Flight;
use super::observer::{End, Outcome};
use super::record::Record;
use crate::http::{BoxError, Error, Sent};

/// A body that gives back what its request holds when it ends, breaks off or is dropped.
pub(super) struct Answer {
    body: Incoming,
    held: Option<(Flight, Record)>,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    pub(super) fn new(
        body: Incoming,
        flight: Flight,
        record: Record,
        deadline: Option<Instant>,
    ) -> Self {
        let deadline = deadline.map(|instant| Box::pin(sleep_until(instant)));
        let mut answer = Self {
            body,
            held: Some((flight, record)),
            deadline,
        };
        // Nobody polls a body that is empty from the start.
        answer.end_if_complete();
        answer
    }

    fn end_if_complete(&mut self) {
        if self.body.is_end_stream() {
            self.complete();
        }
    }

    fn complete(&mut self) {
        self.deadline = None;
        if let Some((flight, record)) = self.held.take() {
            flight.complete();
            record.ended(End::Complete);
        }
    }

    fn break_off(&mut self, outcome: Outcome) {
        self.deadline = None;
        if let Some((flight, record)) = self.held.take() {
            flight.settle(outcome);
            record.ended(End::BrokenOff);
        }
    }

    fn deadline_passed(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline
            .as_mut()
            .is_some_and(|at| at.as_mut().poll(cx).is_ready())
    }

    fn cut(&mut self, outcome: Outcome) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.break_off(outcome);
        Poll::Ready(Some(Err(Error::Deadline { sent: Sent::Maybe }.into())))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.end_if_complete();
                if this.deadline_passed(cx) {
                    // The endpoint delivers; the caller reads too slowly, or the stream has no end.
                    return this.cut(Outcome::Cancelled);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.break_off(Outcome::Broken("body"));
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                this.complete();
                Poll::Ready(None)
            }
            Poll::Pending if this.deadline_passed(cx) => this.cut(Outcome::Broken("deadline")),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
