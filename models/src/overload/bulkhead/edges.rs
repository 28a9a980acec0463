//! What a shared bulkhead promises however its callers end.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tower::{Layer, Service};

use super::*;
use crate::overload::{Call, Error, Outcome, Priority, by_result};

fn bulkhead(concurrency: usize, pending: usize) -> Bulkhead {
    let policy = Policy::each(Compartment {
        concurrency,
        pending,
        max_wait: None,
        order: Order::Fifo,
    });
    Bulkhead::new("a", &policy, Arc::new(())).unwrap()
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    std::pin::Pin::new(future).poll(&mut context)
}

fn take(bulkhead: &Bulkhead, call: &Call) -> Result<Permit, Refused> {
    match poll(&mut bulkhead.acquire(call)) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("no slot"),
    }
}

/// Not ready at first, then not done at first.
#[derive(Clone, Default)]
struct Slow {
    asked: bool,
}

impl Service<()> for Slow {
    type Response = ();
    type Error = ();
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<(), ()>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        if std::mem::replace(&mut self.asked, true) {
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, (): ()) -> Self::Future {
        Box::pin(async {
            let mut polls = 0;
            poll_fn(|_| {
                polls += 1;
                if polls < 3 {
                    Poll::Pending
                } else {
                    Poll::Ready(Ok(()))
                }
            })
            .await
        })
    }
}

fn layer(bulkhead: &Bulkhead) -> BulkheadLayer<(), (), ()> {
    BulkheadLayer::new(bulkhead.clone(), |()| Call::default(), by_result)
}

#[test]
fn a_call_that_is_dropped_after_any_number_of_polls_leaks_nothing() {
    // When the slot becomes free: before that poll, or right before the end, or never.
    for freed_before in 0..6 {
        for polls in 0..10 {
            let bulkhead = bulkhead(1, 1);
            let mut held = Some(take(&bulkhead, &Call::default()).unwrap());
            let mut call = layer(&bulkhead).layer(Slow::default()).call(());
            let mut done = false;
            for number in 0..=polls {
                if number == freed_before {
                    held.take().unwrap().report(Outcome::Success);
                }
                if number < polls && !done {
                    done = poll(&mut call).is_ready();
                }
            }
            drop(call);
            drop(held);
            let tally = bulkhead.tally(Priority::Normal);
            assert!(tally.is_balanced(), "{freed_before} {polls}: {tally:?}");
            assert_eq!((tally.in_flight, tally.waiting), (0, 0), "{tally:?}");
            take(&bulkhead, &Call::default())
                .unwrap()
                .report(Outcome::Success);
        }
    }
}

#[test]
fn a_slot_that_was_given_but_not_come_for_is_passed_on() {
    let bulkhead = bulkhead(1, 2);
    let held = take(&bulkhead, &Call::default()).unwrap();
    let (mut first, mut second) = (
        bulkhead.acquire(&Call::default()),
        bulkhead.acquire(&Call::default()),
    );
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    drop(held);
    drop(first);
    assert!(matches!(poll(&mut second), Poll::Ready(Ok(_))));
}

#[test]
fn a_waiter_that_is_dropped_leaves_the_queue() {
    let bulkhead = bulkhead(1, 1);
    let _held = take(&bulkhead, &Call::default()).unwrap();
    let mut first = bulkhead.acquire(&Call::default());
    assert!(poll(&mut first).is_pending());
    let pending = 1;
    let full = take(&bulkhead, &Call::default()).map(|_| ());
    assert_eq!(full, Err(Refused::Full { pending }));
    drop(first);
    assert!(poll(&mut bulkhead.acquire(&Call::default())).is_pending());
    assert_eq!(bulkhead.refusals(Priority::Normal).left, 2);
    assert_eq!(bulkhead.tally(Priority::Normal).waiting, 0);
}

#[test]
fn health_checks_have_a_compartment_of_their_own() {
    let bulkhead = bulkhead(1, 0);
    let _held = take(&bulkhead, &Call::default()).unwrap();
    assert!(take(&bulkhead, &Call::default()).is_err());
    assert!(take(&bulkhead, &Call::of(Priority::Health)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_no_longer_than_it_may_and_its_waker_is_called() {
    let policy = Policy::each(Compartment {
        concurrency: 1,
        pending: 1,
        max_wait: Some(Duration::from_millis(5)),
        order: Order::Fifo,
    });
    let bulkhead = Bulkhead::new("a", &policy, Arc::new(())).unwrap();
    let held = bulkhead.acquire(&Call::default()).await.unwrap();
    let waited = Duration::from_millis(5);
    let timed_out = bulkhead.acquire(&Call::default()).await.map(|_| ());
    assert_eq!(timed_out, Err(Refused::TimedOut { waited }));
    let next = bulkhead.acquire(&Call::default());
    let (granted, ()) = tokio::join!(next, async move { drop(held) });
    granted.unwrap().report(Outcome::Success);
    assert!(bulkhead.tally(Priority::Normal).is_balanced());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_and_is_raised_again() {
    let bulkhead = bulkhead(1, 0);
    let panics = tower::service_fn(async |(): ()| -> Result<(), ()> { panic!("planted") });
    let mut service = layer(&bulkhead).layer(panics);
    assert!(tokio::spawn(service.call(())).await.is_err());
    let tally = bulkhead.tally(Priority::Normal);
    assert_eq!((tally.failed, tally.in_flight), (1, 0));
}

#[test]
fn a_refused_call_does_not_reach_the_service() {
    let bulkhead = bulkhead(1, 0);
    let _held = take(&bulkhead, &Call::default()).unwrap();
    let never = tower::service_fn(async |(): ()| -> Result<(), ()> { panic!("called") });
    let call = pin!(layer(&bulkhead).layer(never).call(()));
    let refused = call.poll(&mut Context::from_waker(Waker::noop()));
    let full = Refused::Full { pending: 0 };
    assert_eq!(refused, Poll::Ready(Err(Error::Refused(full))));
}

#[test]
fn an_observer_may_ask_the_bulkhead() {
    #[derive(Default)]
    struct Asks(OnceLock<Bulkhead>, Mutex<Vec<u64>>);
    impl Observer for Asks {
        fn granted(&self, _: &str, priority: Priority, _: Duration) {
            let tally = self.0.get().unwrap().tally(priority);
            self.1.lock().unwrap().push(tally.admitted);
        }
        fn refused(&self, _: &str, priority: Priority, _: &Refused) {
            let tally = self.0.get().unwrap().tally(priority);
            self.1.lock().unwrap().push(tally.refused);
        }
    }
    let asks = Arc::new(Asks::default());
    let policy = Policy::each(Compartment {
        pending: 1,
        concurrency: 1,
        ..Compartment::envoy()
    });
    let bulkhead = Bulkhead::new("a", &policy, asks.clone()).unwrap();
    asks.0.set(bulkhead.clone()).unwrap();
    let held = take(&bulkhead, &Call::default()).unwrap();
    let mut waits = bulkhead.acquire(&Call::default());
    assert!(poll(&mut waits).is_pending());
    assert!(take(&bulkhead, &Call::default()).is_err());
    drop(held);
    assert_eq!(*asks.1.lock().unwrap(), [1, 2]);
}
