//! Repetition around a tower service.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rand_core::Rng;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceExt};

use super::{InvalidPolicy, Policy, TokenBudget};

/// What a result asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stands.
    Done,
    /// Another attempt is worth it and allowed, after the pause the server asked for, if any.
    Retry(Option<Duration>),
}

/// Judges the result of an attempt. It must say `Done` for refusals of our own (an open breaker, a
/// limiter) and for requests that may not be repeated.
pub type Judge<R, T, E> = fn(&R, &Result<T, E>) -> Verdict;

struct Shared {
    policy: Policy,
    budget: Mutex<TokenBudget>,
    rng: Mutex<Box<dyn Rng + Send>>,
}

/// A service whose failed calls are repeated; the last result is the call's. Clones share the budget.
pub struct RetryService<S, R, T, E> {
    inner: S,
    judge: Judge<R, T, E>,
    shared: Arc<Shared>,
}

impl<S: Clone, R, T, E> Clone for RetryService<S, R, T, E> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            judge: self.judge,
            shared: self.shared.clone(),
        }
    }
}

impl<S, R, T, E> RetryService<S, R, T, E> {
    /// Repeats calls of `inner` by `policy`, within `budget`.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        inner: S,
        policy: Policy,
        budget: TokenBudget,
        judge: Judge<R, T, E>,
        rng: impl Rng + Send + 'static,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        let shared = Shared {
            policy,
            budget: Mutex::new(budget),
            rng: Mutex::new(Box::new(rng)),
        };
        Ok(Self {
            inner,
            judge,
            shared: Arc::new(shared),
        })
    }
}

impl Shared {
    fn budget<T>(&self, act: impl FnOnce(&mut TokenBudget, Instant) -> T) -> T {
        let budget = self.budget.lock();
        act(
            &mut budget.unwrap_or_else(PoisonError::into_inner),
            Instant::now(),
        )
    }
}

impl<S, R> Service<R> for RetryService<S, R, S::Response, S::Error>
where
    S: Service<R> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    S::Error: Send,
    R: Clone + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // Every attempt waits for readiness on its own; one reserved here could be held for a pause.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (inner, judge, shared) = (self.inner.clone(), self.judge, self.shared.clone());
        Box::pin(async move {
            shared.budget(TokenBudget::deposit);
            let mut course = shared.policy.course(None);
            loop {
                let result = inner.clone().oneshot(request.clone()).await;
                let Verdict::Retry(asked) = judge(&request, &result) else {
                    return result;
                };
                let pause = {
                    let rng = shared.rng.lock();
                    let mut rng = rng.unwrap_or_else(PoisonError::into_inner);
                    course.next(Instant::now(), asked, &mut **rng)
                };
                let Ok(pause) = pause else { return result };
                if !shared.budget(TokenBudget::withdraw) {
                    return result;
                }
                drop(result);
                sleep(pause).await;
            }
        })
    }
}

impl<S, R, T, E> std::fmt::Debug for RetryService<S, R, T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RetryService")
            .field("policy", &self.shared.policy)
            .finish_non_exhaustive()
    }
}
