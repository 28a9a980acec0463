//! The gateway as a service: cheap to clone, one snapshot of the configuration per request.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response};
use hyper::body::Incoming;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::config::{Config, Endpoint, InvalidConfig, Protocol};
use super::exchange::Exchange;
use super::filter::{Passage, Registry, Visit};
use super::intake::{Admission, Admitted, admit};
use super::record::Record;
use super::secure::{self, Vault};
use super::snapshot::Snapshot;
use super::upload::Upload;
use super::upstream::Upstream;
use super::{End, Observer, Refusal, shadow};
use crate::http::{Body, BoxError, Client, boxed};
use crate::trace::{self, TraceContext};

/// A reverse proxy; clones share everything. A tower service and a hyper service, so that
/// [`http::serve`](crate::http::serve) can run it.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

/// What all clones share.
pub(super) struct Shared {
    snapshot: Mutex<Arc<Snapshot>>,
    /// One that speaks HTTP/1.1, and one that speaks HTTP/2.
    clients: [Client; 2],
    pub(super) observer: Arc<dyn Observer>,
    rng: Mutex<Box<dyn Rng + Send>>,
    vault: Box<dyn Vault>,
    registry: Registry,
}

impl Shared {
    /// Draws; nothing else happens under the lock.
    pub(super) fn with_rng<T>(&self, draw: impl FnOnce(&mut dyn Rng) -> T) -> T {
        draw(&mut **self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The client of an upstream, and the scheme of what it is asked for.
    pub(super) fn client(&self, snapshot: &Snapshot, upstream: &Upstream) -> (Client, Scheme) {
        if let Some(client) = snapshot.secure.of(upstream.name()) {
            return (client.clone(), Scheme::HTTPS);
        }
        let client = match upstream.protocol() {
            Protocol::Http1 => &self.clients[0],
            Protocol::Http2 => &self.clients[1],
        };
        (client.clone(), Scheme::HTTP)
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Why the endpoints of an upstream were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// There is no upstream of that name.
    #[error("update endpoints: no upstream `{0}`")]
    UnknownUpstream(String),
    /// The list is empty or has an entry that is no `name:port`; the last good one stays.
    #[error("update endpoints: the list {0}")]
    BadList(String),
}

impl Gateway {
    /// The state of the routes that is in force.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot()
    }

    /// Builds a gateway. `rng` draws everything that is left to chance: picks, pauses, trace ids.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the configuration, at once.
    pub fn new(
        config: Config,
        rng: impl Rng + Send + 'static,
        observer: impl Observer,
    ) -> Result<Self, InvalidConfig> {
        Self::with_vault(config, rng, observer, ())
    }

    /// Builds a gateway that gets certificates for secured upstreams out of `vault`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and what is wrong in the vault.
    pub fn with_vault(
        config: Config,
        rng: impl Rng + Send + 'static,
        observer: impl Observer,
        vault: impl Vault,
    ) -> Result<Self, InvalidConfig> {
        Self::with_filters(config, rng, observer, vault, Registry::default())
    }

    /// Builds a gateway that knows the kinds of filters that `registry` has.
    ///
    /// # Errors
    ///
    /// As [`with_vault`](Self::with_vault), and what is wrong with filters.
    pub fn with_filters(
        config: Config,
        rng: impl Rng + Send + 'static,
        observer: impl Observer,
        vault: impl Vault,
        registry: Registry,
    ) -> Result<Self, InvalidConfig> {
        config.validate()?;
        let observer: Arc<dyn Observer> = Arc::new(observer);
        let clients = secure::plain(&config, &observer)?;
        let mut rng: Box<dyn Rng + Send> = Box::new(rng);
        let snapshot = Snapshot::new(config, None, &mut *rng, &observer, (&vault, &registry))?;
        let shared = Shared {
            snapshot: Mutex::new(Arc::new(snapshot)),
            clients,
            observer,
            rng: Mutex::new(rng),
            vault: Box::new(vault),
            registry,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Replaces the configuration for the requests that arrive from now on; those under way keep the
    /// one they started with. Upstreams and limits whose policy did not change keep their state (an
    /// open breaker stays open). The connection pool's settings stay as they were.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the configuration; the old one stays in force.
    pub fn reload(&self, config: Config) -> Result<(), InvalidConfig> {
        config.validate()?;
        let old = self.shared.snapshot();
        let observer = &self.shared.observer;
        let mut rng = self.shared.with_rng(fork);
        let given = (&*self.shared.vault, &self.shared.registry);
        let new = Snapshot::new(config, Some(&old), &mut rng, observer, given)?;
        *self
            .shared
            .snapshot
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(())
    }

    /// Replaces the endpoints of an upstream. An endpoint that is gone gets no further request; those
    /// that stay keep breaker and load.
    ///
    /// # Errors
    ///
    /// The upstream is unknown, or the list is no list of endpoints: then the last good one stays,
    /// because an empty answer from a registry is far more often its failure than the truth.
    pub fn update_endpoints(
        &self,
        upstream: &str,
        endpoints: &[Endpoint],
    ) -> Result<(), UpdateError> {
        super::config::check_endpoints(endpoints).map_err(UpdateError::BadList)?;
        let snapshot = self.shared.snapshot();
        let found = snapshot.upstreams.get(upstream);
        let found = found.ok_or_else(|| UpdateError::UnknownUpstream(upstream.to_owned()))?;
        found
            .update(endpoints)
            .map_err(|error| UpdateError::BadList(error.to_string()))
    }

    /// Answers one request. Errors are answers too: every refusal has its status.
    ///
    /// # Cancellation
    ///
    /// Dropping the future, or the answer's body, gives back every slot and permit; the breaker of the
    /// endpoint asked learns that there was no result, and the observer that the caller left.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let snapshot = self.shared.snapshot();
        let (mut head, body) = request.into_parts();
        let mut record = Record::new(self.shared.observer.clone(), &head);
        let context = |headers: &http::HeaderMap| {
            let sampler = snapshot.sampler;
            self.shared
                .with_rng(|rng| TraceContext::read(headers, sampler, rng))
        };
        let admitted = match admit(&snapshot, &mut head, &mut record, context) {
            Ok(Admission::Forward(admitted)) => admitted,
            Ok(Admission::Answer(response)) => {
                record.answered(response.status());
                record.ended(End::Complete);
                return response;
            }
            Err(refusal) => return refuse(&snapshot, record, refusal),
        };
        let name = snapshot.config.name.clone();
        let Some(chain) = snapshot.filters.of(&admitted.route.name) else {
            let passage = &mut Passage::default();
            return self
                .forward((snapshot, admitted), (head, body), record, passage)
                .await;
        };
        let method = head.method.clone();
        let visit = || Visit {
            route: admitted.route.name.clone(),
            client: record.client.clone(),
            method: method.clone(),
            deadline: admitted.deadline,
            rng: self.shared.with_rng(fork),
            notes: http::Extensions::new(),
        };
        let mut passage = Box::pin(chain.request(&mut head, visit)).await;
        let answer = match passage.answer.take() {
            Some(Ok(answer)) => {
                record.answered(answer.status());
                record.ended(End::Complete);
                answer
            }
            Some(Err(refusal)) => refuse(&snapshot, record, refusal),
            None => {
                self.forward((snapshot, admitted), (head, body), record, &mut passage)
                    .await
            }
        };
        Box::pin(passage.response(answer, &name)).await
    }

    /// Sends a request on that passed all filters, as a gRPC call if its route wants that.
    async fn forward<B>(
        &self,
        (snapshot, mut admitted): (Arc<Snapshot>, Admitted),
        (mut head, body): (http::request::Parts, B),
        record: Record,
        passage: &mut Passage,
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let config = &snapshot.config;
        let (max, keep, until) = (config.max_body, config.replay_buffer, admitted.deadline);
        let may_repeat = admitted.route.retry.is_some();
        let transcoder = snapshot.transcoders.of(&admitted.route.name, &head);
        let mut call = None;
        let upload = if let Some(transcoder) = transcoder {
            let body = passage.body(boxed(body));
            let target = &mut admitted.target;
            let begun = transcoder
                .begin(&mut head, target, body, (max, until))
                .await;
            begun.map(|(begun, upload)| {
                call = Some(begun);
                upload
            })
        } else if passage.changes_body() {
            let body = passage.body(boxed(body));
            Upload::receive(body, max, keep, may_repeat, until).await
        } else {
            Upload::receive(body, max, keep, may_repeat, until).await
        };
        let upload = match upload {
            Ok(upload) => upload,
            Err(refusal) => return refuse(&snapshot, record, refusal),
        };
        let (shared, trace) = (self.shared.clone(), admitted.trace.trace_id());
        let exchange = Exchange {
            shared,
            snapshot,
            admitted,
            head,
            upload,
            record,
        };
        shadow::cast(&exchange);
        let answer = trace::within(Some(trace), exchange.run()).await;
        match call {
            Some(call) => Box::pin(call.answer(answer, until)).await,
            None => answer,
        }
    }
}

/// A generator of its own, so that nothing is built under the lock of the shared one.
pub(super) fn fork(rng: &mut dyn Rng) -> ChaCha8Rng {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    ChaCha8Rng::from_seed(seed)
}

fn refuse(snapshot: &Snapshot, record: Record, refusal: Refusal) -> Response<Body> {
    let response = refusal.response(&snapshot.config.name);
    record.refused(refusal);
    response
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl tower::Service<Request<Incoming>> for Gateway {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Answering {
        hyper::service::Service::call(&*self, request)
    }
}

impl hyper::service::Service<Request<Incoming>> for Gateway {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let gateway = self.clone();
        Box::pin(async move { Ok(gateway.handle(request).await) })
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}
