//! Repetition around a tower service.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rand_core::Rng;
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceExt};

use super::ledger::Ledger;
use super::{
    Attempt, Budget, Counts, Course, Ending, Grant, InvalidPolicy, Kind, Law, Policy, Protocol,
    Reason, Tried, Verdict, Wish,
};
use crate::timeout::{Deadline, DeadlinePassed, Error};

struct Shared<P> {
    policy: Policy<Law>,
    budget: Arc<dyn Budget>,
    protocol: P,
    rng: Mutex<Box<dyn Rng + Send>>,
    ledger: Arc<Ledger>,
}

/// A service whose failed calls are repeated; the last result is the call's. Clones share the budget.
///
/// Attempts run one after the other inside the call's future, which spawns nothing: dropping it drops the
/// attempt under way and gives back what it held of the budget.
pub struct RetryService<S, P> {
    inner: S,
    shared: Arc<Shared<P>>,
}

impl<S: Clone, P> Clone for RetryService<S, P> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: self.shared.clone(),
        }
    }
}

impl<S, P> RetryService<S, P> {
    /// Repeats calls of `inner` by `policy`, within `budget`.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new<L: Copy + Into<Law>>(
        inner: S,
        policy: Policy<L>,
        budget: Arc<dyn Budget>,
        protocol: P,
        rng: impl Rng + Send + 'static,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        let shared = Shared {
            policy: policy.with_law(),
            budget,
            protocol,
            rng: Mutex::new(Box::new(rng)),
            ledger: Arc::default(),
        };
        Ok(Self {
            inner,
            shared: Arc::new(shared),
        })
    }

    /// What became of the calls so far.
    pub fn counts(&self) -> Counts {
        self.shared.ledger.counts()
    }
}

impl<S, R, P> Service<R> for RetryService<S, P>
where
    S: Service<R> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    S::Error: Send,
    R: Send + 'static,
    P: Protocol<R, S::Response, S::Error> + Send + Sync + 'static,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // Every attempt waits for readiness on its own; one reserved here could be held for a pause.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (inner, shared) = (self.inner.clone(), self.shared.clone());
        Box::pin(async move { shared.run(inner, request).await })
    }
}

/// What an attempt came to: its result, and what it means.
type Ended<T, E> = (Result<T, Error<E>>, Verdict);

impl<P> Shared<P> {
    async fn run<S, R>(&self, inner: S, mut request: R) -> Result<S::Response, Error<S::Error>>
    where
        S: Service<R> + Clone,
        P: Protocol<R, S::Response, S::Error>,
    {
        let open = self.ledger.open();
        let now = Instant::now();
        let _call = self.budget.call(now);
        let parent = self.protocol.deadline(&request);
        let deadline = self.policy.limits.of_call(now, parent);
        let is_last = self.protocol.is_repeated_outside(&request);
        let mut course = self.policy.course(deadline.map(Deadline::instant));
        let mut attempt = Attempt {
            number: 1,
            deadline,
            is_hedge: false,
            fresh: false,
            tried: Tried::default(),
        };
        let mut grant = Grant::free();
        loop {
            attempt.deadline = self.policy.limits.of_attempt(Instant::now(), deadline);
            let (result, verdict) = self.attempt(inner.clone(), &mut request, &attempt).await;
            if verdict == Verdict::Unsent && course.replace() {
                attempt.fresh = true;
                continue;
            }
            let settled = self.settle(verdict, grant, attempt.number, is_last, &mut course);
            let Some((pause, next)) = settled else {
                open.end(verdict == Verdict::Success);
                return result;
            };
            drop(result);
            grant = next;
            sleep(pause).await;
            attempt.number += 1;
            attempt.fresh = false;
        }
    }

    /// Makes one attempt, unless there is no time left for it.
    async fn attempt<S, R>(
        &self,
        inner: S,
        request: &mut R,
        attempt: &Attempt,
    ) -> Ended<S::Response, S::Error>
    where
        S: Service<R>,
        P: Protocol<R, S::Response, S::Error>,
    {
        let is_late = |deadline: Deadline| deadline.has_passed(Instant::now());
        // Nobody was asked, so nothing is spent.
        let late = (Err(DeadlinePassed.into()), Verdict::Refused);
        if attempt.deadline.is_some_and(is_late) {
            return late;
        }
        let Some(sent) = self.protocol.attempt(request, attempt) else {
            return late;
        };
        self.ledger.attempt();
        let call = inner.oneshot(sent);
        let ended = match attempt.deadline {
            Some(deadline) => deadline.bound(call).await,
            None => Ok(call.await),
        };
        match ended {
            Ok(result) => {
                let verdict = self.protocol.judge(request, &result);
                (result.map_err(Error::Inner), verdict)
            }
            Err(passed) => (Err(passed.into()), self.cut_off(request)),
        }
    }

    /// What it means that an attempt was cut off: whether it had an effect is unknown.
    fn cut_off<R, T, E>(&self, request: &R) -> Verdict
    where
        P: Protocol<R, T, E>,
    {
        if self.protocol.is_idempotent(request) && self.policy.covers(&Ending::Timeout) {
            Verdict::Retry(Reason {
                kind: Kind::Timeout,
                wish: Wish::None,
            })
        } else {
            Verdict::Failure
        }
    }

    /// Tells the budget how an attempt ended; if there may be another one, its pause and its payment. The
    /// budget is asked last, so that nothing is taken from it in vain.
    fn settle(
        &self,
        verdict: Verdict,
        grant: Grant,
        number: u32,
        is_last: bool,
        course: &mut Course<'_, Law>,
    ) -> Option<(Duration, Grant)> {
        let now = Instant::now();
        let reason = match verdict {
            Verdict::Success => {
                self.budget.succeeded(number == 1, now);
                return None;
            }
            Verdict::Refused => return None,
            Verdict::Failure => {
                grant.spend();
                return None;
            }
            Verdict::Unsent => Reason::default(),
            Verdict::Retry(reason) => reason,
        };
        grant.spend();
        self.budget.failed(now);
        if is_last {
            return None;
        }
        let pause = {
            let rng = self.rng.lock();
            let mut rng = rng.unwrap_or_else(PoisonError::into_inner);
            course.after(reason, now, &mut **rng).ok()?
        };
        let paid = self.budget.retry(reason.kind, now);
        if paid.is_none() {
            self.ledger.unpaid();
        }
        paid.map(|next| (pause, next))
    }
}

impl<S, P> std::fmt::Debug for RetryService<S, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RetryService")
            .field("policy", &self.shared.policy)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
