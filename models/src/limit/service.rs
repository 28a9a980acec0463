//! The limiter in front of a tower service.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Error, Gcra, Law, Limiter};

/// Puts one shared limiter in front of services.
#[derive(Debug)]
pub struct LimitLayer<L: Law = Gcra> {
    limiter: Arc<Limiter<L>>,
}

impl<L: Law> LimitLayer<L> {
    /// All services made by this layer share `limiter`.
    pub const fn new(limiter: Arc<Limiter<L>>) -> Self {
        Self { limiter }
    }
}

impl<L: Law> Clone for LimitLayer<L> {
    fn clone(&self) -> Self {
        Self::new(self.limiter.clone())
    }
}

impl<S, L: Law> tower::Layer<S> for LimitLayer<L> {
    type Service = LimitService<S, L>;

    fn layer(&self, inner: S) -> Self::Service {
        LimitService {
            inner,
            limiter: self.limiter.clone(),
        }
    }
}

/// A service behind a limiter: refuses at once instead of queueing.
#[derive(Debug)]
pub struct LimitService<S, L: Law = Gcra> {
    inner: S,
    limiter: Arc<Limiter<L>>,
}

impl<S: Clone, L: Law> Clone for LimitService<S, L> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            limiter: self.limiter.clone(),
        }
    }
}

impl<S, R, L> tower::Service<R> for LimitService<S, L>
where
    L: Law,
    S: tower::Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: R) -> Self::Future {
        match self.limiter.check() {
            Ok(()) => {
                let call = self.inner.call(request);
                Box::pin(async move { call.await.map_err(Error::Inner) })
            }
            Err(refused) => Box::pin(async move { Err(Error::Refused(refused)) }),
        }
    }
}
