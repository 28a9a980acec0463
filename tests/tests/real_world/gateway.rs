//! `gateway`: a reverse proxy in front of a small service.

use crate::program::{PATIENCE, Running, client, get, scratch};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing,
};

use std::{fs, future::pending, net::SocketAddr, sync::Arc};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::Notify,
    time::timeout,
};
use windtunnel_models::http::serve;

/// Where a request that waits says that it came, and is let go.
#[derive(Default)]
struct Waiting {
    arrived: Notify,
    go: Notify,
}

/// A service that tells what it was told, and one page that waits.
async fn service() -> (SocketAddr, Arc<Waiting>) {
    let waiting = Arc::new(Waiting::default());
    let app = Router::new()
        .route("/hello", routing::get(told))
        .route("/hello/waiting", routing::get(wait))
        .with_state(waiting.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has one");
    tokio::spawn(async move { serve(listener, app, pending()).await });
    (address, waiting)
}

async fn told(headers: HeaderMap) -> String {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or("-").to_owned()
    };
    format!("{} {}", header("via"), header("x-forwarded-for"))
}

async fn wait(State(waiting): State<Arc<Waiting>>) -> &'static str {
    waiting.arrived.notify_one();
    waiting.go.notified().await;
    "waited"
}

/// Starts a gateway in front of `hello`, and of a port on which nobody listens.
async fn start(test: &str, hello: SocketAddr, gone: SocketAddr) -> (Running, String) {
    let at = scratch(test);
    let file = at.join("gateway.toml");
    let text = format!(
        r#"
listen = "127.0.0.1:0"
name   = "front"

[upstreams.hello]
endpoints = ["{hello}"]

[upstreams.gone]
endpoints = ["{gone}"]

[[routes]]
name     = "hello"
matches  = [{{ path = {{ prefix = "/hello" }} }}]
upstream = "hello"

[[routes]]
name     = "gone"
matches  = [{{ path = {{ exact = "/gone" }} }}]
upstream = "gone"
"#
    );
    fs::write(&file, text).expect("written");
    let mut running = Running::start(&["gateway", "--config", file.to_str().expect("text")]);
    let listening = running.err.find("listening").await;
    let (_, address) = listening.split_once("address=").expect("it says where");
    let url = format!("http://{}", address.trim());
    (running, url)
}

/// An address that stays free and where nobody listens.
fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any).expect("a free port");
    let address = socket.local_addr().expect("it has one");
    (socket, address)
}

#[tokio::test]
async fn a_gateway_forwards_and_says_404_and_502_itself() {
    let (hello, _) = service().await;
    let (_nobody, gone) = nobody();
    let (mut gateway, url) = start("proxy", hello, gone).await;
    let client = client();

    let answer = get(&client, &format!("{url}/hello"))
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        answer.body(),
        "1.1 front 127.0.0.1",
        "what the service was told"
    );
    assert_eq!(answer.headers()["via"], "1.1 front");

    let lost = get(&client, &format!("{url}/other"))
        .await
        .expect("an answer");
    assert_eq!(lost.status(), StatusCode::NOT_FOUND);
    assert_eq!(lost.headers()["x-refused-by"], "front; no-route");
    let gone = get(&client, &format!("{url}/gone"))
        .await
        .expect("an answer");
    assert_eq!(gone.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(gone.headers()["x-refused-by"], "front; bad-upstream");

    for (path, status) in [("/hello", 200), ("/other", 404), ("/gone", 502)] {
        let line = gateway.out.next().await.expect("a line");
        assert!(line.contains(&format!("\"path\":\"{path}\"")), "{line}");
        assert!(line.contains(&format!("\"status\":{status},")), "{line}");
    }
    gateway.terminate();
    assert_eq!(gateway.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_gateway_that_is_asked_to_stop_finishes_what_it_began() {
    let (hello, waiting) = service().await;
    let (_nobody, gone) = nobody();
    let (mut gateway, url) = start("drain", hello, gone).await;
    let asking = tokio::spawn({
        let url = url.clone();
        async move { get(&client(), &format!("{url}/hello/waiting")).await }
    });
    let arrived = timeout(PATIENCE, waiting.arrived.notified()).await;
    arrived.expect("the request arrived");
    gateway.terminate();
    gateway.err.find("draining").await;
    waiting.go.notify_one();
    let answer = asking.await.expect("no panic").expect("an answer");
    assert_eq!(
        (answer.status(), &answer.body()[..]),
        (StatusCode::OK, &b"waited"[..])
    );
    assert!(gateway.err.find("drained").await.contains("cut=0"));
    assert_eq!(gateway.ended().await.code(), Some(0));
    let late = get(&client(), &format!("{url}/hello")).await;
    assert!(late.is_err(), "nobody listens any more: {late:?}");
}

#[tokio::test]
async fn a_gateway_asked_twice_to_stop_waits_for_nobody() {
    let (hello, waiting) = service().await;
    let (_nobody, gone) = nobody();
    let (mut gateway, url) = start("twice", hello, gone).await;
    let asked = tokio::spawn(async move { get(&client(), &format!("{url}/hello/waiting")).await });
    waiting.arrived.notified().await;
    gateway.terminate();
    gateway.err.find("draining").await;
    gateway.terminate();
    gateway.err.find("asked twice").await;
    assert!(gateway.ended().await.success());
    let cut = asked.await.expect("the task lives");
    assert!(cut.is_err(), "the request was cut off: {cut:?}");
}
