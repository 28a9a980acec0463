//! The operator's questions as a service.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Method, Request, Response, StatusCode};

use super::{Control, secrets};
use crate::gateway::Gateway;
use crate::gateway::telemetry::{self, Format, Source, exposition};
use crate::http::{Body, full};

/// Answers an operator; clones share everything.
#[derive(Clone)]
pub struct Admin {
    gateway: Gateway,
    sources: Arc<[Arc<dyn Source>]>,
    control: Arc<dyn Control>,
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

impl Admin {
    /// Answers for `gateway`, whose own numbers are read with those of `sources`.
    pub fn new(
        gateway: Gateway,
        sources: impl IntoIterator<Item = Arc<dyn Source>>,
        control: Arc<dyn Control>,
    ) -> Self {
        let own: Arc<dyn Source> = Arc::new(gateway.clone());
        Self {
            gateway,
            sources: std::iter::once(own).chain(sources).collect(),
            control,
        }
    }

    /// Answers one request.
    pub async fn handle<B>(&self, request: &Request<B>) -> Response<Body> {
        let asked = (request.method(), request.uri().path());
        match asked {
            (&Method::GET | &Method::HEAD, path) => match self.read(path, request) {
                Some(answer) => answer,
                None if matches!(path, "/reload" | "/drain") => wrong_method("POST"),
                None => unknown(),
            },
            // A page from elsewhere can make a browser send a POST to this machine; it says from where.
            (&Method::POST, "/reload" | "/drain") if request.headers().contains_key(ORIGIN) => {
                let told = "orders from web pages are not taken\n";
                answer(StatusCode::FORBIDDEN, TEXT, told.to_owned())
            }
            (&Method::POST, "/drain") => {
                self.control.drain();
                answer(StatusCode::ACCEPTED, TEXT, "draining\n".to_owned())
            }
            (&Method::POST, "/reload") => match self.control.reload().await {
                Ok(()) => answer(StatusCode::OK, TEXT, "reloaded\n".to_owned()),
                Err(problems) => answer(StatusCode::UNPROCESSABLE_ENTITY, TEXT, problems),
            },
            (_, path) if self.read(path, request).is_some() => wrong_method("GET, HEAD"),
            (_, "/reload" | "/drain") => wrong_method("POST"),
            _ => unknown(),
        }
    }

    /// What there is to read under `path`.
    fn read<B>(&self, path: &str, request: &Request<B>) -> Option<Response<Body>> {
        let ok = StatusCode::OK;
        let told = match path {
            "/" => answer(ok, TEXT, PATHS.to_owned()),
            "/live" => answer(ok, TEXT, "live\n".to_owned()),
            "/ready" if self.control.is_ready() => answer(ok, TEXT, "ready\n".to_owned()),
            "/ready" => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                answer(status, TEXT, "not ready\n".to_owned())
            }
            "/config" => json(self.config()),
            "/endpoints" => {
                let states = serde_json::to_value(self.gateway.endpoints());
                json(states.unwrap_or_default())
            }
            "/stats" => json(telemetry::json(&telemetry::gather(&self.sources))),
            "/metrics" => {
                let accept = request.headers().get(ACCEPT);
                let accept = accept.and_then(|accept| accept.to_str().ok());
                let format = Format::accepted(accept);
                let page = exposition(&telemetry::gather(&self.sources), format);
                answer(ok, format.media_type(), page)
            }
            _ => return None,
        };
        Some(told)
    }

    fn config(&self) -> serde_json::Value {
        // A configuration is made of texts, numbers and tables with texts as keys: it has a JSON form.
        let mut config = serde_json::to_value(self.gateway.config()).unwrap_or_default();
        secrets::hide(&mut config);
        config
    }
}

const PATHS: &str = "GET /live /ready /config /endpoints /stats /metrics; POST /reload /drain\n";

fn json(value: serde_json::Value) -> Response<Body> {
    answer(StatusCode::OK, JSON, format!("{value:#}\n"))
}

fn unknown() -> Response<Body> {
    answer(StatusCode::NOT_FOUND, TEXT, PATHS.to_owned())
}

fn wrong_method(right: &'static str) -> Response<Body> {
    let told = format!("use {right}\n");
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, told);
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(right));
    response
}

fn answer(status: StatusCode, media_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(full(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

impl<B: Send + Sync + 'static> tower::Service<Request<B>> for Admin {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let admin = self.clone();
        Box::pin(async move { Ok(admin.handle(&request).await) })
    }
}
