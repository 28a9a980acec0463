//! What stands around every kind of service: an `errors` fault answers in its place.

use http::{Response, StatusCode};
use http_body_util::Either;
use std::{
    future::{Future, ready},
    pin::Pin,
    task::{Context, Poll},
};
use tower::{Layer, Service};
use windtunnel_models::http::{self as http_model, Body};

/// Has a service answer with an error status where an `errors` fault says so.
#[derive(Clone, Copy, Debug)]
pub struct Injecting;

impl<S> Layer<S> for Injecting {
    type Service = Injected<S>;

    fn layer(&self, service: S) -> Injected<S> {
        Injected(service)
    }
}

/// A service and what answers in its place; see [`Injecting`].
#[derive(Clone, Debug)]
pub struct Injected<S>(S);

impl<S, R, B> Service<R> for Injected<S>
where
    S: Service<R, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<Either<Body, B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let status = windtunnel::injected_error();
        if let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok()) {
            let mut answer = Response::new(Either::Left(http_model::empty()));
            *answer.status_mut() = status;
            return Box::pin(ready(Ok(answer)));
        }
        let answer = self.0.call(request);
        Box::pin(async move { Ok(answer.await?.map(Either::Right)) })
    }
}
