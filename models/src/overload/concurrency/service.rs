//! The concurrency limiter in front of a tower service.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::ServiceExt;

use super::{Limiter, Refused};
use crate::overload::call::carry_out;
use crate::overload::{Classify, Error};

/// Puts one shared limiter in front of services.
#[derive(Clone, Debug)]
pub struct LimitLayer<T, E> {
    limiter: Limiter,
    classify: Classify<T, E>,
}

impl<T, E> LimitLayer<T, E> {
    /// All services made by this layer share `limiter`. `classify` has to know which answers are no
    /// samples of latency: an answer "503, shed" that counts as a success makes a callee look quick that
    /// does nothing any more.
    pub const fn new(limiter: Limiter, classify: Classify<T, E>) -> Self {
        Self { limiter, classify }
    }
}

impl<S, T, E> tower::Layer<S> for LimitLayer<T, E> {
    type Service = LimitService<S, T, E>;

    fn layer(&self, inner: S) -> Self::Service {
        LimitService {
            inner,
            limiter: self.limiter.clone(),
            classify: self.classify,
        }
    }
}

/// A service behind a concurrency limiter. Always ready: it refuses at once instead of queueing, and the
/// inner service is asked for its readiness once the call is admitted.
#[derive(Clone, Debug)]
pub struct LimitService<S, T, E> {
    inner: S,
    limiter: Limiter,
    classify: Classify<T, E>,
}

impl<S, R> tower::Service<R> for LimitService<S, S::Response, S::Error>
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
        let permit = match self.limiter.admit() {
            Ok(permit) => permit,
            Err(refused) => return Box::pin(async move { Err(Error::Refused(refused)) }),
        };
        let inner = self.inner.clone();
        let classify = self.classify;
        Box::pin(async move {
            let answer = carry_out(permit, inner.oneshot(request), classify).await;
            answer.map_err(Error::Inner)
        })
    }
}
