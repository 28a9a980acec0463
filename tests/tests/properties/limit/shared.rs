//! A shared limit and a queue in simulated time, where a wait can be too long as well as too short.

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::{JoinHandle, spawn};
use tokio::time::{Instant, sleep, timeout};
use windtunnel_models::limit::lease::{
    Ask, Grant, Holder, HolderPolicy, Ledger, LedgerPolicy, SharedLimiter, Transport, WhenDown,
};
use windtunnel_models::limit::{Queue, Quota};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A ledger one millisecond away, if nobody cut the way.
#[derive(Clone)]
struct Way {
    ledger: Arc<Mutex<Ledger>>,
    cut: Arc<AtomicBool>,
}

impl Transport for Way {
    type Error = Infallible;

    async fn ask(&self, ask: Ask) -> Result<Option<Grant>, Infallible> {
        sleep(ms(1)).await;
        if self.cut.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let mut ledger = self.ledger.lock().expect("nobody panics with it");
        Ok(ledger.answer(&ask, Instant::now()))
    }
}

type Gateway = Arc<SharedLimiter<Way>>;

/// Two gateways that share 40 a second.
fn gateways(ledger: &Arc<Mutex<Ledger>>, rng: &mut ChaCha8Rng) -> [Gateway; 2] {
    let policy = HolderPolicy {
        wanted: 10,
        low: 5,
        again: ms(20),
        patience: ms(100),
        when_down: WhenDown::Refuse,
    };
    [(); 2].map(|()| {
        let holder = Holder::new(policy, rng, Instant::now()).expect("it can be meant");
        let (ledger, cut) = (ledger.clone(), Arc::default());
        Arc::new(SharedLimiter::new(holder, Way { ledger, cut }))
    })
}

fn ledger(rng: &mut ChaCha8Rng) -> Arc<Mutex<Ledger>> {
    let policy = LedgerPolicy {
        quota: Quota::per_second(40),
        chunk: 10,
        ttl: ms(1000),
        holders: 2,
    };
    let ledger = Ledger::new(policy, rng, Instant::now()).expect("it can be meant");
    Arc::new(Mutex::new(ledger))
}

fn keep(gateway: &Gateway) -> JoinHandle<()> {
    let gateway = gateway.clone();
    spawn(async move { gateway.run().await })
}

/// How many calls of each gateway pass in a second in which each gets a thousand.
async fn second(gateways: &[Gateway; 2]) -> [u32; 2] {
    let mut passed = [0; 2];
    for _ in 0..1000 {
        sleep(ms(1)).await;
        for (gateway, passed) in gateways.iter().zip(&mut passed) {
            *passed += u32::from(gateway.check().is_ok());
        }
    }
    passed
}

#[tokio::test]
async fn a_gateway_that_is_cut_off_stops_and_comes_back_when_the_way_is_free() {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let ledger = ledger(&mut rng);
    let gateways = gateways(&ledger, &mut rng);
    let tasks = [keep(&gateways[0]), keep(&gateways[1])];
    second(&gateways).await;
    let together = second(&gateways).await;
    assert!(
        (35..=42).contains(&together.iter().sum::<u32>()),
        "{together:?}"
    );

    let cut = &gateways[0].transport().cut;
    cut.store(true, Ordering::Relaxed);
    let [first, other] = second(&gateways).await;
    assert!(first <= 10, "{first}");
    assert!(first + other <= 42, "{first} {other}");
    let [first, other] = second(&gateways).await;
    assert_eq!(first, 0);
    assert!((35..=42).contains(&other), "{other}");

    cut.store(false, Ordering::Relaxed);
    second(&gateways).await;
    let back = second(&gateways).await;
    assert!(back.iter().all(|passed| *passed >= 15), "{back:?}");

    tasks.iter().for_each(JoinHandle::abort);
    for gateway in &gateways {
        gateway.close().await;
    }
    let lent = ledger
        .lock()
        .expect("nobody panics with it")
        .lent(Instant::now());
    assert_eq!(lent, 0);
}

#[tokio::test]
async fn calls_leave_a_queue_at_their_slots_and_move_up_when_others_give_up() {
    let queue = Arc::new(Queue::new(&Quota::per_second(10), ms(1000)).expect("it can be meant"));
    let began = Instant::now();
    queue.enter().await.expect("it is empty");
    let enter = |patience| {
        let queue = queue.clone();
        spawn(async move {
            let entered = timeout(patience, queue.enter()).await.ok()?;
            entered.ok().map(|()| began.elapsed())
        })
    };
    // Four give up, at an instant between two slots; in which order they came does not matter.
    let impatient = [(); 4].map(|()| enter(ms(50)));
    let patient = [(); 4].map(|()| enter(ms(10_000)));
    for task in impatient {
        assert_eq!(task.await.expect("it ends"), None);
    }
    let mut left = Vec::new();
    for task in patient {
        left.push(task.await.expect("it ends").expect("it has a place"));
    }
    left.sort();
    for (left, slot) in left.into_iter().zip([100, 200, 300, 400]) {
        assert!((ms(slot)..ms(slot + 2)).contains(&left), "{slot} {left:?}");
    }
}
