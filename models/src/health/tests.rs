//! The three signals do not speak for each other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn};
use tokio::time::{Instant, sleep, timeout};
use tower::service_fn;

use super::active::{Change, Checks, HttpExpectation, HttpProbe, Probed, Ttl};
use super::outlier::{Local, Outcome, OutlierDetector};
use super::*;
use crate::http::{Client, ClientPolicy, empty, full, serve};

const MS: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(20);

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn set(list: &str) -> Vec<Arc<str>> {
    list.split_whitespace().map(Into::into).collect()
}

fn every_20_ms() -> active::Policy {
    active::Policy {
        interval: 20 * MS,
        timeout: 10 * MS,
        initial_jitter: Duration::ZERO,
        ..active::Policy::default()
    }
}

fn all_may_go() -> outlier::Policy {
    outlier::Policy {
        max_ejection_percent: 100,
        ..outlier::Policy::default()
    }
}

fn detector(policy: outlier::Policy) -> OutlierDetector {
    OutlierDetector::new("set", policy, rng(), Arc::new(())).unwrap()
}

async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(MS).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it never holds");
}

/// Tells the detector of every active success.
struct Passes(OutlierDetector);

impl active::Observer for Passes {
    fn probed(&self, endpoint: &Arc<str>, probed: Probed) {
        if probed == Probed::Passed {
            self.0.passed_active_check(endpoint);
        }
    }

    fn changed(&self, endpoint: &Arc<str>, change: &Change) {
        if change.healthy {
            self.0.passed_active_check(endpoint);
        }
    }
}

/// An endpoint that keeps reporting itself well, while all its calls fail.
async fn well_by_its_own_word(
    policy: outlier::Policy,
) -> (Health, OutlierDetector, Vec<JoinHandle<Infallible>>) {
    let ttl = Ttl::new(3600 * MS).unwrap();
    ttl.update(&set("a"));
    ttl.report("a", true);
    let detector = detector(policy);
    let observer = Arc::new(Passes(detector.clone()));
    let checks = Checks::new(every_20_ms(), ttl, rng(), observer).unwrap();
    let health = Health::new()
        .checked_by(checks.clone())
        .suspected_by(detector.clone());
    health.update(&set("a"));
    let drivers = vec![spawn(checks.clone().run()), spawn(detector.clone().run())];
    until(|| health.is_available("a")).await;
    for _ in 0..5 {
        detector.report("a", Outcome::Answered(StatusCode::INTERNAL_SERVER_ERROR));
    }
    assert!(!health.is_available("a"));
    let passed = checks.counters().passed;
    until(|| checks.counters().passed > passed + 3).await;
    (health, detector, drivers)
}

#[tokio::test]
async fn an_active_success_does_not_bring_back_what_fails_real_calls() {
    let (health, detector, drivers) = well_by_its_own_word(all_may_go()).await;
    assert!(detector.is_ejected("a"));
    assert!(!health.is_available("a"));
    let status = health.status("a").unwrap();
    assert_eq!(
        (status.healthy, status.readiness),
        (Some(true), Readiness::Ready)
    );
    assert!(status.suspicion.unwrap().ejected_until.is_some());
    drivers.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn an_active_success_brings_back_if_the_policy_says_so() {
    let policy = outlier::Policy {
        active_success_returns: true,
        ..all_may_go()
    };
    let (health, detector, drivers) = well_by_its_own_word(policy).await;
    assert!(!detector.is_ejected("a"));
    assert!(health.is_available("a"));
    drivers.iter().for_each(JoinHandle::abort);
}

/// Its page answers; everything else waits for a lock that nobody gives back.
async fn deadlocked() -> (Arc<str>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().to_string().into();
    let service = service_fn(|request: Request<Incoming>| async move {
        if request.uri().path() != "/health" {
            std::future::pending::<()>().await;
        }
        Ok::<_, Infallible>(Response::new(full("fine")))
    });
    let task = spawn(async move {
        serve(listener, service, std::future::pending()).await;
    });
    (endpoint, task)
}

#[tokio::test]
async fn a_green_page_before_a_deadlocked_process_is_seen_by_real_calls_only() {
    let (endpoint, _server) = deadlocked().await;
    let client = Client::new(&ClientPolicy::default()).unwrap();
    let page = HttpExpectation {
        path: "/health".to_owned(),
        ..HttpExpectation::default()
    };
    let patient = active::Policy {
        interval: 200 * MS,
        timeout: 200 * MS,
        ..every_20_ms()
    };
    let probe = HttpProbe::new(client.clone(), page).unwrap();
    let checks = Checks::new(patient, probe, rng(), Arc::new(())).unwrap();
    let detector = detector(all_may_go());
    let health = Health::new()
        .checked_by(checks.clone())
        .suspected_by(detector.clone());
    health.update(std::slice::from_ref(&endpoint));
    let driver = spawn(checks.clone().run());
    until(|| health.is_available(&endpoint)).await;
    for _ in 0..5 {
        assert!(health.is_available(&endpoint));
        let request = Request::get(format!("http://{endpoint}/work")).body(empty());
        let deadline = Some(Instant::now() + 50 * MS);
        let result = client.call(request.unwrap(), deadline, 1024).await;
        assert_eq!(Outcome::of(&result), Outcome::Failed(Local::Timeout));
        detector.report(&endpoint, Outcome::of(&result));
    }
    assert!(!health.is_available(&endpoint));
    let passed = checks.counters().passed;
    until(|| checks.counters().passed > passed + 1).await;
    let status = health.status(&endpoint).unwrap();
    assert_eq!(status.healthy, Some(true), "the page is as green as ever");
    assert!(status.suspicion.unwrap().ejected_until.is_some());
    driver.abort();
}

#[test]
fn readiness_and_suspicion_neither_set_nor_clear_each_other() {
    let detector = detector(all_may_go());
    let health = Health::new().suspected_by(detector.clone());
    health.update(&set("a b"));
    assert!(health.is_available("a"));
    assert!(!health.is_available("c"), "it is not in the set");
    assert!(!health.set_readiness("c", Readiness::Ready));
    assert!(health.set_readiness("a", Readiness::Draining));
    assert!(!health.is_available("a"));
    for _ in 0..5 {
        detector.report("a", Outcome::Failed(Local::Connect));
    }
    assert!(health.set_readiness("a", Readiness::Ready));
    assert!(!health.is_available("a"), "ready, but out");
    health.update(&set("b a"));
    assert!(detector.is_ejected("a"));
    assert!(health.set_readiness("b", Readiness::NotReady));
    health.update(&set("a b"));
    let statuses = health.statuses();
    assert!(statuses.iter().all(|(_, status)| !status.is_available()));
    assert_eq!(statuses[1].1.readiness, Readiness::NotReady);
    assert_eq!(statuses[1].1.healthy, None);
}
