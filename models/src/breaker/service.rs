//! The breaker in front of a tower service.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Breaker, Error, Outcome, Permit, Rejected};

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
pub struct BreakerLayer<C> {
    breaker: Breaker,
    classify: C,
}

impl<C> BreakerLayer<C> {
    /// All services made by this layer share `breaker`. `classify` says what the result of a call means
    /// for it: [`by_result`], [`unless_rejected`], [`by_answer`](super::by_answer), or a table of one's own.
    pub const fn new(breaker: Breaker, classify: C) -> Self {
        Self { breaker, classify }
    }
}

impl<S, C: Clone> tower::Layer<S> for BreakerLayer<C> {
    type Service = BreakerService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        BreakerService {
            inner,
            breaker: self.breaker.clone(),
            classify: self.classify.clone(),
        }
    }
}

/// A service behind a breaker. The breaker is asked when a call is made, not in `poll_ready`: readiness
/// may be asked for and never used.
#[derive(Clone, Debug)]
pub struct BreakerService<S, C> {
    inner: S,
    breaker: Breaker,
    classify: C,
}

impl<S, R, C> tower::Service<R> for BreakerService<S, C>
where
    S: tower::Service<R>,
    C: Fn(&Result<S::Response, S::Error>) -> Outcome + Clone,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Guarded<S::Future, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let permit = match self.breaker.admit() {
            Ok(permit) => permit,
            Err(rejected) => {
                let call = Call::Rejected { rejected };
                return Guarded { call };
            }
        };
        match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
            Ok(future) => Guarded {
                call: Call::Admitted {
                    future,
                    permit: Some(permit),
                    classify: self.classify.clone(),
                },
            },
            Err(panic) => {
                permit.report(Outcome::Failure);
                resume_unwind(panic)
            }
        }
    }
}

pin_project_lite::pin_project! {
    /// A call under way; dropping it gives its permit back as excluded.
    #[must_use = "futures do nothing unless polled"]
    pub struct Guarded<F, C> {
        #[pin]
        call: Call<F, C>,
    }
}

pin_project_lite::pin_project! {
    #[project = CallState]
    enum Call<F, C> {
        Admitted { #[pin] future: F, permit: Option<Permit>, classify: C },
        Rejected { rejected: Rejected },
    }
}

impl<F, T, E, C> Future for Guarded<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Fn(&Result<T, E>) -> Outcome,
{
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
