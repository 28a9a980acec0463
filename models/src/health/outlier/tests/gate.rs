//! The shared detector: observer and driver.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::spawn;
use tokio::time::sleep;

use super::*;

/// Asks the detector from within the observer, and panics if told to.
#[derive(Default)]
struct Curious {
    detector: Mutex<Option<OutlierDetector>>,
    seen: AtomicUsize,
}

impl Observer for Curious {
    fn happened(&self, name: &str, event: &Event) {
        assert_eq!(name, "set");
        let detector = self.detector.lock().unwrap().clone().unwrap();
        if let Event::Ejected { endpoint, .. } = event {
            assert!(detector.is_ejected(endpoint));
        }
        self.seen.fetch_add(1, Ordering::Relaxed);
    }
}

fn swift() -> Policy {
    Policy {
        interval: Duration::from_millis(20),
        base_ejection: Duration::from_millis(40),
        ..streaks_only()
    }
}

fn detector(policy: Policy, observer: Arc<dyn Observer>) -> OutlierDetector {
    let detector = OutlierDetector::new("set", policy, rng(), observer).unwrap();
    detector.update(&names(3));
    detector
}

#[tokio::test(start_paused = true)]
async fn the_driver_brings_back_what_was_ejected_and_stops_when_dropped() {
    let observer = Arc::new(Curious::default());
    let detector = detector(swift(), observer.clone());
    *observer.detector.lock().unwrap() = Some(detector.clone());
    let fail = || (0..5).for_each(|_| detector.report("001", answered(500)));
    fail();
    assert!(detector.is_ejected("001"));
    let driver = spawn(detector.clone().run());
    while detector.is_ejected("001") {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(observer.seen.load(Ordering::Relaxed), 2);
    driver.abort();
    assert!(driver.await.unwrap_err().is_cancelled());
    fail();
    sleep(Duration::from_millis(200)).await;
    assert!(detector.is_ejected("001"), "nobody sweeps");
    let _again = spawn(detector.clone().run());
    while detector.is_ejected("001") {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(detector.counters().returns, 2);
}

#[test]
fn a_panic_of_the_observer_poisons_nothing() {
    struct Panics;
    impl Observer for Panics {
        fn happened(&self, _: &str, _: &Event) {
            panic!("asked for");
        }
    }
    let detector = detector(streaks_only(), Arc::new(Panics));
    (0..4).for_each(|_| detector.report("001", answered(500)));
    let last = std::panic::AssertUnwindSafe(|| detector.report("001", answered(500)));
    assert!(std::panic::catch_unwind(last).is_err());
    assert!(detector.is_ejected("001"));
    detector.report("002", answered(200));
    assert_eq!(detector.counters().reports, 6);
}

#[test]
fn a_result_of_the_client_says_what_it_says_of_the_endpoint() {
    use crate::http::{Error, Sent};
    let of = |error| Outcome::of::<()>(&Err(error));
    let sent = Sent::Maybe;
    assert_eq!(of(Error::ConnectRefused), Outcome::Failed(Local::Connect));
    assert_eq!(
        of(Error::ConnectTimeout(SECOND)),
        Outcome::Failed(Local::Connect)
    );
    assert_eq!(
        of(Error::Deadline { sent }),
        Outcome::Failed(Local::Timeout)
    );
    assert_eq!(of(Error::Closed { sent }), Outcome::Failed(Local::Reset));
    assert_eq!(of(Error::BodyTooLarge { limit: 1 }), Outcome::Cancelled);
    assert_eq!(of(Error::Canceled), Outcome::Cancelled);
    let mut answer = http::Response::new(());
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    assert_eq!(Outcome::of(&Ok(answer)), answered(502));
}
