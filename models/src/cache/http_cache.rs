//! The cache: what becomes of a request, and who fetches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, RANGE, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Response, StatusCode, request};
use rand_core::Rng;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::conditional;
use super::date::Wall;
use super::directives::Directives;
use super::entry::Entry;
use super::fill::{Fill, answer};
use super::flight::{Ended, Flights, Part};
use super::key::Key;
use super::reuse::{self, Reuse};
use super::rules::Rules;
use super::status::{Counts, Found};
use super::store::{self, Size, Store};
use super::vary;
use crate::http::{Body, empty};

/// Who may wait for one fetch.
const MOST_WAITERS: usize = 10_000;
/// Keys that are known for answers that cannot be stored.
const MOST_PASSES: usize = 4_096;
/// How long such a key is remembered.
const PASS: Duration = Duration::from_secs(10);

pub(super) type FlightKey = (Key, Vec<Vec<String>>);

/// What is behind the lock.
pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) flights: Flights<FlightKey>,
    passes: BTreeMap<FlightKey, Instant>,
    pub(super) rng: Box<dyn Rng + Send>,
}

impl Inner {
    /// Those who ask for this within the next seconds do not wait for each other.
    pub(super) fn pass(&mut self, key: &FlightKey, now: Instant) {
        if self.passes.len() >= MOST_PASSES {
            self.passes.retain(|_, until| *until > now);
        }
        if self.passes.len() < MOST_PASSES {
            self.passes.insert(key.clone(), now + PASS);
        }
    }
}

pub(super) struct Shared {
    inner: Mutex<Inner>,
    pub(super) name: String,
    pub(super) wall: Wall,
    pub(super) counts: Counts,
}

impl Shared {
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What becomes of a request.
pub enum Plan {
    /// This is the answer.
    Answer(Response<Body>, Found),
    /// This is the answer; somebody has to fetch a newer one meanwhile.
    Refresh(Response<Body>, Box<Fill>),
    /// Fetch it, and hand the answer to the fill.
    Fetch(Box<Fill>),
    /// The deadline passed while another fetched, or too many wait already.
    Late,
}

/// A shared HTTP cache; clones share everything.
#[derive(Clone)]
pub struct HttpCache {
    pub(super) shared: Arc<Shared>,
}

impl HttpCache {
    /// An empty cache. `name` is what it calls itself in `Cache-Status`; `rng` draws how much of each
    /// lifetime is taken off.
    pub fn new(
        name: impl Into<String>,
        size: Size,
        wall: Wall,
        rng: impl Rng + Send + 'static,
    ) -> Self {
        let inner = Inner {
            store: Store::new(size),
            flights: Flights::new(MOST_WAITERS),
            passes: BTreeMap::new(),
            rng: Box::new(rng),
        };
        Self {
            shared: Arc::new(Shared {
                inner: Mutex::new(inner),
                name: name.into(),
                wall,
                counts: Counts::default(),
            }),
        }
    }

    /// Decides what becomes of a request, and waits, at most until `until`, if another fetches the same.
    ///
    /// # Cancellation
    ///
    /// Nothing is held while waiting. Dropping a [`Fill`] lets one of those who wait take over.
    pub async fn begin(
        &self,
        head: &request::Parts,
        key: &Key,
        rules: &Arc<Rules>,
        until: Instant,
    ) -> Plan {
        let mut heard = None;
        loop {
            let mut question = Question {
                cache: self,
                head,
                key,
                rules,
                asked: Directives::of_request(&head.headers),
                now: Instant::now(),
            };
            let told = match question.decide(heard) {
                Step::Plan(plan) => return plan,
                Step::Wait(told) => told,
                Step::Again => continue,
            };
            match timeout_at(until, told).await {
                Ok(Ok(ended)) => heard = Some(ended),
                Ok(Err(_)) => heard = None,
                Err(_) => return Plan::Late,
            }
        }
    }

    /// Forgets everything under a key, also what is under way; says whether there was something.
    pub fn purge(&self, key: &Key) -> bool {
        self.shared.with(|inner| inner.store.invalidate(key)) > 0
    }

    /// Forgets everything whose scheme and host are the same and whose path and query begin like that of
    /// `prefix`, also what is under way; says how many keys that were.
    pub fn purge_under(&self, prefix: &Key) -> usize {
        self.shared
            .with(|inner| inner.store.invalidate_under(prefix))
    }

    /// What it did so far.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// What is stored: bytes by weight, and keys.
    pub fn stored(&self) -> Size {
        self.shared.with(|inner| Size {
            bytes: inner.store.bytes(),
            entries: inner.store.keys(),
        })
    }
}

enum Step {
    Plan(Plan),
    /// What is stored changed meanwhile: look again.
    Again,
    Wait(oneshot::Receiver<Ended>),
}

/// One look at the store.
struct Question<'a> {
    cache: &'a HttpCache,
    head: &'a request::Parts,
    key: &'a Key,
    rules: &'a Arc<Rules>,
    asked: Directives,
    now: Instant,
}

