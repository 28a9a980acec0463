//! The smallest service: answers every request with its own method, path and body.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;

use super::{Body, BoxError, boxed};

/// Sends the request's body back as it arrives, with `x-method` and `x-path` as headers.
///
/// A peer for tests and a first backend to put behind a gateway.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl<B> tower::Service<Request<B>> for Echo
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let mut response = Response::new(boxed(body.map_err(Into::into)));
        let headers = response.headers_mut();
        if let Ok(value) = head.method.as_str().try_into() {
            headers.insert("x-method", value);
        }
        if let Ok(value) = head.uri.path().try_into() {
            headers.insert("x-path", value);
        }
        Box::pin(std::future::ready(Ok(response)))
    }
}
