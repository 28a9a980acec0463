//! The future that probes: membership, panics, dropping it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::spawn;
use tokio::time::{sleep, timeout};

use super::*;

const MS: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(20);

/// What an endpoint does when it is asked.
#[derive(Clone, Copy)]
enum Answer {
    Well,
    Sick,
    Silent,
    Panics,
}

/// Answers as told, and knows how many probes are under way.
#[derive(Clone, Default)]
struct Stage {
    answers: Arc<Mutex<BTreeMap<Arc<str>, Answer>>>,
    asked: Arc<Mutex<Vec<Arc<str>>>>,
    open: Arc<AtomicUsize>,
}

struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Stage {
    fn say(&self, endpoint: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(endpoint.into(), answer);
    }

    fn asked(&self, endpoint: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|name| &***name == endpoint).count()
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

impl Probe for Stage {
    fn probe<'a>(&'a self, endpoint: &'a Arc<str>, _: Instant) -> Probing<'a> {
        self.asked.lock().unwrap().push(endpoint.clone());
        self.open.fetch_add(1, Ordering::Relaxed);
        let open = Open(self.open.clone());
        let answer = self.answers.lock().unwrap().get(endpoint).copied();
        Box::pin(async move {
            let _open = open;
            match answer.unwrap_or(Answer::Well) {
                Answer::Well => Probed::Passed,
                Answer::Sick => Probed::Failed,
                Answer::Silent => std::future::pending().await,
                Answer::Panics => panic!("asked for"),
            }
        })
    }
}

fn swift() -> Policy {
    Policy {
        interval: 20 * MS,
        timeout: 10 * MS,
        ..plain()
    }
}

fn checks(policy: Policy, endpoints: &str) -> (Stage, Checks) {
    let stage = Stage::default();
    let checks = Checks::new(policy, stage.clone(), rng(), Arc::new(())).unwrap();
    checks.update(&set(endpoints));
    (stage, checks)
}

async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(MS).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it never holds");
}

fn conserved(checks: &Checks, open: usize) {
    let c = checks.counters();
    let ended = c.passed + c.failed + c.condemned + c.cancelled;
    assert_eq!(c.begun, ended + open as u64, "{c:?}");
}

#[tokio::test(start_paused = true)]
async fn the_sick_the_silent_and_the_panicking_leave_and_the_well_stay() {
    let (stage, checks) = checks(swift(), "well sick silent panics");
    let _driver = spawn(checks.clone().run());
    let all = ["well", "sick", "silent", "panics"];
    until(|| all.iter().all(|name| checks.is_healthy(name))).await;
    stage.say("sick", Answer::Sick);
    stage.say("silent", Answer::Silent);
    stage.say("panics", Answer::Panics);
    until(|| all[1..].iter().all(|name| !checks.is_healthy(name))).await;
    assert!(checks.is_healthy("well"));
    all.iter().for_each(|name| stage.say(name, Answer::Well));
    until(|| all.iter().all(|name| checks.is_healthy(name))).await;
    conserved(&checks, stage.open());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_drops_every_probe_and_it_may_run_again() {
    let (stage, checks) = checks(swift(), "a b c");
    ["a", "b", "c"]
        .iter()
        .for_each(|name| stage.say(name, Answer::Silent));
    let driver = spawn(checks.clone().run());
    until(|| stage.open() == 3).await;
    driver.abort();
    assert!(driver.await.unwrap_err().is_cancelled());
    assert_eq!(stage.open(), 0);
    conserved(&checks, 0);
    let asked = checks.counters().begun;
    sleep(100 * MS).await;
    assert_eq!(checks.counters().begun, asked);
    ["a", "b", "c"]
        .iter()
        .for_each(|name| stage.say(name, Answer::Well));
    let _driver = spawn(checks.clone().run());
    until(|| checks.is_healthy("a") && checks.is_healthy("c")).await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_leaves_is_asked_no_more_and_its_probe_is_dropped() {
    let (stage, checks) = checks(swift(), "stays leaves");
    stage.say("leaves", Answer::Silent);
    let _driver = spawn(checks.clone().run());
    until(|| checks.is_healthy("stays") && stage.open() == 1).await;
    checks.update(&set("stays comes"));
    assert!(checks.is_healthy("stays"), "an update forgets nothing");
    until(|| stage.open() == 0 && checks.is_healthy("comes")).await;
    let asked = stage.asked("leaves");
    let rounds = stage.asked("stays");
    until(|| stage.asked("stays") > rounds + 3).await;
    assert_eq!(stage.asked("leaves"), asked);
    assert!(!checks.is_healthy("leaves"));
    conserved(&checks, stage.open());
}

#[tokio::test(start_paused = true)]
async fn who_left_and_came_back_is_another_and_gets_no_answer_of_the_first() {
    let slow = Policy {
        interval: 60 * SECOND,
        timeout: 60 * SECOND,
        ..plain()
    };
    let (stage, checks) = checks(slow, "a");
    stage.say("a", Answer::Silent);
    let _driver = spawn(checks.clone().run());
    until(|| stage.open() == 1).await;
    stage.say("a", Answer::Well);
    // Both before the driver looks.
    checks.update(&[]);
    checks.update(&set("a"));
    assert!(!checks.is_healthy("a"));
    until(|| checks.is_healthy("a")).await;
    assert_eq!((stage.open(), stage.asked("a")), (0, 2));
    assert_eq!(checks.counters().cancelled, 1);
}

#[test]
fn an_answer_to_an_earlier_coming_changes_nothing() {
    let (_, checks) = checks(swift(), "a");
    let now = Instant::now();
    let first = checks.set().members["a"].coming;
    checks.update(&[]);
    checks.update(&set("a"));
    let late = checks.set().ended("a", first, Probed::Passed, now);
    assert_eq!(late, None);
    assert!(!checks.is_healthy("a"));
    let second = checks.set().members["a"].coming;
    let change = checks.set().ended("a", second, Probed::Passed, now);
    assert!(change.is_some_and(|change| change.healthy));
}

#[tokio::test(start_paused = true)]
async fn the_first_traffic_brings_the_next_probe_forward() {
    let policy = Policy {
        no_traffic_interval: Some(3600 * SECOND),
        ..swift()
    };
    let (stage, checks) = checks(policy, "a");
    let _driver = spawn(checks.clone().run());
    until(|| checks.is_healthy("a")).await;
    sleep(100 * MS).await;
    assert_eq!(stage.asked("a"), 1);
    checks.saw_traffic();
    until(|| stage.asked("a") > 3).await;
}

/// Asks the checks from within.
struct Curious(Mutex<Option<Checks>>, AtomicUsize);

impl Observer for Curious {
    fn changed(&self, endpoint: &Arc<str>, change: &Change) {
        let checks = self.0.lock().unwrap().clone().unwrap();
        assert_eq!(checks.is_healthy(endpoint), change.healthy);
        checks.update(&set("a b"));
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn the_observer_may_ask_and_change_the_set_it_is_told_of() {
    let observer = Arc::new(Curious(Mutex::default(), AtomicUsize::new(0)));
    let stage = Stage::default();
    let checks = Checks::new(swift(), stage, rng(), observer.clone()).unwrap();
    *observer.0.lock().unwrap() = Some(checks.clone());
    checks.update(&set("a"));
    let _driver = spawn(checks.clone().run());
    until(|| checks.is_healthy("b")).await;
    assert_eq!(observer.1.load(Ordering::Relaxed), 2);
}