impl Question<'_> {
    fn decide(&mut self, heard: Option<Ended>) -> Step {
        let headers = &self.head.headers;
        let readable = self.head.method == Method::GET || self.head.method == Method::HEAD;
        let has_body = headers.contains_key(TRANSFER_ENCODING)
            || headers.get(CONTENT_LENGTH).is_some_and(|size| size != "0");
        let for_origin = conditional::is_for_the_origin(headers);
        if !readable || has_body || for_origin || self.asked.no_store {
            return Step::Plan(self.bypass());
        }
        let shared = self.cache.shared.clone();
        let (found, flight) = shared.with(|inner| {
            let names = inner.store.varies_by(self.key);
            let selected = store::values(vary::select(&names, headers));
            (
                inner.store.find(self.key, headers),
                (self.key.clone(), selected),
            )
        });
        let reuse = found
            .as_ref()
            .map(|entry| reuse::judge(entry, &self.asked, self.rules, self.now));
        match (&found, reuse) {
            (Some(entry), Some(Reuse::Fresh)) => {
                let how = if heard.is_some() {
                    Found::Shared
                } else {
                    Found::Hit
                };
                return Step::Plan(self.answer(entry, how));
            }
            (Some(entry), Some(Reuse::Stale)) => {
                return Step::Plan(self.answer(entry, Found::Stale));
            }
            (Some(entry), Some(Reuse::WhileRevalidating)) => {
                let response = self.respond(entry, Found::Stale);
                let free = shared.with(|inner| {
                    let free = !inner.flights.is_under_way(&flight);
                    free && matches!(inner.flights.join(&flight), Part::Lead)
                });
                // A head-only or partial request is no way to get the whole answer.
                let whole = self.head.method == Method::GET;
                let lead = free.then(|| self.fill(found.clone(), Some(flight), false));
                return Step::Plan(match lead {
                    Some(fill) if whole => Plan::Refresh(response, Box::new(fill)),
                    _ => Plan::Answer(response, Found::Stale),
                });
            }
            (Some(entry), _)
                if heard == Some(Ended::Failed)
                    && reuse::stands_in(entry, &self.asked, self.rules, self.now) =>
            {
                return Step::Plan(self.answer(entry, Found::Degraded));
            }
            _ => {}
        }
        if self.asked.only_if_cached {
            let mut response = Response::new(empty());
            *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
            let found = Found::Refused;
            return Step::Plan(Plan::Answer(self.mark(response, found), found));
        }
        if self.head.method == Method::HEAD || headers.contains_key(RANGE) {
            return Step::Plan(self.bypass());
        }
        // What was just fetched and cannot be shared would only be waited for in vain, and what has to be
        // asked for by each is asked for by each.
        let always_asked = found.as_ref().is_some_and(|entry| entry.said.no_cache);
        let alone = !self.rules.single_flight
            || heard == Some(Ended::Done)
            || always_asked
            || self.asked.no_cache;
        let now = self.now;
        let part = shared.with(|inner| {
            // Another may have filled it since it was looked for.
            let newest = inner.store.find(self.key, headers);
            if newest.as_ref().map(Arc::as_ptr) != found.as_ref().map(Arc::as_ptr) {
                return None;
            }
            let passes = inner.passes.get(&flight).is_some_and(|until| *until > now);
            Some((!alone && !passes).then(|| inner.flights.join(&flight)))
        });
        match part {
            None => Step::Again,
            Some(None) => Step::Plan(Plan::Fetch(Box::new(self.fill(found, None, false)))),
            Some(Some(Part::Lead)) => {
                Step::Plan(Plan::Fetch(Box::new(self.fill(found, Some(flight), false))))
            }
            Some(Some(Part::Wait(told))) => Step::Wait(told),
            Some(Some(Part::Crowded)) => Step::Plan(Plan::Late),
        }
    }

    fn bypass(&self) -> Plan {
        Plan::Fetch(Box::new(self.fill(None, None, true)))
    }

    fn fill(&self, stored: Option<Arc<Entry>>, flight: Option<FlightKey>, bypass: bool) -> Fill {
        let request: (Method, HeaderMap) = (self.head.method.clone(), self.head.headers.clone());
        let stored = stored.filter(|_| !bypass);
        Fill::new(
            self.cache.shared.clone(),
            self.key.clone(),
            self.rules.clone(),
            request,
            stored,
        )
        .with(flight, bypass)
    }

    fn answer(&self, entry: &Entry, found: Found) -> Plan {
        Plan::Answer(self.respond(entry, found), found)
    }

    fn respond(&self, entry: &Entry, found: Found) -> Response<Body> {
        let head_only = self.head.method == Method::HEAD;
        let response = answer(entry, &self.head.headers, head_only, self.now);
        self.mark(response, found)
    }

    fn mark(&self, response: Response<Body>, found: Found) -> Response<Body> {
        super::fill::mark(&self.cache.shared, response, found)
    }
}

impl std::fmt::Debug for HttpCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpCache").finish_non_exhaustive()
    }
}
