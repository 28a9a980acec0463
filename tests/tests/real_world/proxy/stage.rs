//! A service, and a gateway with an operator's door in front of it.

use crate::program::{PATIENCE, Running, client, get, scratch, signal};
use axum::{Router, extract::State, routing};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::Full;
use std::{fs, future::pending, net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::Notify,
    time::{Instant, sleep, timeout},
};
use windtunnel_models::{
    http::{Server, ServerEvent, ServerPolicy, serve},
    tls::Acceptor,
};
use windtunnel_tests::program::Scratch;

/// Where a request that waits says that it came, and is let go.
#[derive(Clone, Default)]
pub struct Waiting {
    pub arrived: Arc<Notify>,
    pub go: Arc<Notify>,
}

pub fn app(name: &'static str, waiting: Waiting) -> Router {
    Router::new()
        .route(
            "/told",
            routing::get(move |version: Version, headers: HeaderMap| async move {
                let proto = headers.get("x-forwarded-proto");
                let proto = proto.and_then(|proto| proto.to_str().ok()).unwrap_or("-");
                format!("{name} {version:?} {proto}")
            }),
        )
        .route("/waiting", routing::get(wait))
        .with_state(waiting)
}

async fn wait(State(waiting): State<Waiting>) -> &'static str {
    waiting.arrived.notify_one();
    waiting.go.notified().await;
    "waited"
}

/// A service in plain.
pub async fn service(name: &'static str) -> (SocketAddr, Waiting) {
    let waiting = Waiting::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has one");
    let app = app(name, waiting.clone());
    tokio::spawn(async move { serve(listener, app, pending()).await });
    (address, waiting)
}

/// A service behind TLS.
pub async fn secured_service(name: &'static str, acceptor: Acceptor) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has one");
    let server = Server::new(ServerPolicy::default(), |_: &ServerEvent<'_>| {});
    let server = server.expect("the default settings work").secured(acceptor);
    let app = app(name, Waiting::default());
    tokio::spawn(async move { server.serve(listener, app, pending()).await });
    address
}

/// What a file says of one upstream that gets everything.
pub fn everything_to(endpoint: SocketAddr, more: &str) -> String {
    format!(
        "[upstreams.all]\nendpoints = [\"{endpoint}\"]\n{more}\n\
         [[routes]]\nname = \"all\"\nupstream = \"all\"\n"
    )
}

/// A gateway that runs.
pub struct Stage {
    pub running: Running,
    pub at: Scratch,
    pub address: SocketAddr,
    pub admin: SocketAddr,
}

impl Stage {
    /// Starts one. `before` writes what the file names; `text` is the file without its listeners.
    pub async fn start(test: &str, before: impl FnOnce(&Path), text: &str) -> Self {
        let at = scratch(test);
        before(&at);
        write(&at, text);
        let file = at.join("gateway.toml");
        let mut running = Running::start(&["gateway", "--config", file.to_str().expect("text")]);
        let admin = address(&running.err.find("gateway: admin").await);
        let address = address(&running.err.find("listening").await);
        let stage = Self {
            running,
            at,
            address,
            admin,
        };
        stage.becomes_ready(StatusCode::OK).await;
        stage
    }

    /// Another text for the file; it takes effect at the next reload.
    pub fn rewrite(&self, text: &str) {
        write(&self.at, text);
    }

    /// Asks for a reload, and waits for what comes of it.
    pub async fn hang_up(&mut self) -> String {
        signal(self.running.pid(), libc::SIGHUP);
        self.running.err.find("reloaded").await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn secured(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// What the operator is told.
    pub async fn asked(&self, path: &str) -> (StatusCode, String) {
        let url = format!("http://{}{path}", self.admin);
        let answer = get(&client(), &url).await.expect("an answer");
        let body = String::from_utf8(answer.body().to_vec()).expect("text");
        (answer.status(), body)
    }

    /// What an order of the operator comes to.
    pub async fn ordered(&self, path: &str) -> (StatusCode, String) {
        let url = format!("http://{}{path}", self.admin);
        let request = Request::post(url).body(Full::<Bytes>::default());
        let until = Some(Instant::now() + PATIENCE);
        let answer = client()
            .call(request.expect("valid"), until, 64 << 10)
            .await;
        let answer = answer.expect("an answer");
        let body = String::from_utf8(answer.body().to_vec()).expect("text");
        (answer.status(), body)
    }

    /// Waits until readiness is answered so.
    pub async fn becomes_ready(&self, status: StatusCode) {
        let poll = async {
            while self.asked("/ready").await.0 != status {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, poll).await.expect("it becomes so");
    }
}

fn write(at: &Path, text: &str) {
    let head = "listen = \"127.0.0.1:0\"\nadmin = { listen = \"127.0.0.1:0\" }\n";
    fs::write(at.join("gateway.toml"), format!("{head}{text}")).expect("written");
}

fn address(line: &str) -> SocketAddr {
    let (_, address) = line.split_once("address=").expect("it says where");
    address.trim().parse().expect("an address")
}
