//! The bulkhead in front of a tower service.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::ServiceExt;

use super::{Bulkhead, Refused};
use crate::overload::call::carry_out;
use crate::overload::{Call, Classify, Error};

/// Puts a bulkhead in front of services. `R` is the request, `T` and `E` what a call ends with.
pub struct BulkheadLayer<R, T, E> {
    bulkhead: Bulkhead,
    describe: fn(&R) -> Call,
    classify: Classify<T, E>,
}

impl<R, T, E> BulkheadLayer<R, T, E> {
    /// All services made by this layer share `bulkhead`. `describe` says what a request is.
    pub const fn new(
        bulkhead: Bulkhead,
        describe: fn(&R) -> Call,
        classify: Classify<T, E>,
    ) -> Self {
        Self {
            bulkhead,
            describe,
            classify,
        }
    }
}

impl<S, R, T, E> tower::Layer<S> for BulkheadLayer<R, T, E> {
    type Service = BulkheadService<S, R, T, E>;

    fn layer(&self, inner: S) -> Self::Service {
        BulkheadService {
            inner,
            bulkhead: self.bulkhead.clone(),
            describe: self.describe,
            classify: self.classify,
        }
    }
}

/// A service behind a bulkhead. Always ready: who waits does so in its call, where it has a deadline and
/// a place in the queue. The inner service is asked for its readiness once there is a slot.
pub struct BulkheadService<S, R, T, E> {
    inner: S,
    bulkhead: Bulkhead,
    describe: fn(&R) -> Call,
    classify: Classify<T, E>,
}

impl<S: Clone, R, T, E> Clone for BulkheadService<S, R, T, E> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            bulkhead: self.bulkhead.clone(),
            describe: self.describe,
            classify: self.classify,
        }
    }
}

impl<S, R> tower::Service<R> for BulkheadService<S, R, S::Response, S::Error>
where
    S: tower::Service<R> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: 'static,
    S::Error: 'static,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = Error<Refused, S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let slot = self.bulkhead.acquire(&(self.describe)(&request));
        let inner = self.inner.clone();
        let classify = self.classify;
        Box::pin(async move {
            let permit = slot.await.map_err(Error::Refused)?;
            let answer = carry_out(permit, inner.oneshot(request), classify).await;
            answer.map_err(Error::Inner)
        })
    }
}
