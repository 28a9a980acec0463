//! Clients behind a gateway with backends: a reverse proxy of hyper's connections that is the same
//! source in each network, takes backends in turn and keeps its connections to them.

use crate::{
    exchange::{Version, app, ask, serve},
    worlds::{Host, Task, World},
};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::{client::conn::http1, server, service::service_fn};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use windtunnel_models::http::Io;
use windtunnel_record::Span;

/// How many backends there are.
const BACKENDS: usize = 8;

type Sender = http1::SendRequest<Empty<Bytes>>;

/// Idle connections to the backends.
#[derive(Default)]
struct Pool {
    idle: [Mutex<Vec<Sender>>; BACKENDS],
    next: AtomicUsize,
}

impl Pool {
    async fn sender<W: World>(&self) -> (usize, Sender) {
        let backend = self.next.fetch_add(1, Ordering::Relaxed) % BACKENDS;
        let kept = self.idle[backend].lock().expect("nobody panics").pop();
        if let Some(mut sender) = kept
            && sender.ready().await.is_ok()
        {
            return (backend, sender);
        }
        let stream = W::connect(format!("backend-{backend}")).await;
        let stream = Io::new(stream.expect("it listens"));
        let (sender, connection) = http1::handshake(stream).await.expect("a stream");
        W::spawn(Box::pin(async {
            connection.await.ok();
        }));
        (backend, sender)
    }

    async fn forward<W: World>(&self) -> hyper::Result<hyper::Response<hyper::body::Incoming>> {
        let (backend, mut sender) = self.sender::<W>().await;
        let response = sender.send_request(crate::exchange::request()).await;
        self.idle[backend]
            .lock()
            .expect("nobody panics")
            .push(sender);
        response
    }
}

async fn gateway<W: World>() {
    let pool = Arc::new(Pool::default());
    let accepted = W::accept(move |stream| {
        let pool = pool.clone();
        async move {
            let service = service_fn(move |_| {
                let pool = pool.clone();
                async move { pool.forward::<W>().await }
            });
            let served =
                server::conn::http1::Builder::new().serve_connection(Io::new(stream), service);
            served.await.ok();
        }
    });
    accepted.await.expect("the port is free");
}

async fn backend<W: World>() {
    let accepted = W::accept(|stream| serve(stream, app(), Version::Http1, W::spawn));
    accepted.await.expect("the port is free");
}

/// `clients` clients that together make `requests` requests.
pub fn exchange<W: World>(clients: u32, requests: u32) {
    let host = |name: String, main: fn() -> Task| Host {
        name,
        main: Box::new(main),
    };
    let mut servers = vec![host("gateway".into(), || Box::pin(gateway::<W>()))];
    for number in 0..BACKENDS {
        servers.push(host(format!("backend-{number}"), || {
            Box::pin(backend::<W>())
        }));
    }
    let each = requests / clients;
    let client = move || -> Task {
        Box::pin(async move {
            let stream = W::connect("gateway".into()).await.expect("it listens");
            ask(stream, each, Version::Http1, W::spawn).await;
        })
    };
    let clients = (0..clients).map(|number| Host {
        name: format!("client-{number}"),
        main: Box::new(client),
    });
    W::run(servers, clients.collect(), Span::from_secs(36_000));
}
