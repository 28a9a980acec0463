//! The probes against peers that answer, stay silent or talk nonsense.

use std::convert::Infallible;
use std::net::SocketAddr;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn};
use tokio::time::timeout;
use tower::service_fn;

use super::*;
use crate::http::{Client, ClientPolicy, boxed, full, serve};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Answers a path that is a status with it, and `/half` with 200 and a body that never ends.
async fn server() -> (SocketAddr, JoinHandle<()>) {
    let (listener, address) = listener().await;
    let service = service_fn(|request: Request<Incoming>| async move {
        let path = &request.uri().path()[1..];
        let Ok(status) = path.parse::<u16>() else {
            let never = http_body_util::StreamBody::new(futures_util::stream::pending::<
                Result<http_body::Frame<bytes::Bytes>, Infallible>,
            >());
            return Ok(Response::new(boxed(never)));
        };
        let answer = Response::builder().status(status).body(full("page"));
        Ok::<_, Infallible>(answer.unwrap())
    });
    let task = spawn(async move {
        serve(listener, service, std::future::pending()).await;
    });
    (address, task)
}

async fn ask(probe: &impl Probe, address: SocketAddr) -> Probed {
    let patience = Duration::from_millis(100);
    let endpoint: Arc<str> = address.to_string().into();
    let answer = probe.probe(&endpoint, Instant::now() + patience);
    timeout(patience, answer).await.unwrap_or(Probed::Failed)
}

fn page(path: &str) -> HttpProbe {
    let expectation = HttpExpectation {
        path: path.to_owned(),
        expected: vec![200..=299],
        retriable: vec![429..=429, 503..=504],
    };
    HttpProbe::new(Client::new(&ClientPolicy::default()).unwrap(), expectation).unwrap()
}

#[tokio::test]
async fn statuses_pass_fail_or_condemn_as_listed() {
    let (address, _task) = server().await;
    for (status, expected) in [
        ("/200", Probed::Passed),
        ("/204", Probed::Passed),
        ("/429", Probed::Failed),
        ("/503", Probed::Failed),
        ("/500", Probed::Condemned),
        ("/404", Probed::Condemned),
    ] {
        assert_eq!(ask(&page(status), address).await, expected, "{status}");
    }
}

#[tokio::test]
async fn a_page_that_never_ends_and_a_port_without_listener_have_failed() {
    let (address, _task) = server().await;
    assert_eq!(ask(&page("/half"), address).await, Probed::Failed);
    let (nobody, address) = listener().await;
    drop(nobody);
    assert_eq!(ask(&page("/200"), address).await, Probed::Failed);
    assert_eq!(ask(&TcpProbe::connect(), address).await, Probed::Failed);
}

#[tokio::test]
async fn a_connection_is_enough_only_if_nothing_more_is_expected() {
    let (listener, address) = listener().await;
    let peer = spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            spawn(async move {
                let mut word = [0; 4];
                if stream.read_exact(&mut word).await.is_ok() && &word == b"PING" {
                    stream.write_all(b"+PO").await.unwrap();
                    stream.write_all(b"NG\r\n").await.unwrap();
                }
                std::future::pending::<()>().await;
            });
        }
    });
    let exchange =
        |send: &'static str, expect: &'static str| TcpProbe::exchange(send, expect).unwrap();
    assert_eq!(ask(&TcpProbe::connect(), address).await, Probed::Passed);
    assert_eq!(
        ask(&exchange("PING", "PONG"), address).await,
        Probed::Passed
    );
    assert_eq!(ask(&exchange("PING", "OK"), address).await, Probed::Failed);
    assert_eq!(ask(&exchange("", "PONG"), address).await, Probed::Failed);
    peer.abort();
}

#[test]
fn expectations_that_cannot_be_met_are_refused() {
    let refused = |change: fn(&mut HttpExpectation)| {
        let mut expectation = HttpExpectation::default();
        change(&mut expectation);
        let client = Client::new(&ClientPolicy::default()).unwrap();
        HttpProbe::new(client, expectation).err()
    };
    let range = |name| Some(InvalidPolicy::OutOfRange(name));
    assert_eq!(refused(|_| ()), None);
    assert_eq!(refused(|e| e.path = "health".into()), range("path"));
    assert_eq!(refused(|e| e.path = "/a b".into()), range("path"));
    assert_eq!(
        refused(|e| e.expected.clear()),
        Some(InvalidPolicy::Zero("expected"))
    );
    assert_eq!(refused(|e| e.expected = vec![99..=200]), range("expected"));
    assert_eq!(
        refused(|e| e.retriable = vec![500..=600]),
        range("retriable")
    );
    assert_eq!(
        TcpProbe::exchange("", "").err(),
        Some(InvalidPolicy::Zero("expect"))
    );
}

#[test]
fn a_report_is_believed_until_its_time_is_over_and_no_longer() {
    let ttl = Ttl::new(10 * SECOND).unwrap();
    let (now, tick) = (Instant::now() + SECOND, Duration::from_nanos(1));
    assert!(!ttl.report_at("a", true, now), "nobody knows it");
    ttl.update(&set("a b"));
    assert!(!ttl.is_passing("a", now), "it said nothing yet");
    assert!(ttl.report_at("a", true, now));
    assert!(ttl.is_passing("a", now + 10 * SECOND));
    assert!(!ttl.is_passing("a", now + 10 * SECOND + tick));
    // A clock that steps back makes no report older, and none younger.
    assert!(ttl.report_at("a", true, now - SECOND));
    assert!(ttl.is_passing("a", now + 10 * SECOND));
    ttl.update(&set("b a"));
    assert!(ttl.is_passing("a", now));
    assert!(ttl.report_at("a", false, now));
    assert!(!ttl.is_passing("a", now));
    ttl.update(&[]);
    assert!(!ttl.report_at("a", true, now));
    assert_eq!(
        Ttl::new(Duration::ZERO).err(),
        Some(InvalidPolicy::Zero("ttl"))
    );
}
