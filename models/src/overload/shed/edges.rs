//! The edge cases of shedding: what must never be shed, what a refusal may cost, what is learnt from it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;
use tower::{Layer, Service, service_fn};

use super::*;
use crate::overload::{Call, Error, Outcome, Priority, by_result};

const MS: Duration = Duration::from_millis(1);

/// Sheds whatever it is asked about.
#[derive(Debug, Default)]
struct Closed {
    asked: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Admission for Closed {
    fn admit(&mut self, _: &Call, _: usize, _: Instant) -> Result<(), Reason> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Err(Reason::SuccessRate { probability: 1.0 })
    }

    fn ended(&mut self, _: &End, _: Instant) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn codel_looks_at_the_shortest_delay_not_at_the_average() {
    let t = Instant::now();
    let policy = CodelPolicy::default();
    let mut bursts = Codel::new(policy).unwrap();
    let mut stands = Codel::new(policy).unwrap();
    let mut overloaded = 0;
    for n in 0..1000 {
        let now = t + n * MS;
        // On average 20 ms, but one call in fifty does not wait at all.
        let delay = if n % 50 == 0 { Duration::ZERO } else { 20 * MS };
        assert!(!bursts.observe(delay, now), "at {n} ms");
        assert!(!bursts.drops(delay));
        overloaded += usize::from(stands.observe(6 * MS, now));
    }
    // From the end of the first interval on.
    assert_eq!(overloaded, 1000 - 101);
    assert!(!stands.drops(10 * MS) && stands.drops(10 * MS + Duration::from_nanos(1)));
}

#[test]
fn exactly_the_target_is_no_overload_and_a_good_interval_ends_it() {
    let t = Instant::now();
    let mut codel = Codel::new(CodelPolicy::default()).unwrap();
    for n in 0..300 {
        assert!(!codel.observe(5 * MS, t + n * MS));
    }
    for n in 300..600 {
        codel.observe(50 * MS, t + n * MS);
    }
    assert!(codel.is_overloaded());
    for n in 600..900 {
        codel.observe(if n == 650 { MS } else { 50 * MS }, t + n * MS);
        if n == 750 {
            assert!(!codel.is_overloaded(), "an interval with a short delay");
        }
    }
    assert!(codel.is_overloaded());
}

#[test]
fn health_checks_are_never_shed_and_teach_the_law_nothing() {
    let law = Closed::default();
    let (asked, ended) = (law.asked.clone(), law.ended.clone());
    let shedder = Shedder::new("a", law, Arc::new(()));
    for priority in Priority::ALL {
        let admitted = shedder.admit(&Call::of(priority));
        assert_eq!(admitted.is_ok(), priority == Priority::Health);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    assert_eq!(ended.load(Ordering::Relaxed), 0);
    let tally = shedder.tally(Priority::Health);
    assert_eq!((tally.offered, tally.admitted), (1, 1));
}

/// A body that says when somebody looks at it.
struct Body(Arc<AtomicUsize>);

impl Body {
    fn read(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts whatever is done to it, a clone and the question for its readiness included.
struct Counts(Arc<AtomicUsize>);

impl Clone for Counts {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl Service<Body> for Counts {
    type Response = ();
    type Error = ();
    type Future = std::future::Ready<Result<(), ()>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, body: Body) -> Self::Future {
        self.0.fetch_add(1, Ordering::Relaxed);
        body.read();
        std::future::ready(Ok(()))
    }
}

#[test]
fn a_refused_call_touches_neither_the_body_nor_the_service_and_is_over_at_once() {
    let (touched, read) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let shedder = Shedder::new("a", Closed::default(), Arc::new(()));
    let layer = ShedLayer::new(shedder.clone(), |_: &Body| Call::default(), by_result);
    let mut service = layer.layer(Counts(touched.clone()));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        assert!(service.poll_ready(&mut context).is_ready());
        let mut call = service.call(Body(read.clone()));
        let first = Pin::new(&mut call).poll(&mut context);
        assert!(matches!(first, Poll::Ready(Err(Error::Refused(_)))));
    }
    assert_eq!(touched.load(Ordering::Relaxed), 0);
    assert_eq!(read.load(Ordering::Relaxed), 0);
    assert_eq!(shedder.tally(Priority::Normal).refused, 1000);
}

#[test]
fn what_was_shed_is_counted_neither_as_a_call_nor_as_its_latency() {
    let rng = ChaCha8Rng::seed_from_u64(1);
    let policy = SuccessRatePolicy::default();
    let mut law = SuccessRate::new(policy, rng, Instant::now()).unwrap();
    let now = Instant::now();
    let end = End {
        outcome: Some(Outcome::Success),
        took: MS,
        in_flight: 0,
    };
    for outcome in [Outcome::Success, Outcome::Failure] {
        let outcome = Some(outcome);
        (0..50).for_each(|_| law.ended(&End { outcome, ..end }, now));
    }
    let before = law.probability(now);
    let shed = (0..1000).filter(|_| law.admit(&Call::default(), 0, now).is_err());
    assert!(shed.count() > 400);
    assert_eq!(law.probability(now), before);
    // And a caller that went away says nothing about the service.
    let outcome = None;
    (0..100).for_each(|_| law.ended(&End { outcome, ..end }, now));
    assert_eq!(law.probability(now), before);
}

#[test]
fn a_call_that_is_dropped_after_any_number_of_polls_gives_its_place_back() {
    for polls in 0..5 {
        let gauge = Gauge::default();
        let law = Bbr::new(BbrPolicy::default(), gauge, Instant::now()).unwrap();
        let shedder = Shedder::new("a", law, Arc::new(()));
        let slow = service_fn(|(): ()| async {
            let mut left = 3;
            std::future::poll_fn(|_| {
                left -= 1;
                if left > 0 {
                    Poll::Pending
                } else {
                    Poll::Ready(Ok::<(), ()>(()))
                }
            })
            .await
        });
        let layer = ShedLayer::new(shedder.clone(), |()| Call::default(), by_result);
        let mut call = layer.layer(slow).call(());
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..polls.min(3) {
            let _ = Pin::new(&mut call).poll(&mut context);
        }
        drop(call);
        let tally = shedder.tally(Priority::Normal);
        assert!(tally.is_balanced() && tally.in_flight == 0, "{tally:?}");
        assert_eq!(
            (tally.ok, tally.cancelled),
            if polls < 3 { (0, 1) } else { (1, 0) }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_and_is_raised_again() {
    let rng = ChaCha8Rng::seed_from_u64(1);
    let law = SuccessRate::new(SuccessRatePolicy::default(), rng, Instant::now());
    let shedder = Shedder::new("a", law.unwrap(), Arc::new(()));
    let panics = service_fn(async |(): ()| -> Result<(), ()> { panic!("planted") });
    let layer = ShedLayer::new(shedder.clone(), |()| Call::default(), by_result);
    assert!(tokio::spawn(layer.layer(panics).call(())).await.is_err());
    let tally = shedder.tally(Priority::Normal);
    assert_eq!((tally.failed, tally.in_flight), (1, 0));
}

#[test]
fn an_observer_may_ask_the_shedder() {
    use std::sync::{Mutex, OnceLock};
    #[derive(Default)]
    struct Asks(OnceLock<Shedder>, Mutex<Vec<u64>>);
    impl Observer for Asks {
        fn shed(&self, _: &str, call: &Call, _: &Shed) {
            let tally = self.0.get().unwrap().tally(call.priority);
            self.1.lock().unwrap().push(tally.refused);
        }
    }
    let asks = Arc::new(Asks::default());
    let shedder = Shedder::new("a", Closed::default(), asks.clone());
    asks.0.set(shedder.clone()).unwrap();
    assert!(shedder.admit(&Call::default()).is_err());
    assert_eq!(*asks.1.lock().unwrap(), [1]);
}
