//! SIGHUP: what changes, what stays, and that nobody notices the moment.

use super::{
    certificates::Authority,
    stage::{Stage, everything_to, service},
};
use crate::program::{client, get};
use http::StatusCode;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use windtunnel_models::http::{Client, Protocol};

/// Clients that ask as fast as they are answered.
struct Crowd {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    asking: Vec<tokio::task::JoinHandle<()>>,
}

impl Crowd {
    fn of(clients: impl IntoIterator<Item = Client>, url: &str) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let ask = |client: Client| {
            let (stop, answered, url) = (stop.clone(), answered.clone(), url.to_owned());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let answer = get(&client, &url).await.expect("no request is lost");
                    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let asking = clients.into_iter().map(ask).collect();
        Self {
            stop,
            answered,
            asking,
        }
    }

    /// Waits until so many more were answered.
    async fn goes_on_for(&self, count: u64) {
        let until = self.answered.load(Ordering::Relaxed) + count;
        while self.answered.load(Ordering::Relaxed) < until {
            let all_ask = !self.asking.iter().any(|asking| asking.is_finished());
            assert!(all_ask, "a request was lost");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    async fn goes_home(self) {
        self.stop.store(true, Ordering::Relaxed);
        for asking in self.asking {
            asking.await.expect("no request was lost");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_under_load_lose_no_request_and_take_effect() {
    let ((one, _), (two, _)) = (service("one").await, service("two").await);
    let mut stage = Stage::start("reload-load", |_| {}, &everything_to(one, "")).await;
    let url = stage.url("/told");
    let crowd = Crowd::of((0..8).map(|_| client()), &url);
    for (name, service) in [("two", two), ("one", one), ("two", two), ("one", one)] {
        crowd.goes_on_for(100).await;
        stage.rewrite(&everything_to(service, ""));
        let said = stage.hang_up().await;
        assert!(said.ends_with("gateway: reloaded"), "{said}");
        let answer = get(&client(), &url).await.expect("an answer");
        assert!(answer.body().starts_with(name.as_bytes()), "{answer:?}");
    }
    crowd.goes_on_for(100).await;
    crowd.goes_home().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchanged_certificate_is_shown_from_then_on_and_breaks_no_connection() {
    let (service, _) = service("one").await;
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let before = |at: &Path| old.certify("shop.test").write(at, "shop");
    let tls = "tls = { certificates = [{ chain = \"shop.pem\", key = \"shop.key\" }] }\n";
    let text = format!("{tls}{}", everything_to(service, ""));
    let mut stage = Stage::start("reload-certificate", before, &text).await;
    let url = stage.secured("/told");
    // A connection that was agreed on before goes on as it is.
    let known = (0..2).map(|_| old.client("shop.test", Protocol::Http2, None));
    let crowd = Crowd::of(known, &url);
    crowd.goes_on_for(50).await;
    new.certify("shop.test").write(&stage.at, "shop");
    stage.hang_up().await;
    crowd.goes_on_for(50).await;
    let shown = get(&new.client("shop.test", Protocol::Http2, None), &url).await;
    assert_eq!(shown.expect("an answer").status(), StatusCode::OK);
    let gone = get(&old.client("shop.test", Protocol::Http2, None), &url).await;
    assert!(gone.is_err(), "the old one is shown to nobody: {gone:?}");
    crowd.goes_home().await;
}

#[tokio::test]
async fn a_file_with_mistakes_is_told_with_their_places_and_changes_nothing() {
    let (service, _) = service("one").await;
    let text = everything_to(service, "");
    let mut stage = Stage::start("reload-wrong", |_| {}, &text).await;
    stage.rewrite(&text.replace("endpoints", "endpoint"));
    let said = stage.hang_up().await;
    assert!(
        said.contains("not reloaded, the old settings stay"),
        "{said}"
    );
    let place = stage.running.err.find("unknown key `endpoint`").await;
    assert!(place.contains("gateway.toml:4:1: "), "{place}");
    let (status, told) = stage.ordered("/reload").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        told.contains("gateway.toml:4:1: unknown key `endpoint`"),
        "{told}"
    );
    let answer = get(&client(), &stage.url("/told")).await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    // A certificate that is not there is a mistake as well.
    let wanted = "tls = { ca = \"nowhere.pem\" }";
    stage.rewrite(&everything_to(service, wanted));
    let (status, told) = stage.ordered("/reload").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        told.contains("upstreams.all.tls") && told.contains("nowhere.pem"),
        "{told}"
    );
    let answer = get(&client(), &stage.url("/told")).await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    stage.rewrite(&text);
    assert_eq!(stage.ordered("/reload").await.0, StatusCode::OK);
    let (_, metrics) = stage.asked("/metrics").await;
    for (result, count) in [("done", 1), ("refused", 3)] {
        let line = format!("gateway_reloads_total{{result=\"{result}\"}} {count}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
}
