//! A service for tests whose attempts do what a script says, and that knows what lives.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower::Service;

use super::{Attempt, Protocol, Reason, Verdict, Wish};
use crate::timeout::Deadline;

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// How an attempt fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Curable(Wish),
    Fatal,
    Refused,
    Unsent,
}

pub(crate) const CURABLE: Result<u32, Fault> = Err(Fault::Curable(Wish::None));

/// What an attempt does: takes so many milliseconds, and ends so.
pub(crate) type Step = (u64, Result<u32, Fault>);

/// Does neither.
pub(crate) const PANIC: Step = (u64::MAX, Ok(0));

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) is_idempotent: bool,
    pub(crate) is_repeated_outside: bool,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) attempt: Option<Attempt>,
}

/// A read by a caller with patience.
pub(crate) const READ: Request = Request {
    is_idempotent: true,
    is_repeated_outside: false,
    deadline: None,
    attempt: None,
};

/// Each attempt takes the next step; the last one is repeated.
#[derive(Clone)]
pub(crate) struct Script {
    steps: Arc<[Step]>,
    log: Arc<Mutex<Vec<(Attempt, Instant)>>>,
    living: Arc<AtomicUsize>,
}

struct Life(Arc<AtomicUsize>);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Script {
    pub(crate) fn new(steps: &[Step]) -> Self {
        Self {
            steps: steps.into(),
            log: Arc::default(),
            living: Arc::default(),
        }
    }

    /// The attempts so far, and when they began.
    pub(crate) fn log(&self) -> Vec<(Attempt, Instant)> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn attempts(&self) -> usize {
        self.log().len()
    }

    /// Attempts that were neither finished nor dropped.
    pub(crate) fn living(&self) -> usize {
        self.living.load(Ordering::Relaxed)
    }
}

impl Service<Request> for Script {
    type Response = u32;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<u32, Fault>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let attempt = request.attempt.expect("the protocol says which it is");
        let mut log = self.log.lock().unwrap();
        let (takes, ends) = self.steps[log.len().min(self.steps.len() - 1)];
        log.push((attempt, Instant::now()));
        self.living.fetch_add(1, Ordering::Relaxed);
        let life = Life(self.living.clone());
        Box::pin(async move {
            let _life = life;
            assert_ne!(takes, PANIC.0, "as planned");
            if takes > 0 {
                sleep(ms(takes)).await;
            }
            ends
        })
    }
}

/// The protocol of such requests.
pub(crate) struct Scripted;

impl Protocol<Request, u32, Fault> for Scripted {
    fn judge(&self, _: &Request, result: &Result<u32, Fault>) -> Verdict {
        match *result {
            Ok(_) => Verdict::Success,
            Err(Fault::Fatal) => Verdict::Failure,
            Err(Fault::Refused) => Verdict::Refused,
            Err(Fault::Unsent) => Verdict::Unsent,
            Err(Fault::Curable(wish)) => Verdict::Retry(Reason {
                wish,
                ..Reason::default()
            }),
        }
    }

    fn is_idempotent(&self, request: &Request) -> bool {
        request.is_idempotent
    }

    fn attempt(&self, request: &mut Request, attempt: &Attempt) -> Option<Request> {
        let attempt = Some(attempt.clone());
        Some(Request {
            attempt,
            ..request.clone()
        })
    }

    fn deadline(&self, request: &Request) -> Option<Deadline> {
        request.deadline
    }

    fn is_repeated_outside(&self, request: &Request) -> bool {
        request.is_repeated_outside
    }
}

/// Polls a future so many times at most; none if it is dropped then.
pub(crate) async fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    std::future::poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
