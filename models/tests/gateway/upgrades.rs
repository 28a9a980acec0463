//! Connections that change their protocol.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn;
use tokio::time::{Instant, sleep, timeout};
use windtunnel_models::gateway::{End, Outcome};
use windtunnel_models::http::{Drained, Server, ServerEvent, ServerPolicy};

use crate::world::*;

/// Reads a head, up to the empty line.
async fn head(stream: &mut TcpStream) -> String {
    let reading = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a whole head"));
        }
        String::from_utf8(head).unwrap().to_ascii_lowercase()
    };
    timeout(PATIENCE, reading).await.expect("no head came")
}

/// An endpoint that changes to `protocol` whatever it is asked, and then says every byte back; it tells
/// the heads it read.
async fn echo(protocol: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, heads) = mpsc::unbounded_channel();
    drop(spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tell = tell.clone();
            drop(spawn(async move {
                tell.send(head(&mut stream).await).unwrap();
                let answer = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: {protocol}\r\n\
                     Sec-WebSocket-Accept: abc\r\n\r\n"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
                let mut bytes = [0; 1024];
                while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                    if stream.write_all(&bytes[..count]).await.is_err() {
                        return;
                    }
                }
            }));
        }
    }));
    (address, heads)
}

fn upgrading(endpoint: SocketAddr, upgrade: Value) -> Value {
    let mut config = config(&[endpoint]);
    config["routes"][0]["upgrade"] = upgrade;
    config["routes"][0]["deadline"] = json!("200ms");
    config
}

/// Asks a gateway to change to websocket; the connection and the head of the answer.
async fn ask(gateway: SocketAddr) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(gateway).await.unwrap();
    let request = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = head(&mut stream).await;
    (stream, head)
}

/// Says something and hears it back.
async fn is_echoed(stream: &mut TcpStream, text: &str) -> bool {
    let hearing = async {
        stream.write_all(text.as_bytes()).await?;
        let mut heard = vec![0; text.len()];
        stream.read_exact(&mut heard).await?;
        Ok::<_, std::io::Error>(heard)
    };
    let heard = timeout(PATIENCE, hearing).await.expect("it hangs");
    heard.is_ok_and(|heard| heard == text.as_bytes())
}

#[tokio::test]
async fn a_websocket_outlives_the_deadline_and_is_reported_when_it_ends() {
    let (endpoint, mut heads) = echo("websocket").await;
    let stage = Stage::new(upgrading(endpoint, json!({"protocols": ["WebSocket"]}))).await;
    let (mut stream, head) = ask(stage.address).await;
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    for line in [
        "connection: upgrade\r\n",
        "upgrade: websocket\r\n",
        "sec-websocket-accept: abc",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
    let asked = heads.recv().await.unwrap();
    for line in [
        "connection: upgrade\r\n",
        "upgrade: websocket\r\n",
        "sec-websocket-key: k\r\n",
    ] {
        assert!(asked.contains(line), "{line} in {asked}");
    }
    assert!(is_echoed(&mut stream, "hello").await);
    // Well beyond the route's deadline.
    sleep(Duration::from_millis(600)).await;
    assert!(is_echoed(&mut stream, "still here").await);
    assert!(stage.witness.requests(0).await.is_empty(), "it goes on");
    drop(stream);
    let seen = stage.witness.request(1).await;
    assert_eq!((seen.status, seen.attempts), (Some(101), 1));
    let outcomes = stage.witness.outcomes(1).await;
    assert_eq!(
        outcomes,
        [Outcome::Succeeded(http::StatusCode::SWITCHING_PROTOCOLS)]
    );
}

#[tokio::test]
async fn a_route_without_upgrades_forwards_an_ordinary_request() {
    let endpoint = Endpoint::answering("plain").await;
    for upgrade in [json!(null), json!({"protocols": ["other"]})] {
        let stage = Stage::new(upgrading(endpoint.address, upgrade)).await;
        let (_, head) = ask(stage.address).await;
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        let asked = endpoint.asked().pop().unwrap();
        assert!(!asked.headers.contains_key("upgrade"));
        assert!(!asked.headers.contains_key("connection"));
    }
}

#[tokio::test]
async fn a_change_that_nobody_asked_for_is_a_bad_answer() {
    let (endpoint, _heads) = echo("other").await;
    let stage = Stage::new(upgrading(endpoint, json!({"protocols": ["websocket"]}))).await;
    let (_, head) = ask(stage.address).await;
    assert!(head.starts_with("http/1.1 502 "), "{head}");
    assert_eq!(stage.get("/").await.status(), 502);
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_is_closed_after_its_idle_timeout() {
    let (endpoint, _heads) = echo("websocket").await;
    let upgrade = json!({"protocols": ["websocket"], "idle-timeout": "300ms"});
    let stage = Stage::new(upgrading(endpoint, upgrade)).await;
    let (mut stream, _) = ask(stage.address).await;
    // Every byte counts anew.
    for _ in 0..4 {
        sleep(Duration::from_millis(200)).await;
        assert!(is_echoed(&mut stream, "x").await);
    }
    let began = Instant::now();
    let mut rest = Vec::new();
    let closed = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    closed.expect("it stays open for ever").unwrap_or(0);
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(250), "{waited:?}");
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    assert_eq!(stage.witness.request(1).await.end, End::BrokenOff);
}

#[tokio::test]
async fn a_drain_waits_for_changed_connections_and_cuts_them_after_its_grace() {
    for (grace, leaves, cut) in [
        (Duration::from_secs(10), true, 0),
        (Duration::from_millis(300), false, 1),
    ] {
        let (endpoint, _heads) = echo("websocket").await;
        let stage = Stage::new(upgrading(endpoint, json!({"protocols": ["websocket"]}))).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let policy = ServerPolicy {
            grace,
            ..ServerPolicy::default()
        };
        let server = Server::new(policy, |_: &ServerEvent<'_>| {}).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let gateway = stage.gateway.clone();
        let server = spawn(async move {
            let stopped = async { stopped.await.unwrap_or(()) };
            server.serve(listener, gateway, stopped).await
        });
        let (mut stream, _) = ask(address).await;
        stop.send(()).unwrap();
        sleep(Duration::from_millis(100)).await;
        assert!(!server.is_finished());
        assert!(is_echoed(&mut stream, "still here").await);
        if leaves {
            drop(stream);
        }
        let drained = timeout(PATIENCE, server).await.expect("it drains");
        assert_eq!(drained.unwrap(), Drained { cut });
        // Whatever ended it, it is reported, and nothing is left open.
        assert_eq!(stage.witness.requests(1).await.len(), 1);
    }
}
