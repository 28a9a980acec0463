//! A store with a hundred things to sell. Every sale is a byte in a file, on the disk before the
//! answer goes out.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use std::{convert::Infallible, io, sync::Arc};
use tokio::{
    fs::{File, OpenOptions},
    io::AsyncWriteExt,
    net::TcpListener,
    sync::Mutex,
};
use windtunnel_models::http::Io;

const STOCK: u64 = 100;

struct Store {
    sold: u64,
    sales: File,
}

impl Store {
    async fn open() -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let sales = options.create(true).append(true).open("sales").await?;
        Ok(Self {
            sold: sales.metadata().await?.len(),
            sales,
        })
    }

    async fn sell(&mut self) -> io::Result<bool> {
        if self.sold == STOCK {
            return Ok(false);
        }
        self.sales.write_all(b".").await?;
        self.sales.sync_data().await?;
        self.sold += 1;
        tracing::info!(target: "observe", what = "sold", amount = 1);
        Ok(true)
    }
}

async fn answer(
    store: Arc<Mutex<Store>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let status = match (request.method(), request.uri().path()) {
        (&Method::POST, "/buy") => match store.lock().await.sell().await {
            Ok(true) => StatusCode::OK,
            Ok(false) => StatusCode::CONFLICT,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        },
        _ => StatusCode::NOT_FOUND,
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    Ok(response)
}

/// Opens the store and serves for ever.
pub async fn run() -> io::Result<()> {
    let store = Arc::new(Mutex::new(Store::open().await?));
    tracing::info!(target: "observe", what = "stocked", once = "opening", amount = STOCK);
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let store = store.clone();
        let service = service_fn(move |request| answer(store.clone(), request));
        tokio::spawn(http1::Builder::new().serve_connection(Io::new(stream), service));
    }
}
