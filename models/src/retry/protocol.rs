//! What repetition has to know of the calls it repeats: how they ended, whether they may be repeated,
//! and what one attempt sends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Kind, Wish};
use crate::balance::{Admits, Balancer, Call, InFlight, NoEndpoint};
use crate::timeout::Deadline;

/// How an attempt failed that another could cure, and what the server says about another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// What kind of failure it is.
    pub kind: Kind,
    /// What the server asked for.
    pub wish: Wish,
}

/// What the end of an attempt means for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It did what it was asked for.
    Success,
    /// It failed, and another attempt would, too, or may not be made.
    Failure,
    /// One of ours refused: an open breaker, a limiter, a full bulkhead. Nobody was asked, and to ask
    /// again would only multiply.
    Refused,
    /// The connection had died unnoticed and nothing was sent: another attempt costs nothing.
    Unsent,
    /// It failed, and another attempt is worth it and allowed.
    Retry(Reason),
}

/// One attempt of a call.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// When it will be cut off; earlier than the call's own deadline if attempts have a limit.
    pub deadline: Option<Deadline>,
    /// Whether others of the same call may be under way.
    pub is_hedge: bool,
    /// Whether the attempt before found a dead connection; this one should not rely on a kept one.
    pub fresh: bool,
    /// Where attempts of this call went.
    pub tried: Tried,
}

impl Attempt {
    /// Picks an endpoint that no attempt of this call was sent to, and remembers it. A retry goes to one
    /// of those again if no other admits it; a hedge does not, for one host would have the work twice.
    ///
    /// # Errors
    ///
    /// There is no endpoint, or none admits.
    pub fn pick(
        &self,
        balancer: &dyn Balancer,
        key: Option<u64>,
        admits: &mut Admits<'_>,
    ) -> Result<InFlight, NoEndpoint> {
        let fresh = Call {
            key,
            eligible: &|endpoint| !self.tried.contains(endpoint),
        };
        let again = Call {
            key,
            eligible: &|endpoint| self.tried.contains(endpoint),
        };
        let picked = match balancer.pick(&fresh, admits) {
            Err(NoEndpoint::NoneEligible { .. } | NoEndpoint::NoneAdmits { .. })
                if !self.is_hedge && !self.tried.is_empty() =>
            {
                balancer.pick(&again, admits)
            }
            picked => picked,
        }?;
        self.tried.add(picked.endpoint());
        Ok(picked)
    }
}

/// The endpoints that attempts of one call were sent to. Clones share the list.
#[derive(Clone, Debug, Default)]
pub struct Tried(Arc<Mutex<Vec<Arc<str>>>>);

impl Tried {
    /// Adds an endpoint.
    pub fn add(&self, endpoint: &Arc<str>) {
        let mut tried = self.lock();
        if !tried.contains(endpoint) {
            tried.push(endpoint.clone());
        }
    }

    /// Whether an attempt went there.
    pub fn contains(&self, endpoint: &Arc<str>) -> bool {
        self.lock().contains(endpoint)
    }

    /// Whether no attempt told where it went.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What repetition has to know of its requests `R` and their results. None of it may block.
pub trait Protocol<R, T, E> {
    /// What the result of an attempt means. It must not say [`Verdict::Retry`] of a request that may not
    /// be sent again.
    fn judge(&self, request: &R, result: &Result<T, E>) -> Verdict;

    /// Whether the effect of sending it twice is that of sending it once. Only such requests are hedged,
    /// or repeated after an attempt was cut off.
    fn is_idempotent(&self, request: &R) -> bool;

    /// The request of one attempt; none if there is no time left to ask for.
    fn attempt(&self, request: &mut R, attempt: &Attempt) -> Option<R>;

    /// Until when the caller waits.
    fn deadline(&self, request: &R) -> Option<Deadline> {
        let _ = request;
        None
    }

    /// Whether a layer further out repeats this request; then it gets one attempt here.
    fn is_repeated_outside(&self, request: &R) -> bool {
        let _ = request;
        false
    }
}

/// The protocol of requests that can be cloned and are all idempotent; the function judges the results.
#[derive(Clone, Copy, Debug)]
pub struct Idempotent<F>(pub F);

impl<R, T, E, F> Protocol<R, T, E> for Idempotent<F>
where
    R: Clone,
    F: Fn(&R, &Result<T, E>) -> Verdict,
{
    fn judge(&self, request: &R, result: &Result<T, E>) -> Verdict {
        self.0(request, result)
    }

    fn is_idempotent(&self, _: &R) -> bool {
        true
    }

    fn attempt(&self, request: &mut R, _: &Attempt) -> Option<R> {
        Some(request.clone())
    }
}
