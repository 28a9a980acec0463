//! The shedder in front of a tower service.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::ServiceExt;

use super::{Shed, Shedder};
use crate::overload::call::carry_out;
use crate::overload::{Call, Classify, Error};

/// Puts a shedder in front of services. `R` is the request, `T` and `E` what a call ends with.
pub struct ShedLayer<R, T, E> {
    shedder: Shedder,
    describe: fn(&R) -> Call,
    classify: Classify<T, E>,
}

impl<R, T, E> ShedLayer<R, T, E> {
    /// All services made by this layer share `shedder`. `describe` says what a request is, by its head.
    pub const fn new(shedder: Shedder, describe: fn(&R) -> Call, classify: Classify<T, E>) -> Self {
        Self {
            shedder,
            describe,
            classify,
        }
    }
}

impl<S, R, T, E> tower::Layer<S> for ShedLayer<R, T, E> {
    type Service = ShedService<S, R, T, E>;

    fn layer(&self, inner: S) -> Self::Service {
        ShedService {
            inner,
            shedder: self.shedder.clone(),
            describe: self.describe,
            classify: self.classify,
        }
    }
}

/// A service behind a shedder. Always ready, and a refused call touches neither the body of the request
/// nor the inner service: one that is not ready must not hold up a refusal.
pub struct ShedService<S, R, T, E> {
    inner: S,
    shedder: Shedder,
    describe: fn(&R) -> Call,
    classify: Classify<T, E>,
}

impl<S: Clone, R, T, E> Clone for ShedService<S, R, T, E> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shedder: self.shedder.clone(),
            describe: self.describe,
            classify: self.classify,
        }
    }
}

impl<S, R> tower::Service<R> for ShedService<S, R, S::Response, S::Error>
where
    S: tower::Service<R> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: 'static,
    S::Error: 'static,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = Error<Shed, S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let permit = match self.shedder.admit(&(self.describe)(&request)) {
            Ok(permit) => permit,
            Err(shed) => return Box::pin(async move { Err(Error::Refused(shed)) }),
        };
        let inner = self.inner.clone();
        let classify = self.classify;
        Box::pin(async move {
            let answer = carry_out(permit, inner.oneshot(request), classify).await;
            answer.map_err(Error::Inner)
        })
    }
}
