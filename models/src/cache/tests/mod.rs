//! What the cache does, against the RFC's cases, a reference predicate, and drops at every await.

mod cases;
mod edge_cases;
mod flights;
mod laws;
mod loading;
mod table;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, request};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::{Found, HttpCache, Key, Plan, Rules, Size, Wall};
use crate::http::{Body, collect, full};

/// Sunday, 6 November 1994, 08:49:37 GMT.
const START: u64 = 784_111_777;

/// A cache, and what it is asked with.
struct Kit {
    cache: HttpCache,
    rules: Arc<Rules>,
}

impl Kit {
    fn new() -> Self {
        Self::with(Rules {
            jitter: 0.0,
            ..Rules::default()
        })
    }

    fn with(rules: Rules) -> Self {
        let wall = Wall::new(Instant::now(), Duration::from_secs(START));
        let size = Size {
            bytes: 1 << 20,
            entries: 100,
        };
        Self {
            cache: HttpCache::new("test", size, wall, ChaCha8Rng::seed_from_u64(1)),
            rules: Arc::new(rules),
        }
    }

    async fn plan(&self, head: &request::Parts) -> Plan {
        let until = Instant::now() + Duration::from_secs(60);
        self.cache.begin(head, &key(head), &self.rules, until).await
    }

    /// Asks, and lets `origin` answer if it is asked.
    async fn ask(
        &self,
        head: &request::Parts,
        origin: impl FnOnce(&HeaderMap) -> Response<Body>,
    ) -> (Found, u16, Bytes, HeaderMap) {
        let (found, response) = match self.plan(head).await {
            Plan::Answer(response, found) => (found, response),
            Plan::Refresh(response, _) => (Found::Stale, response),
            Plan::Fetch(fill) => {
                let mut headers = head.headers.clone();
                fill.prepare(&mut headers);
                let filled = fill.finish(origin(&headers));
                (filled.found, filled.response)
            }
            Plan::Late => panic!("nobody fetches"),
        };
        let (head, body) = response.into_parts();
        let body = collect(body, 1 << 20, None).await.unwrap();
        (found, head.status.as_u16(), body, head.headers)
    }
}

fn key(head: &request::Parts) -> Key {
    let host = head
        .headers
        .get("host")
        .map_or("a", |host| host.to_str().unwrap());
    Key::new("http", host, head.uri.path(), head.uri.query())
}

fn lines(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) = line.split_once(':').unwrap();
        let name = HeaderName::from_bytes(name.trim().as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
    }
    headers
}

fn asked(method: &str, path: &str, headers: &str) -> request::Parts {
    let mut head = Request::new(()).into_parts().0;
    head.method = method.parse().unwrap();
    head.uri = path.parse().unwrap();
    head.headers = lines(headers);
    head
}

fn get(headers: &str) -> request::Parts {
    asked("GET", "/x", headers)
}

fn said(status: u16, headers: &str, body: &'static str) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status.try_into().unwrap();
    *response.headers_mut() = lines(headers);
    response
}
