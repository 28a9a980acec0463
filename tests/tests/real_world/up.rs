//! `up`: the shop as processes, one of which is killed in the middle of a load.

use crate::program::{PATIENCE, Running, client, get, healthy, scratch, signal};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use windtunnel_models::http::Client;

/// A replica that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Started {
    pid: u32,
    port: u16,
}

/// `started orders-1 pid 4711 port 40123`.
fn started(line: &str) -> (String, Started) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["started", name, "pid", pid, "port", port] = words[..] else {
        panic!("`{line}` names no replica that was started");
    };
    let pid = pid.parse().expect("a number");
    let port = port.parse().expect("a port");
    (name.to_owned(), Started { pid, port })
}

/// The status of the checkout of order `number` at a gateway.
async fn checkout(client: &Client, gateway: u16, number: u64) -> u16 {
    let purchase = serde_json::json!({
        "order": format!("order-{number}"),
        "customer": format!("customer-{}", number % 97),
        "item": format!("item-{}", number % 89),
        "quantity": 1,
        "price": 100,
    });
    let request = Request::post(format!("http://127.0.0.1:{gateway}/checkout"))
        .header("content-type", "application/json")
        .header("idempotency-key", format!("order-{number}"))
        .body(Full::new(Bytes::from(purchase.to_string())))
        .expect("a valid request");
    let until = Instant::now() + PATIENCE;
    let answer = client.call(request, Some(until), 4096).await;
    answer.expect("a gateway always answers").status().as_u16()
}

/// Shoppers that buy until they are told to stop.
struct Load {
    answers: JoinSet<Vec<(u64, u16)>>,
    given: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Load {
    fn start(gateways: [u16; 2]) -> Self {
        let (given, over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let orders = Arc::<AtomicU64>::default();
        let client = client();
        let mut answers = JoinSet::new();
        for _ in 0..8 {
            let (given, over, orders) = (given.clone(), over.clone(), orders.clone());
            let client = client.clone();
            answers.spawn(async move {
                let mut answers = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let number = orders.fetch_add(1, Ordering::Relaxed);
                    let gateway = gateways[(number % 2) as usize];
                    answers.push((number, checkout(&client, gateway, number).await));
                    given.fetch_add(1, Ordering::Relaxed);
                    sleep(Duration::from_millis(20)).await;
                }
                answers
            });
        }
        Self {
            answers,
            given,
            over,
        }
    }

    /// Waits until so many more answers were given.
    async fn goes_on_for(&self, answers: u64) {
        let enough = self.given.load(Ordering::Relaxed) + answers;
        let waited = timeout(PATIENCE, async {
            while self.given.load(Ordering::Relaxed) < enough {
                sleep(Duration::from_millis(10)).await;
            }
        });
        waited.await.expect("the shop answers");
    }

    /// Ends the load; the status of each order.
    async fn end(self) -> BTreeMap<u64, u16> {
        self.over.store(true, Ordering::Relaxed);
        self.answers
            .join_all()
            .await
            .into_iter()
            .flatten()
            .collect()
    }
}

/// What became of an order in the end: asks until it is decided.
async fn decided(client: &Client, gateway: u16, number: u64) -> u16 {
    let mut last = 0;
    for _ in 0..100 {
        last = checkout(client, gateway, number).await;
        if matches!(last, 200 | 409) {
            return last;
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("order-{number} is never decided; the last answer was {last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_killed_under_load_comes_back_and_its_log_finishes_every_checkout() {
    let data = scratch("up");
    let mut up = Running::start(&["up", "shop", "--data", data.to_str().expect("text")]);
    let mut replicas = BTreeMap::new();
    while replicas.len() < 9 {
        replicas.extend([started(&up.out.next().await.expect("a replica"))]);
    }
    let client = client();
    for replica in replicas.values() {
        healthy(&client, replica.port).await;
    }
    let gateways = ["gateway-0", "gateway-1"].map(|name| replicas[name].port);

    let load = Load::start(gateways);
    load.goes_on_for(100).await;
    let victim = replicas["orders-1"];
    assert!(signal(victim.pid, libc::SIGKILL));
    let ended = up.out.next().await.expect("its end is told");
    assert!(ended.starts_with("ended   orders-1"), "{ended}");
    let died = Instant::now();
    let (name, again) = started(&up.out.next().await.expect("its start is told"));
    let down = died.elapsed();
    assert_eq!((name.as_str(), again.port), ("orders-1", victim.port));
    assert_ne!(again.pid, victim.pid);
    assert!(down > Duration::from_millis(1900), "down for {down:?} only");
    healthy(&client, again.port).await;
    load.goes_on_for(100).await;

    let answers = load.end().await;
    let unclean: Vec<_> = answers
        .iter()
        .filter(|(_, status)| !matches!(status, 200 | 409 | 502 | 503 | 504))
        .collect();
    assert!(
        unclean.is_empty(),
        "neither an answer nor a clean refusal: {unclean:?}"
    );
    let open = answers.values().filter(|status| **status >= 500).count();
    assert!(
        open > 0,
        "the kill was not felt in {} checkouts",
        answers.len()
    );
    for (number, before) in answers {
        let after = decided(&client, gateways[0], number).await;
        if before < 500 {
            assert_eq!(after, before, "order-{number} was decided otherwise before");
        }
    }
    for name in ["orders-0", "orders-1", "orders-2"] {
        let url = format!("http://127.0.0.1:{}/parked", replicas[name].port);
        let parked = get(&client, &url).await.expect("an answer");
        assert_eq!(parked.body(), "[]", "sagas parked at {name}");
    }

    up.terminate();
    assert_eq!(up.ended().await.code(), Some(0));
    replicas.insert("orders-1".into(), again);
    for (name, replica) in replicas {
        assert!(!signal(replica.pid, 0), "{name} outlived `up`");
    }
}
