//! Services that a scenario describes: each request costs work, calls others, and sometimes fails.

use super::{invalid, policies};
use crate::{
    apps::Place,
    format::{Scenario, Service},
    hooks::Hooks,
};
use axum::{Router, extract::State, http::StatusCode};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::Empty;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, time::Instant};
use windtunnel_models::{
    gateway::{
        Gateway,
        config::{Config, Route},
    },
    http::{self as http_model, deadline},
};
use windtunnel_record::{Distribution, Scheduling, Seed, Size, Span, Stream};

/// What a described service does for each request.
#[derive(Clone)]
pub struct Plan {
    work: Option<Distribution>,
    speed: f64,
    workers: usize,
    scheduling: Scheduling,
    errors: f64,
    memory: Option<Size>,
    calls: Vec<(String, Duration)>,
    egress: Config,
}

impl Plan {
    /// The plan of a service.
    pub fn new(
        scenario: &Scenario,
        name: &str,
        replica: u32,
        service: &Service,
        addresses: &BTreeMap<String, Vec<String>>,
    ) -> Self {
        let mut egress = Config {
            name: name.into(),
            ..Config::default()
        };
        let mut calls = Vec::new();
        for (number, call) in service.calls.iter().enumerate() {
            let upstream = format!("{}-{number}", call.to);
            let names = policies::Names {
                retry: call.retry.as_deref(),
                breaker: call.breaker.as_deref(),
                balancer: call.balancer.as_deref(),
            };
            let endpoints = policies::upstream(scenario, &call.to, names, addresses);
            egress.upstreams.insert(upstream.clone(), endpoints);
            let retry = policies::retry(scenario, call.retry.as_deref());
            egress
                .routes
                .push(route(upstream.clone(), call.timeout.into(), retry));
            calls.push((upstream, call.timeout.into()));
        }
        Self {
            work: service.work,
            speed: service.speed_of(replica),
            workers: service.workers.unwrap_or(match service.scheduling {
                Scheduling::Fifo => service.cores,
                Scheduling::ProcessorSharing => Semaphore::MAX_PERMITS,
            }),
            scheduling: service.scheduling,
            errors: service.errors,
            memory: service.memory.and_then(|memory| memory.per_request),
            calls,
            egress,
        }
    }

    /// What its gateway to those whom it calls is told; none if it calls nobody.
    pub fn egress(&self) -> Option<&Config> {
        (!self.calls.is_empty()).then_some(&self.egress)
    }
}

/// A route to the upstream of the same name.
pub fn route(
    name: String,
    limit: Duration,
    retry: Option<windtunnel_models::gateway::config::Retry>,
) -> Route {
    Route {
        hosts: vec![name.clone()],
        deadline: Some(limit),
        retry,
        ..Route::to(name.clone(), name)
    }
}

struct Server {
    plan: Plan,
    /// Who does the work. A request that was taken up is worked off whether or not its caller still
    /// waits, as behind a queue of worker threads: that is what keeps a retry storm alive.
    workers: Arc<Semaphore>,
    waiting: Arc<AtomicI64>,
    egress: Option<Gateway>,
    chance: Mutex<Stream>,
}

/// A described service at its place.
///
/// # Errors
/// If the settings cannot work.
pub fn open(at: &Place, plan: Plan) -> io::Result<Router> {
    let hooks = Hooks::new(&at.name, "client");
    let rng = ChaCha8Rng::seed_from_u64(at.seed);
    let egress = match plan.egress() {
        Some(egress) => Some(Gateway::new(egress.clone(), rng, hooks).map_err(invalid)?),
        None => None,
    };
    let chance = Mutex::new(Seed(at.seed).stream("work"));
    let workers = Arc::new(Semaphore::new(plan.workers));
    let waiting = Arc::default();
    let server = Arc::new(Server {
        plan,
        workers,
        waiting,
        egress,
        chance,
    });
    Ok(Router::new().fallback(serve).with_state(server))
}

impl Server {
    /// Waits for a worker and for its work.
    async fn work_off(&self, work: Span) {
        let (workers, waiting) = (self.workers.clone(), self.waiting.clone());
        let Plan {
            scheduling, speed, ..
        } = self.plan;
        let job = tokio::spawn(async move {
            // Where nobody waits for a worker the host's own gauge says how many share its cores.
            let waits = workers.available_permits() == 0;
            let tell = |count: i64| {
                if waits {
                    let before = waiting.fetch_add(count, Ordering::Relaxed);
                    windtunnel::gauge("queue-depth", before + count);
                }
            };
            tell(1);
            let permit = workers.acquire_owned().await;
            tell(-1);
            match scheduling {
                // Workers are threads of their own: what they do keeps no one from being polled.
                Scheduling::Fifo => windtunnel::pause_for(work.mul_f64(1.0 / speed).into()).await,
                Scheduling::ProcessorSharing => windtunnel::work(work.into()).await,
            }
            drop(permit);
        });
        // It cannot panic; when the process ends nobody asks any more.
        let _ = job.await;
    }
}

async fn serve(State(server): State<Arc<Server>>, headers: HeaderMap) -> StatusCode {
    let _held = server.plan.memory.map(windtunnel::memory::hold);
    let (work, fails) = {
        let mut chance = server.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let work = server.plan.work.map(|work| work.sample(&mut chance));
        (work, chance.chance(server.plan.errors))
    };
    let now = Instant::now();
    let until = deadline::read(&headers, now);
    if let Some(work) = work {
        server.work_off(work).await;
    }
    for (upstream, limit) in &server.plan.calls {
        let status = call(server.egress.as_ref(), upstream, *limit, until).await;
        if !status.is_success() {
            return status;
        }
    }
    if fails {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::OK
    }
}

/// One call of an upstream, answered by its status.
async fn call(
    egress: Option<&Gateway>,
    upstream: &str,
    limit: Duration,
    until: Option<Instant>,
) -> StatusCode {
    let request = Request::builder()
        .method(Method::GET)
        .uri("/")
        .header(header::HOST, upstream);
    let (Some(egress), Ok(mut request)) = (egress, request.body(Empty::<Bytes>::new())) else {
        return StatusCode::BAD_GATEWAY;
    };
    let now = Instant::now();
    let until = until.unwrap_or(now + limit).min(now + limit);
    deadline::write(request.headers_mut(), until, now);
    let (head, body) = egress.handle(request).await.into_parts();
    match http_model::collect(body, 64 << 10, Some(until)).await {
        Ok(_) => head.status,
        Err(_) => StatusCode::BAD_GATEWAY,
    }
}
