//! The breaker in front of a tower service.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Breaker, Error, Outcome, Permit, Rejected};

/// What the result of a call says about the endpoint.
pub type Classify<T, E> = fn(&Result<T, E>) -> Outcome;

/// `Ok` succeeded, `Err` failed.
pub const fn by_result<T, E>(result: &Result<T, E>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Failure,
    }
}

/// For a breaker around a service that has a breaker of its own: what that one refused says nothing
/// about the endpoint; else by the result.
pub const fn unless_rejected<T, E>(result: &Result<T, Error<E>>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(Error::Rejected(_)) => Outcome::Excluded,
        Err(Error::Inner(_)) => Outcome::Failure,
    }
}

/// Puts a breaker in front of services.
#[derive(Clone, Debug)]
pub struct BreakerLayer<T, E> {
    breaker: Breaker,
    classify: Classify<T, E>,
}

impl<T, E> BreakerLayer<T, E> {
    /// All services made by this layer share `breaker`.
    pub const fn new(breaker: Breaker, classify: Classify<T, E>) -> Self {
        Self { breaker, classify }
    }
}

impl<S, T, E> tower::Layer<S> for BreakerLayer<T, E> {
    type Service = BreakerService<S, T, E>;

    fn layer(&self, inner: S) -> Self::Service {
        BreakerService {
            inner,
            breaker: self.breaker.clone(),
            classify: self.classify,
        }
    }
}

/// A service behind a breaker. The breaker is asked when a call is made, not in `poll_ready`: readiness
/// may be asked for and never used.
#[derive(Clone, Debug)]
pub struct BreakerService<S, T, E> {
    inner: S,
    breaker: Breaker,
    classify: Classify<T, E>,
}

impl<S, R> tower::Service<R> for BreakerService<S, S::Response, S::Error>
where
    S: tower::Service<R>,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Guarded<S::Future, S::Response, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let call = match self.breaker.admit() {
            Ok(permit) => Call::Admitted {
                future: self.inner.call(request),
                permit: Some(permit),
                classify: self.classify,
            },
            Err(rejected) => Call::Rejected { rejected },
        };
        Guarded { call }
    }
}

pin_project_lite::pin_project! {
    /// A call under way; dropping it gives its permit back as excluded.
    #[must_use = "futures do nothing unless polled"]
    pub struct Guarded<F, T, E> {
        #[pin]
        call: Call<F, T, E>,
    }
}

pin_project_lite::pin_project! {
    #[project = CallState]
    enum Call<F, T, E> {
        Admitted { #[pin] future: F, permit: Option<Permit>, classify: Classify<T, E> },
        Rejected { rejected: Rejected },
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> Future for Guarded<F, T, E> {
    type Output = Result<T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().call.project() {
            CallState::Rejected { rejected } => Poll::Ready(Err(Error::Rejected(*rejected))),
            CallState::Admitted {
                future,
                permit,
                classify,
            } => {
                // After a panic the future is never polled again, so its broken state is not seen.
                let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
                let result = match polled {
                    Ok(poll) => ready!(poll),
                    Err(panic) => {
                        settle(permit, Outcome::Failure);
                        resume_unwind(panic)
                    }
                };
                settle(permit, classify(&result));
                Poll::Ready(result.map_err(Error::Inner))
            }
        }
    }
}

fn settle(permit: &mut Option<Permit>, outcome: Outcome) {
    if let Some(permit) = permit.take() {
        permit.report(outcome);
    }
}
