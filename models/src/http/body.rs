//! One body type for requests we send and responses we make, and bounded collection.

use bytes::{Bytes, BytesMut};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use tokio::time::{Instant, timeout_at};

use super::error::{Error, Sent, classify};

/// Any error, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body of any origin: streamed or whole.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A body without bytes.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that is already there.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Boxes a body, keeping its stream, back-pressure and trailers.
pub fn boxed<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body.map_err(Into::into).boxed_unsync()
}

/// Reads a response body to its end, at most `limit` bytes of it, until `deadline`.
///
/// A body of exactly `limit` bytes is accepted; trailers are dropped.
///
/// # Errors
///
/// [`Error::BodyTooLarge`] as soon as a frame crosses the limit (or at once, if the announced length
/// does), [`Error::Deadline`] when the deadline passes first, otherwise what the connection reported.
///
/// # Cancellation
///
/// Dropping the future drops the body, which closes its connection; nothing is kept.
pub async fn collect<B>(body: B, limit: usize, deadline: Option<Instant>) -> Result<Bytes, Error>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let whole = collect_bounded(body, limit);
    match deadline {
        None => whole.await,
        Some(deadline) => timeout_at(deadline, whole)
            .await
            .unwrap_or(Err(Error::Deadline { sent: Sent::Maybe })),
    }
}

async fn collect_bounded<B>(body: B, limit: usize) -> Result<Bytes, Error>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    if body.size_hint().lower() > limit as u64 {
        return Err(Error::BodyTooLarge { limit });
    }
    let mut body = std::pin::pin!(body);
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|source| classify(source.into(), Sent::Maybe))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let so_far = first.as_ref().map_or(0, Bytes::len) + rest.len();
        if data.len() > limit - so_far {
            return Err(Error::BodyTooLarge { limit });
        }
        match first {
            // Most bodies are one frame: keep it as it came instead of copying it.
            None => first = Some(data),
            Some(_) => rest.extend_from_slice(&data),
        }
    }
    let first = first.unwrap_or_default();
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_is_accepted() {
        assert_eq!(collect(full("12345"), 5, None).await.unwrap(), "12345");
    }

    #[tokio::test]
    async fn a_body_one_byte_over_the_limit_is_refused() {
        let refused = collect(full("123456"), 5, None).await;
        assert!(
            matches!(refused, Err(Error::BodyTooLarge { limit: 5 })),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn frames_are_joined_in_order_and_counted_together() {
        let frames = || {
            let chunks = ["ab", "cd", "ef"].map(|chunk| {
                Ok::<_, std::io::Error>(http_body::Frame::data(Bytes::from_static(
                    chunk.as_bytes(),
                )))
            });
            http_body_util::StreamBody::new(futures_util::stream::iter(chunks))
        };
        assert_eq!(collect(frames(), 6, None).await.unwrap(), "abcdef");
        assert!(matches!(
            collect(frames(), 5, None).await,
            Err(Error::BodyTooLarge { limit: 5 })
        ));
    }
}
