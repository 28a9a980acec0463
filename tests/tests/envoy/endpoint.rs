//! An endpoint that answers as scripted and remembers what it was asked.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn};
use tower::service_fn;
use windtunnel_models::http::{self as wire, full};

/// How an endpoint behaves.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    /// Answers with this status at once.
    Status(u16),
    /// Never answers.
    Silence,
}

/// What an endpoint was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Path and query.
    pub target: String,
    /// All headers as they arrived.
    pub headers: HeaderMap,
}

/// An endpoint on a port of its own.
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<wire::Drained>,
}

impl Endpoint {
    /// Starts one.
    pub async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let log = asked.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            log.lock().unwrap().push(Asked {
                target: request.uri().to_string(),
                headers: request.headers().clone(),
            });
            answer(behaviour, address)
        });
        let task = spawn(wire::serve(listener, service, pending()));
        Self {
            address,
            asked,
            task,
        }
    }

    /// Everything it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How often it was asked so far.
    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn answer(
    behaviour: Behaviour,
    address: SocketAddr,
) -> impl Future<Output = Result<Response<wire::Body>, Infallible>> {
    async move {
        match behaviour {
            Behaviour::Silence => pending().await,
            Behaviour::Status(status) => Ok(Response::builder()
                .status(status)
                .header("x-endpoint", address.port().to_string())
                .body(full(""))
                .expect("a valid status")),
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}
