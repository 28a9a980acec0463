//! One fetch for the cache: what is asked of the origin, and what becomes of its answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AGE, CONTENT_LENGTH, CONTENT_RANGE, HeaderValue, LOCATION};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

use super::directives::Directives;
use super::entry::Entry;
use super::flight::Ended;
use super::http_cache::{FlightKey, Shared};
use super::key::Key;
use super::range::{self, Part};
use super::rules::Rules;
use super::status::Found;
use super::{conditional, freshness, reuse, storage, vary};
use crate::http::{Body, BoxError, boxed, empty, full};

/// The key of a fetch that others wait for; dropping it lets one of them take over.
struct Lead {
    shared: Arc<Shared>,
    key: Option<FlightKey>,
}

impl Lead {
    fn end(mut self, ended: Ended) {
        if let Some(key) = self.key.take() {
            let waiters = self.shared.with(|inner| inner.flights.end(&key));
            waiters.tell(ended);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let waiters = self.shared.with(|inner| inner.flights.end(&key));
            // Whoever of them looks first fetches.
            drop(waiters);
        }
    }
}

/// A fetch that the cache asked for. It is handed the answer's head; the body is stored while it streams
/// past, and a body that breaks off is not stored.
pub struct Fill {
    shared: Arc<Shared>,
    key: Key,
    rules: Arc<Rules>,
    method: Method,
    request: HeaderMap,
    stored: Option<Arc<Entry>>,
    lead: Option<Lead>,
    bypass: bool,
    since: u64,
    started: Instant,
}

/// The answer for the client.
pub struct Filled {
    /// Head and body.
    pub response: Response<Body>,
    /// How it came about.
    pub found: Found,
}

impl Fill {
    pub(super) fn new(
        shared: Arc<Shared>,
        key: Key,
        rules: Arc<Rules>,
        (method, request): (Method, HeaderMap),
        stored: Option<Arc<Entry>>,
    ) -> Self {
        let since = shared.with(|inner| inner.store.invalidations());
        Self {
            shared,
            key,
            rules,
            method,
            request,
            stored,
            lead: None,
            bypass: false,
            since,
            started: Instant::now(),
        }
    }

    pub(super) fn with(mut self, flight: Option<FlightKey>, bypass: bool) -> Self {
        let shared = self.shared.clone();
        self.lead = flight.map(|key| Lead {
            shared,
            key: Some(key),
        });
        self.bypass = bypass;
        self
    }

    /// Changes a request's fields to what has to be asked: everything, or whether something changed.
    pub fn prepare(&self, headers: &mut HeaderMap) {
        if !self.bypass {
            let stored = self.stored.as_deref();
            conditional::prepare(headers, stored.filter(|entry| entry.can_be_validated()));
        }
    }

    /// There is no answer: what is stored stands in, if it may. None: the error is the answer.
    pub fn failed(mut self) -> Option<Filled> {
        self.stand_in()
    }

    /// Turns the origin's answer into the client's.
    pub fn finish(mut self, response: Response<Body>) -> Filled {
        let status = response.status();
        if self.bypass {
            self.invalidate(&response);
            return self.filled(response, Found::Bypass);
        }
        if matches!(status.as_u16(), 500 | 502 | 503 | 504)
            && let Some(filled) = self.stand_in()
        {
            return filled;
        }
        if status == StatusCode::NOT_MODIFIED
            && let Some(stored) = self.stored.take()
        {
            return self.validated(&stored, response);
        }
        let headers = response.headers();
        let may = storage::may_store(&self.method, &self.request, status, headers, &self.rules);
        if may && let Some(entry) = self.entry(status, headers, Bytes::new()) {
            let shared = self.shared.clone();
            let response = response.map(|body| boxed(Storing::new(body, self, entry)));
            shared.counts.add(Found::Miss);
            return Filled {
                response: mark_only(&shared, response, Found::Miss),
                found: Found::Miss,
            };
        }
        // A server in trouble says nothing about the key: the next one may fetch.
        if !status.is_server_error() {
            self.give_up(true);
        }
        self.filled(response, Found::Miss)
    }

