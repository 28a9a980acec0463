//! A body that a filter made: a panic in it ends this body and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::BodyChange;

use crate::http::{Body, BoxError, boxed};

/// Applies a change whose panics become errors of the body.
pub(super) fn apply(change: BodyChange, body: Body) -> Body {
    match catch_unwind(AssertUnwindSafe(|| change(body))) {
        Ok(body) => boxed(Guarded(Some(body))),
        Err(_) => boxed(Guarded(None)),
    }
}

/// None after a panic: what panicked is not polled again.
struct Guarded(Option<Body>);

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(Some(Err(panicked())));
        };
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(cx)));
        polled.unwrap_or_else(|_| {
            self.0 = None;
            Poll::Ready(Some(Err(panicked())))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(SizeHint::new, Body::size_hint)
    }
}

fn panicked() -> BoxError {
    "a filter's body panicked".into()
}
