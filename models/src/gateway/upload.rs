//! A request's body on its way up: kept whole if it is small enough to repeat, streamed once otherwise.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tokio::time::{Instant, timeout_at};

use super::Refusal;
use crate::http::{Body, BoxError, boxed, empty};

/// What the gateway holds of a request's body.
#[derive(Debug)]
pub(super) enum Upload {
    /// All of it: may be sent again.
    Whole {
        data: Bytes,
        trailers: Option<HeaderMap>,
    },
    /// A stream that can be sent once; `chunked` if its length is unknown.
    Stream { body: Body, chunked: bool },
    /// A stream that was sent.
    Spent,
}

impl Upload {
    /// Takes over a body that may be `max` bytes long. One that says it has at most `keep` bytes is read
    /// before anything is sent, so that it can be repeated and a slow client holds no endpoint; one
    /// that does not say is tried for as many bytes if it `may_repeat`, and streams otherwise.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooLarge`], [`Refusal::BrokenBody`], or [`Refusal::SlowClient`] if the deadline passes
    /// while reading.
    pub(super) async fn receive<B>(
        body: B,
        max: u64,
        keep: usize,
        may_repeat: bool,
        deadline: Instant,
    ) -> Result<Self, Refusal>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if http_body::Body::is_end_stream(&body) {
            return Ok(Self::Whole {
                data: Bytes::new(),
                trailers: None,
            });
        }
        let hint = http_body::Body::size_hint(&body);
        if hint.lower() > max {
            return Err(Refusal::TooLarge { limit: max });
        }
        let chunked = hint.exact().is_none();
        let limited = Limited::new(boxed(body), usize::try_from(max).unwrap_or(usize::MAX));
        let streams = chunked && !may_repeat;
        if streams || hint.lower() > keep as u64 {
            return Ok(Self::Stream {
                body: boxed(limited),
                chunked,
            });
        }
        let reading = read(limited, keep, chunked);
        match timeout_at(deadline, reading).await {
            Err(_) => Err(Refusal::SlowClient),
            Ok(Err(error)) => Err(refusal(&*error, max)),
            Ok(Ok(upload)) => Ok(upload),
        }
    }

    /// Whether it can be sent (again).
    pub(super) const fn is_available(&self) -> bool {
        !matches!(self, Self::Spent)
    }

    /// The same body for somebody else; none if it is not held whole.
    pub(super) fn copy(&self) -> Option<Self> {
        match self {
            Self::Whole { data, trailers } => Some(Self::Whole {
                data: data.clone(),
                trailers: trailers.clone(),
            }),
            Self::Stream { .. } | Self::Spent => None,
        }
    }

    /// The body of one attempt, with the framing headers that belong to it.
    pub(super) fn send(&mut self, headers: &mut HeaderMap) -> Body {
        headers.remove(TRANSFER_ENCODING);
        match self {
            Self::Whole {
                data,
                trailers: None,
            } => {
                let announced = headers.remove(CONTENT_LENGTH).is_some();
                if data.is_empty() && !announced {
                    return empty();
                }
                headers.insert(CONTENT_LENGTH, HeaderValue::from(data.len()));
                boxed(Full::new(data.clone()))
            }
            Self::Whole {
                data,
                trailers: Some(trailers),
            } => {
                chunk(headers);
                let trailers = trailers.clone();
                boxed(Full::new(data.clone()).with_trailers(async move { Some(Ok(trailers)) }))
            }
            Self::Stream { .. } => match std::mem::replace(self, Self::Spent) {
                Self::Stream { body, chunked } => {
                    if chunked {
                        chunk(headers);
                    }
                    body
                }
                Self::Whole { .. } | Self::Spent => empty(),
            },
            // Nobody asks for it: a retry checks first. An empty body could be taken for the real one.
            Self::Spent => boxed(BrokenOff),
        }
    }
}

fn chunk(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
}

/// What a failed upload means for the client.
pub(super) fn refusal(error: &(dyn std::error::Error + 'static), max: u64) -> Refusal {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return Refusal::TooLarge { limit: max };
        }
        cause = error.source();
    }
    Refusal::BrokenBody
}

async fn read(mut body: Limited<Body>, keep: usize, chunked: bool) -> Result<Upload, BoxError> {
    let mut data = BytesMut::new();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(bytes) => data.extend_from_slice(&bytes),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
        if data.len() > keep {
            let body = boxed(Continued {
                first: Some(data.freeze()),
                rest: body,
            });
            return Ok(Upload::Stream { body, chunked });
        }
    }
    Ok(Upload::Whole {
        data: data.freeze(),
        trailers,
    })
}

/// A stream whose beginning was read already.
struct Continued {
    first: Option<Bytes>,
    rest: Limited<Body>,
}

impl http_body::Body for Continued {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        Pin::new(&mut self.rest).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, Bytes::len) as u64;
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        // `Limited` bounds from above what it may yield, which is not what it will yield.
        if let Some(rest) = rest.exact() {
            hint.set_exact(first + rest);
        } else {
            hint.set_lower(first + rest.lower());
        }
        hint
    }
}

/// A body that cannot be sent a second time.
struct BrokenOff;

impl http_body::Body for BrokenOff {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(Some(Err("the body was sent before".into())))
    }
}
