//! The stage: endpoints that do as told, a gateway in front of them, a client, and a witness.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Request, Response, Version};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn};
use tokio::time::{Instant, timeout};
use tower::service_fn;
use windtunnel_models::gateway::filter::Registry;
use windtunnel_models::gateway::{
    Access, Attempt, BreakerChange, Config, End, Gateway, Load, MirrorEnd, Mirrored, Observer,
    Outcome, OutlierChange, Vault,
};
use windtunnel_models::health::outlier::Event;
use windtunnel_models::http::{self as wire, Body, Client, ClientPolicy, Peer, boxed, full};

/// Long enough for anything that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn soon() -> Option<Instant> {
    Some(Instant::now() + PATIENCE)
}

/// What an endpoint was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
    pub version: Version,
    pub peer: SocketAddr,
    /// The authority that HTTP/2 has in place of the `Host` header.
    authority: Option<String>,
}

impl Asked {
    /// The host it was asked for, as its protocol says it.
    pub fn host(&self) -> &str {
        let authority = self.authority.as_deref();
        authority.unwrap_or_else(|| self.header("host"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// An endpoint on a port of its own.
pub struct Endpoint {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    heard: Arc<Notify>,
    task: JoinHandle<wire::Drained>,
}

impl Endpoint {
    /// Answers what `script` says, given the request and its number (from 0).
    pub async fn start<F, R>(script: F) -> Self
    where
        F: Fn(usize, Asked) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, script)
    }

    pub fn on<F, R>(listener: TcpListener, script: F) -> Self
    where
        F: Fn(usize, Asked) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let heard = Arc::new(Notify::new());
        let hears = heard.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (log, script, hears) = (log.clone(), script.clone(), hears.clone());
            async move {
                let asked = read(request).await;
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(asked.clone());
                    log.len() - 1
                };
                hears.notify_waiters();
                Ok::<_, Infallible>(script(number, asked).await)
            }
        });
        let task = spawn(wire::serve(listener, service, std::future::pending()));
        Self {
            address,
            asked,
            heard,
            task,
        }
    }

    /// Always answers 200 with a body.
    pub async fn answering(body: &'static str) -> Self {
        Self::start(move |_, _| async move { Response::new(full(body)) }).await
    }

    /// Always answers with a status.
    pub async fn failing(status: u16) -> Self {
        Self::start(move |_, _| async move { status_only(status) }).await
    }

    /// Answers 200 and the word `half`, and breaks off when told to.
    pub async fn breaking_off() -> (Self, Arc<Notify>) {
        let breaking = Arc::new(Notify::new());
        let told = breaking.clone();
        let endpoint = Self::start(move |_, _| {
            let told = told.clone();
            async move {
                let half = std::future::ready(Ok(Frame::data(Bytes::from_static(b"half"))));
                let breaks = async move {
                    told.notified().await;
                    Err(std::io::Error::other("disk gone"))
                };
                let body = stream::once(half).chain(stream::once(breaks));
                Response::new(boxed(StreamBody::new(body)))
            }
        });
        (endpoint.await, breaking)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until it was asked so often.
    pub async fn asked_times(&self, count: usize) {
        let waiting = async {
            loop {
                let heard = self.heard.notified();
                if self.count() >= count {
                    return;
                }
                heard.await;
            }
        };
        timeout(PATIENCE, waiting)
            .await
            .expect("the endpoint was never asked");
    }

    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(request: Request<Incoming>) -> Asked {
    let (head, body) = request.into_parts();
    let peer = head
        .extensions
        .get::<Peer>()
        .expect("our server knows it")
        .0;
    let (body, trailers) = match body.collect().await {
        Ok(collected) => {
            let trailers = collected.trailers().cloned();
            (collected.to_bytes(), trailers)
        }
        Err(_) => (Bytes::from_static(b"(broken off)"), None),
    };
    Asked {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        authority: head.uri.authority().map(ToString::to_string),
        version: head.version,
        peer,
        headers: head.headers,
        body,
        trailers,
    }
}

pub fn status_only(status: u16) -> Response<Body> {
    Response::builder().status(status).body(full("")).unwrap()
}

/// A port nobody listens on.
pub async fn deserted() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

/// What a request came to, as the observer was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub client: Option<String>,
    pub route: Option<String>,
    pub path: String,
    pub status: Option<u16>,
    pub attempts: u32,
    pub refusal: Option<&'static str>,
    pub end: End,
}

/// Remembers everything it is told.
#[derive(Clone, Default)]
pub struct Witness {
    seen: Arc<Mutex<Vec<Seen>>>,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    changes: Arc<Mutex<Vec<String>>>,
    mirrored: Arc<Mutex<Vec<(String, MirrorEnd)>>>,
    outliers: Arc<Mutex<Vec<&'static str>>>,
    permits: Arc<Mutex<BTreeMap<String, usize>>>,
    told: Arc<Notify>,
}

impl Observer for Witness {
    fn access(&self, access: &Access<'_>) {
        self.seen.lock().unwrap().push(Seen {
            client: access.client.map(ToString::to_string),
            route: access.route.map(str::to_owned),
            path: access.path.to_owned(),
            status: access.status.map(|status| status.as_u16()),
            attempts: access.attempts,
            refusal: access.refusal.map(|refusal| refusal.kind()),
            end: access.end,
        });
        self.told.notify_waiters();
    }

