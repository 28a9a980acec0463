//! The way of a mirrored request: off in a task of its own, its answer read and thrown away.

use std::sync::Arc;

use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use super::action::{Copied, Mirror};
use super::config::Planted;
use super::exchange::{Exchange, address};
use super::judgement::Failure;
use super::observer::{MirrorEnd, Mirrored};
use super::service::Shared;
use super::upload::Upload;
use crate::http::{Body, Client, deadline};
use crate::trace::{self, TraceContext};

/// Tells the upstream that its answer is not waited for, and who copied the request.
const MIRRORED_BY: HeaderName = HeaderName::from_static("x-mirrored-by");

/// A copy of a request before it is sent.
struct Shadow {
    client: (Client, Scheme),
    shared: Arc<Shared>,
    mirror: Arc<Mirror>,
    method: Method,
    target: PathAndQuery,
    headers: HeaderMap,
    upload: Upload,
    trace: TraceContext,
    key: Option<u64>,
    planted: Planted,
}

/// Sends copies of a request to the mirrors of its route. Returns at once; nothing that happens to a copy
/// reaches the request.
pub(super) fn cast(exchange: &Exchange) {
    if exchange.admitted.upgrade.is_some() {
        return;
    }
    for mirror in &exchange.admitted.route.mirrors {
        if !mirror.wants(&exchange.head.method) {
            continue;
        }
        let skipped = match (exchange.upload.copy(), mirror.admit()) {
            (None, _) => "body",
            (Some(_), None) => "full",
            (Some(upload), Some(copied)) => {
                let shadow = Shadow::new(exchange, mirror.clone(), upload);
                tokio::spawn(trace::within(
                    Some(exchange.admitted.trace.trace_id()),
                    shadow.run(copied),
                ));
                continue;
            }
        };
        exchange.shared.observer.mirrored(&Mirrored {
            upstream: mirror.upstream().name(),
            end: MirrorEnd::Skipped(skipped),
        });
    }
}

impl Shadow {
    fn new(exchange: &Exchange, mirror: Arc<Mirror>, upload: Upload) -> Self {
        let mut headers = exchange.head.headers.clone();
        if let Ok(name) = HeaderValue::try_from(&exchange.snapshot.config.name) {
            headers.insert(MIRRORED_BY, name);
        }
        let (snapshot, upstream) = (&exchange.snapshot, mirror.upstream());
        Self {
            client: exchange.shared.client(snapshot, upstream),
            shared: exchange.shared.clone(),
            mirror,
            method: exchange.head.method.clone(),
            target: exchange.admitted.target.clone(),
            headers,
            upload,
            trace: exchange.admitted.trace,
            key: exchange.admitted.key,
            planted: exchange.snapshot.config.planted,
        }
    }

    async fn run(mut self, copied: Copied) {
        let until = Instant::now() + self.mirror.deadline();
        let end = match timeout_at(until, self.send(until)).await {
            Ok(end) => end,
            Err(_) => MirrorEnd::Failed("deadline"),
        };
        self.shared.observer.mirrored(&Mirrored {
            upstream: self.mirror.upstream().name(),
            end,
        });
        drop(copied);
    }

    async fn send(&mut self, until: Instant) -> MirrorEnd {
        let (trace, planted) = (self.trace.trace_id(), self.planted);
        let upstream = self.mirror.upstream();
        let mut flight = match upstream.pick(&[], self.key, (1, trace), planted) {
            Ok(flight) => flight,
            Err(refusal) => return MirrorEnd::Skipped(refusal.kind()),
        };
        let (client, scheme) = self.client.clone();
        let Some(request) = self.request((flight.endpoint(), scheme), until) else {
            return MirrorEnd::Failed("deadline");
        };
        let answer = client.send(request, Some(until)).await;
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                let failure = Failure::of(&error, u64::MAX);
                flight.settle(failure.outcome);
                return MirrorEnd::Failed(error.kind());
            }
        };
        let status = response.status();
        flight.answered(&response);
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return MirrorEnd::Failed("body");
            }
        }
        flight.complete();
        MirrorEnd::Answered(status)
    }

    fn request(&mut self, at: (&str, Scheme), until: Instant) -> Option<Request<Body>> {
        let mut headers = std::mem::take(&mut self.headers);
        if !deadline::write(&mut headers, until, Instant::now()) {
            return None;
        }
        self.shared
            .with_rng(|rng| self.trace.write(&mut headers, rng));
        let uri = address(at, &self.target)?;
        let mut request = Request::new(self.upload.send(&mut headers));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Some(request)
    }
}
