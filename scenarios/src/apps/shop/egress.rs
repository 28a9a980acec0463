//! How a service calls others: through a gateway of its own, so that every call has a deadline, a
//! breaker for each endpoint, and retries within a budget.

use crate::{apps::Place, hooks::Hooks};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use serde::Serialize;
use std::{io, time::Duration};
use tokio::time::Instant;
use windtunnel_models::{
    gateway::{
        Gateway,
        config::{Breaker, Config, Planted, Pool, Retry, Route, Upstream},
    },
    http::{self as http_model, deadline},
};

/// Calls replicas by their names.
#[derive(Clone)]
pub struct Egress {
    gateway: Gateway,
    limit: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

/// The largest body that is read.
const LARGEST: usize = 64 << 10;

impl Egress {
    /// Calls the replicas of `services`; each call may take at most `limit`.
    ///
    /// # Errors
    /// If the settings cannot work.
    pub fn new(
        place: &Place,
        services: &[&str],
        limit: Duration,
        planted: Planted,
    ) -> io::Result<Self> {
        let mut config = Config {
            name: place.name.clone(),
            deadline: limit,
            planted,
            pool: Pool {
                connect_timeout: Duration::from_millis(300),
                ..Pool::default()
            },
            ..Config::default()
        };
        for service in services {
            for (number, endpoint) in place.replicas(service).iter().enumerate() {
                let name = format!("{service}-{number}");
                config.upstreams.insert(name.clone(), upstream(endpoint));
                config.routes.push(route(name));
            }
        }
        let rng = ChaCha8Rng::seed_from_u64(place.seed ^ 0x5eed);
        let hooks = Hooks::new(&place.name, "client");
        let gateway = Gateway::new(config, rng, hooks)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
        Ok(Self { gateway, limit })
    }

    /// Posts `body` to a path of a replica. `key` makes the request one that may be repeated.
    ///
    /// # Errors
    /// If the answer broke off. Every refusal on the way is an answer with a status.
    pub async fn post(
        &self,
        replica: &str,
        path: &str,
        key: &str,
        body: &impl Serialize,
        until: Option<Instant>,
    ) -> io::Result<Reply> {
        let bytes = serde_json::to_vec(body).map_err(io::Error::other)?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(http::header::HOST, replica)
            .header(http::header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .header(http::header::CONTENT_LENGTH, bytes.len())
            .body(Full::new(Bytes::from(bytes)))
            .map_err(io::Error::other)?;
        let now = Instant::now();
        let until = until.unwrap_or(now + self.limit);
        deadline::write(request.headers_mut(), until, now);
        let (head, body) = self.gateway.handle(request).await.into_parts();
        let body = http_model::collect(body, LARGEST, None)
            .await
            .map_err(io::Error::other)?;
        Ok(Reply {
            status: head.status,
            body,
        })
    }
}

fn upstream(endpoint: &str) -> Upstream {
    let breaker = Breaker {
        consecutive_failures: 5,
        open_for: Duration::from_millis(500),
        trial_timeout: Duration::from_secs(2),
        ..Breaker::default()
    };
    Upstream {
        breaker: Some(breaker),
        ..Upstream::of([endpoint])
    }
}

fn route(name: String) -> Route {
    Route {
        hosts: vec![name.clone()],
        retry: Some(Retry::default()),
        ..Route::to(name.clone(), name)
    }
}