    fn attempt(&self, attempt: &Attempt<'_>) {
        self.outcomes.lock().unwrap().push(attempt.outcome);
        self.told.notify_waiters();
    }

    fn load(&self, load: &Load<'_>) {
        let endpoint = load.endpoint.to_string();
        self.permits.lock().unwrap().insert(endpoint, load.permits);
    }

    fn outlier(&self, change: &OutlierChange<'_>) {
        let word = match change.event {
            Event::Ejected { .. } => "ejected",
            Event::Returned { .. } => "returned",
            Event::Spared { .. } => "spared",
        };
        self.outliers.lock().unwrap().push(word);
    }

    fn mirrored(&self, mirrored: &Mirrored<'_>) {
        let told = (mirrored.upstream.to_owned(), mirrored.end);
        self.mirrored.lock().unwrap().push(told);
        self.told.notify_waiters();
    }

    fn breaker(&self, change: &BreakerChange<'_>) {
        let change = format!("{:?}", change.to);
        self.changes.lock().unwrap().push(change);
        self.told.notify_waiters();
    }
}

impl Witness {
    async fn until<T>(&self, ready: impl Fn() -> Option<T>) -> T {
        let waiting = async {
            loop {
                // Listening begins before the look, so that nothing told in between is missed.
                let told = self.told.notified();
                if let Some(found) = ready() {
                    return found;
                }
                told.await;
            }
        };
        timeout(PATIENCE, waiting)
            .await
            .expect("the witness was never told")
    }

    /// The first `count` requests, once they ended.
    pub async fn requests(&self, count: usize) -> Vec<Seen> {
        let seen = &self.seen;
        self.until(|| Some(seen.lock().unwrap().clone()).filter(|seen| seen.len() >= count))
            .await
    }

    /// The last request, once `count` ended.
    pub async fn request(&self, count: usize) -> Seen {
        self.requests(count).await.pop().unwrap()
    }

    /// The first `count` outcomes of attempts, once they are known.
    pub async fn outcomes(&self, count: usize) -> Vec<Outcome> {
        let outcomes = &self.outcomes;
        self.until(|| Some(outcomes.lock().unwrap().clone()).filter(|all| all.len() >= count))
            .await
    }

    /// The permits of breakers that did not come back yet, as told last.
    pub fn permits(&self) -> usize {
        self.permits.lock().unwrap().values().sum()
    }

    /// What happened to endpoints that do worse than the others.
    pub fn outliers(&self) -> Vec<&'static str> {
        self.outliers.lock().unwrap().clone()
    }

    /// How the first `count` copies ended, each with its upstream, once they did.
    pub async fn mirrored(&self, count: usize) -> Vec<(String, MirrorEnd)> {
        let all = &self.mirrored;
        self.until(|| Some(all.lock().unwrap().clone()).filter(|all| all.len() >= count))
            .await
    }

    /// The states breakers went to so far.
    pub fn changes(&self) -> Vec<String> {
        self.changes.lock().unwrap().clone()
    }
}

/// A gateway, and a client that talks to it.
pub struct Stage {
    pub gateway: Gateway,
    pub address: SocketAddr,
    pub witness: Witness,
    pub client: Client,
    task: JoinHandle<wire::Drained>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The smallest configuration: one upstream `main`, one route `all` to it.
pub fn config(endpoints: &[SocketAddr]) -> Value {
    let endpoints: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
    json!({
        "name": "edge",
        "upstreams": {"main": {"endpoints": endpoints, "balance": "round-robin"}},
        "routes": [{"name": "all", "upstream": "main"}],
    })
}

impl Stage {
    pub async fn new(config: Value) -> Self {
        Self::with(config, (), Registry::default()).await
    }

    /// A gateway that has files and kinds of filters.
    pub async fn with(config: Value, vault: impl Vault, registry: Registry) -> Self {
        let config: Config = serde_json::from_value(config).unwrap();
        let witness = Witness::default();
        let rng = ChaCha8Rng::seed_from_u64(42);
        let gateway = Gateway::with_filters(config, rng, witness.clone(), vault, registry);
        let gateway = gateway.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = spawn(wire::serve(
            listener,
            gateway.clone(),
            std::future::pending(),
        ));
        let client = Client::new(&ClientPolicy::default()).unwrap();
        Self {
            gateway,
            address,
            witness,
            client,
            task,
        }
    }

    /// One endpoint, the smallest configuration.
    pub async fn before(endpoint: &Endpoint) -> Self {
        Self::new(config(&[endpoint.address])).await
    }

    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    pub async fn get(&self, target: &str) -> Response<Bytes> {
        self.send(Request::get(self.url(target)).body(full("")).unwrap())
            .await
    }

    pub async fn post(&self, target: &str, body: &'static str) -> Response<Bytes> {
        self.send(Request::post(self.url(target)).body(full(body)).unwrap())
            .await
    }

    pub async fn send(&self, request: Request<Body>) -> Response<Bytes> {
        self.client.call(request, soon(), 10 << 20).await.unwrap()
    }
}
