//! The limiter in front of a tower service.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Error, Limiter};

/// Puts one shared limiter in front of services.
#[derive(Clone, Debug)]
pub struct LimitLayer {
    limiter: Arc<Limiter>,
}

impl LimitLayer {
    /// All services made by this layer share `limiter`.
    pub const fn new(limiter: Arc<Limiter>) -> Self {
        Self { limiter }
    }
}

impl<S> tower::Layer<S> for LimitLayer {
    type Service = LimitService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LimitService {
            inner,
            limiter: self.limiter.clone(),
        }
    }
}

/// A service behind a limiter: refuses at once instead of queueing.
#[derive(Clone, Debug)]
pub struct LimitService<S> {
    inner: S,
    limiter: Arc<Limiter>,
}

impl<S, R> tower::Service<R> for LimitService<S>
where
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