    /// Nothing was stored, and nobody needs to wait for the next answer either.
    fn give_up(&mut self, forget: bool) {
        let now = Instant::now();
        let flight = self.lead.as_ref().and_then(|lead| lead.key.clone());
        self.shared.with(|inner| {
            if forget {
                inner.store.drop_selected(&self.key, &self.request);
            }
            if let Some(flight) = &flight {
                inner.pass(flight, now);
            }
        });
        self.end(Ended::Done);
    }

    fn end(&mut self, ended: Ended) {
        if let Some(lead) = self.lead.take() {
            lead.end(ended);
        }
    }

    fn filled(&self, response: Response<Body>, found: Found) -> Filled {
        let response = mark(&self.shared, response, found);
        Filled { response, found }
    }

    fn stand_in(&mut self) -> Option<Filled> {
        let now = Instant::now();
        let stored = self.stored.clone()?;
        let asked = Directives::of_request(&self.request);
        if !reuse::stands_in(&stored, &asked, &self.rules, now) {
            return None;
        }
        self.end(Ended::Failed);
        let response = answer(&stored, &self.request, false, now);
        Some(self.filled(response, Found::Degraded))
    }

    /// A 304: the stored answer with the new head is the answer.
    fn validated(&mut self, stored: &Entry, response: Response<Body>) -> Filled {
        let about = conditional::is_about(response.headers(), stored);
        let head = storage::updated_head(&stored.headers, response.headers());
        let entry = self.entry(stored.status, &head, stored.body.clone());
        let (true, Some(entry)) = (about, entry) else {
            self.give_up(true);
            let mut response = Response::new(empty());
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            return self.filled(response, Found::Miss);
        };
        let response = answer(&entry, &self.request, false, Instant::now());
        let may = storage::may_store(
            &self.method,
            &self.request,
            stored.status,
            &head,
            &self.rules,
        );
        if may {
            self.keep(entry);
            self.end(Ended::Done);
        } else {
            self.give_up(true);
        }
        self.filled(response, Found::Revalidated)
    }

    /// An answer as it would be stored; none if its `Vary` matches nothing.
    fn entry(&self, status: StatusCode, headers: &HeaderMap, body: Bytes) -> Option<Entry> {
        let received = Instant::now();
        let unix = self.shared.wall.unix(received);
        let said = Directives::of_response(headers);
        let names = vary::names(headers)?;
        let lifetime = freshness::lifetime(status, &said, headers, unix, &self.rules);
        let took = received.saturating_duration_since(self.started);
        let draw = self.shared.with(|inner| inner.rng.next_u64());
        let entry = Entry {
            status,
            initial: freshness::initial_age(headers, unix, took),
            headers: storage::stored_head(headers),
            body,
            said,
            selecting: vary::select(&names, &self.request),
            received,
            lifetime: shortened(lifetime, self.rules.jitter, draw),
        };
        Some(entry)
    }

    fn keep(&self, entry: Entry) {
        let useful = entry.can_be_validated() || !entry.lifetime.is_zero();
        self.shared.with(|inner| {
            // What was asked for before somebody changed it is the old state.
            if useful && inner.store.is_valid(&self.key, self.since) {
                inner.store.put(&self.key, entry, &self.request);
            }
        });
    }

    /// A request that may have changed something makes what is stored of it useless.
    fn invalidate(&self, response: &Response<Body>) {
        let safe = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE];
        let status = response.status();
        if safe.contains(&self.method) || !(status.is_success() || status.is_redirection()) {
            return;
        }
        let mut keys = vec![self.key.clone()];
        for name in [LOCATION, http::header::CONTENT_LOCATION] {
            let place = response.headers().get(name);
            let place = place.and_then(|place| place.to_str().ok());
            keys.extend(place.and_then(|place| self.key.beside(place)));
        }
        self.shared.with(|inner| {
            for key in &keys {
                inner.store.invalidate(key);
            }
        });
    }
}

