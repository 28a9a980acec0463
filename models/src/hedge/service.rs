//! Hedging around a tower service.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use tower::util::Oneshot;
use tower::{Service, ServiceExt};

use super::latency::Latencies;
use super::race::{Arrival, Race};
use super::{Delay, InvalidPolicy, Policy};
use crate::retry::{
    Attempt, Budget, Counts, Grant, Kind, Ledger, Protocol, Reason, Tried, Verdict, Wish,
};
use crate::timeout::{Deadline, DeadlinePassed, Error};

struct Shared<P> {
    policy: Policy,
    budget: Arc<dyn Budget>,
    protocol: P,
    latencies: Option<Mutex<Latencies>>,
    ledger: Arc<Ledger>,
}

/// A service whose slow calls are hedged: the first success is the call's, and the other attempts are
/// dropped before it is told. A failure that another attempt could cure counts only if all attempts fail;
/// one that none could cure ends the call. Clones share budget and latencies.
///
/// All attempts run inside the call's future, which spawns nothing: dropping it drops them all. They are
/// the retries of this call, so nothing should repeat it again inside or outside.
pub struct HedgeService<S, P> {
    inner: S,
    shared: Arc<Shared<P>>,
}

impl<S: Clone, P> Clone for HedgeService<S, P> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: self.shared.clone(),
        }
    }
}

impl<S, P> HedgeService<S, P> {
    /// Hedges calls of `inner` by `policy`, within `budget`, which retries may share.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        inner: S,
        policy: Policy,
        budget: Arc<dyn Budget>,
        protocol: P,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        let latencies = match policy.delay {
            Delay::Fixed(_) => None,
            Delay::Percentile { window, .. } => {
                Some(Mutex::new(Latencies::new(window, Instant::now())))
            }
        };
        let shared = Shared {
            policy,
            budget,
            protocol,
            latencies,
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

    /// How long a call that begins `now` waits before its first hedge; none if nobody knows.
    pub fn delay(&self, now: Instant) -> Option<Duration> {
        self.shared.delay(now)
    }
}

impl<S, R, P> Service<R> for HedgeService<S, P>
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
        // Every attempt waits for readiness on its own; one reserved here could be held for a delay.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (inner, shared) = (self.inner.clone(), self.shared.clone());
        Box::pin(async move {
            let open = shared.ledger.open();
            let now = Instant::now();
            let _call = shared.budget.call(now);
            let (result, succeeded) = Hedged::new(&shared, inner, request, now).run().await;
            open.end(succeeded);
            result
        })
    }
}

impl<P> Shared<P> {
    fn delay(&self, now: Instant) -> Option<Duration> {
        match self.policy.delay {
            Delay::Fixed(delay) => Some(delay),
            Delay::Percentile {
                percentile,
                minimum,
                least,
                ..
            } => {
                let known = self.latencies.as_ref()?.lock();
                let mut known = known.unwrap_or_else(PoisonError::into_inner);
                let delay = known.quantile(percentile, minimum, now)?;
                Some(delay.max(least))
            }
        }
    }

    fn succeeded(&self, first: bool, took: Duration, now: Instant) {
        self.budget.succeeded(first, now);
        if let Some(latencies) = &self.latencies {
            let mut latencies = latencies.lock().unwrap_or_else(PoisonError::into_inner);
            latencies.record(took, now);
        }
    }
}

/// One call.
struct Hedged<'a, S, R, P>
where
    S: Service<R>,
{
    shared: &'a Shared<P>,
    inner: S,
    request: R,
    began: Instant,
    deadline: Option<Deadline>,
    delay: Option<Duration>,
    /// When the next attempt begins; none if there will be none.
    next: Option<Instant>,
    made: u32,
    tried: Tried,
    race: Race<Oneshot<S, R>>,
    /// The last failure that another attempt could have cured.
    failure: Option<Result<S::Response, Error<S::Error>>>,
}

/// The end of a call, and whether it is a success.
type End<T, E> = (Result<T, Error<E>>, bool);