/// Takes a random part off a lifetime, at most the share `jitter` of it.
fn shortened(lifetime: Duration, jitter: f64, draw: u64) -> Duration {
    let unit = (draw >> 11) as f64 / (1u64 << 53) as f64;
    lifetime.mul_f64(1.0 - jitter * unit).min(lifetime)
}

/// Adds `Cache-Status`, and counts.
pub(super) fn mark(shared: &Shared, response: Response<Body>, found: Found) -> Response<Body> {
    shared.counts.add(found);
    mark_only(shared, response, found)
}

fn mark_only(shared: &Shared, mut response: Response<Body>, found: Found) -> Response<Body> {
    if let Ok(value) = HeaderValue::try_from(found.header(&shared.name)) {
        response.headers_mut().append("cache-status", value);
    }
    response
}

/// A stored answer as the answer to a request: 304, 206, 416 or the whole.
pub(super) fn answer(
    entry: &Entry,
    request: &HeaderMap,
    head_only: bool,
    now: Instant,
) -> Response<Body> {
    let mut response = Response::new(empty());
    let headers = response.headers_mut();
    headers.clone_from(&entry.headers);
    headers.insert(AGE, HeaderValue::from(entry.age(now).as_secs()));
    if entry.status == StatusCode::OK && conditional::is_unchanged(request, entry) {
        headers.remove(CONTENT_LENGTH);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    let size = entry.body.len();
    let part = if head_only {
        Part::Whole
    } else {
        range::part(request, entry)
    };
    let (status, body, said) = match part {
        Part::Whole => (entry.status, entry.body.clone(), None),
        Part::Bytes(from, to) => {
            let said = format!("bytes {from}-{to}/{size}");
            (
                StatusCode::PARTIAL_CONTENT,
                entry.body.slice(from..=to),
                Some(said),
            )
        }
        Part::Outside => {
            let said = format!("bytes */{size}");
            (StatusCode::RANGE_NOT_SATISFIABLE, Bytes::new(), Some(said))
        }
    };
    if let Some(said) = said.and_then(|said| HeaderValue::try_from(said).ok()) {
        headers.insert(CONTENT_RANGE, said);
    }
    if status != StatusCode::NO_CONTENT {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    *response.status_mut() = status;
    if !head_only && !body.is_empty() {
        *response.body_mut() = full(body);
    }
    response
}

/// A body on its way to the client, of which a copy is made. It is stored when its last byte passed.
struct Storing {
    body: Body,
    fill: Option<(Fill, Entry)>,
    so_far: BytesMut,
}

impl Storing {
    fn new(body: Body, fill: Fill, entry: Entry) -> Self {
        let mut storing = Self {
            body,
            fill: Some((fill, entry)),
            so_far: BytesMut::new(),
        };
        if storing.body.is_end_stream() {
            storing.complete();
        }
        storing
    }

    fn complete(&mut self) {
        let Some((mut fill, mut entry)) = self.fill.take() else {
            return;
        };
        let announced = entry.headers.get(CONTENT_LENGTH);
        let announced = announced.and_then(|size| size.to_str().ok()?.parse().ok());
        if announced.is_some_and(|size: usize| size != self.so_far.len()) {
            return;
        }
        entry.body = std::mem::take(&mut self.so_far).freeze();
        fill.keep(entry);
        fill.end(Ended::Done);
    }

    /// It cannot be stored, and those who wait need not wait on.
    fn pass(&mut self) {
        self.so_far = BytesMut::new();
        if let Some((mut fill, _)) = self.fill.take() {
            fill.give_up(true);
        }
    }

    fn see(&mut self, frame: &Frame<Bytes>) {
        let Some((fill, _)) = &self.fill else { return };
        match frame.data_ref() {
            Some(data) if data.len() <= fill.rules.max_body - self.so_far.len() => {
                self.so_far.extend_from_slice(data);
            }
            // Too large; or trailers, which would be lost.
            _ => self.pass(),
        }
        if self.body.is_end_stream() {
            self.complete();
        }
    }
}

impl http_body::Body for Storing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.see(frame),
            // Dropping the fill hands over.
            Poll::Ready(Some(Err(_))) => self.fill = None,
            Poll::Ready(None) => self.complete(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