impl<'a, S, R, P> Hedged<'a, S, R, P>
where
    S: Service<R> + Clone,
    P: Protocol<R, S::Response, S::Error>,
{
    fn new(shared: &'a Shared<P>, inner: S, request: R, now: Instant) -> Self {
        let parent = shared.protocol.deadline(&request);
        let may_hedge = shared.protocol.is_idempotent(&request)
            && !shared.protocol.is_repeated_outside(&request);
        let delay = shared.delay(now).filter(|_| may_hedge);
        Self {
            deadline: shared.policy.limits.of_call(now, parent),
            shared,
            inner,
            request,
            began: now,
            delay,
            next: delay.and_then(|delay| now.checked_add(delay)),
            made: 0,
            tried: Tried::default(),
            race: Race::new(),
            failure: None,
        }
    }

    async fn run(mut self) -> End<S::Response, S::Error> {
        self.start(Grant::free(), Instant::now());
        loop {
            if self.race.is_empty() && self.is_over() {
                let failure = self.failure.take();
                return (failure.unwrap_or(Err(DeadlinePassed.into())), false);
            }
            let cut = self.deadline.map(Deadline::instant);
            let until = self.next.into_iter().chain(cut).min();
            let arrival = self.race.next(until).await;
            let now = Instant::now();
            if let Some(end) = arrival.and_then(|arrival| self.arrived(arrival, now)) {
                return end;
            }
            if self
                .deadline
                .is_some_and(|deadline| deadline.has_passed(now))
            {
                return (Err(DeadlinePassed.into()), false);
            }
            if self.next.is_some_and(|next| now >= next) {
                self.hedge(now);
            }
        }
    }

    /// Whether no attempt will begin any more.
    fn is_over(&self) -> bool {
        let end = self.deadline.map(Deadline::instant);
        self.next
            .is_none_or(|next| end.is_some_and(|end| next >= end))
    }

    /// Begins an attempt; without time for it there will be no other.
    fn start(&mut self, grant: Grant, now: Instant) {
        self.made += 1;
        let attempt = Attempt {
            number: self.made,
            deadline: self.shared.policy.limits.of_attempt(now, self.deadline),
            is_hedge: self.made > 1,
            fresh: false,
            tried: self.tried.clone(),
        };
        let is_late = self
            .deadline
            .is_some_and(|deadline| deadline.has_passed(now));
        let sent = match is_late {
            false => self.shared.protocol.attempt(&mut self.request, &attempt),
            true => None,
        };
        let Some(sent) = sent else {
            self.next = None;
            return;
        };
        self.shared.ledger.attempt();
        let future = self.inner.clone().oneshot(sent);
        self.race.start(future, self.made, grant, attempt.deadline);
    }

    /// Begins the next attempt, if the budget pays for it.
    fn hedge(&mut self, now: Instant) {
        let is_last = self.made + 1 >= self.shared.policy.attempts;
        let delay = self.delay.filter(|_| !is_last);
        self.next = delay.and_then(|delay| now.checked_add(delay));
        match self.shared.budget.retry(Kind::Timeout, now) {
            Some(grant) => self.start(grant, now),
            None => {
                self.shared.ledger.unpaid();
                self.next = None;
            }
        }
    }

    /// An attempt ended; if that decides the call, its end.
    fn arrived(
        &mut self,
        arrival: Arrival<Result<S::Response, S::Error>>,
        now: Instant,
    ) -> Option<End<S::Response, S::Error>> {
        let verdict = match &arrival.outcome {
            Some(result) => self.shared.protocol.judge(&self.request, result),
            None => Verdict::Retry(Reason {
                kind: Kind::Timeout,
                wish: Wish::None,
            }),
        };
        let result = match arrival.outcome {
            Some(result) => result.map_err(Error::Inner),
            None => Err(DeadlinePassed.into()),
        };
        match verdict {
            Verdict::Success => {
                let took = now.saturating_duration_since(self.began);
                self.shared.succeeded(arrival.number == 1, took, now);
                return Some((result, true));
            }
            Verdict::Failure => {
                arrival.grant.spend();
                return Some((result, false));
            }
            Verdict::Refused => {
                // Another attempt would only ask the one again that refused. What an endpoint said
                // itself says more.
                self.next = None;
                self.failure.get_or_insert(result);
                return None;
            }
            Verdict::Unsent => self.failed(Wish::None, arrival.grant, now),
            Verdict::Retry(reason) => self.failed(reason.wish, arrival.grant, now),
        }
        self.failure = Some(result);
        None
    }

    /// A failure that is not the end: the next attempt, if there is one, begins at once or when the server
    /// wants it.
    fn failed(&mut self, wish: Wish, grant: Grant, now: Instant) {
        grant.spend();
        self.shared.budget.failed(now);
        if self.next.is_none() {
            return;
        }
        self.next = match wish {
            Wish::None => Some(now),
            Wish::After(pause) => now.checked_add(pause.min(self.shared.policy.max_server_delay)),
            Wish::Never => None,
        };
    }
}

impl<S, P> std::fmt::Debug for HedgeService<S, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HedgeService")
            .field("policy", &self.shared.policy)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
