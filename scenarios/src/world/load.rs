//! Loads of a scenario: written clients, and described ones that balance, retry and give up by policy.

use super::{described::route, policies};
use crate::{
    apps::shop::traffic,
    format::{Keys, Load, Model, Scenario},
    hooks::{self, Hooks},
};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Empty;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::{collections::BTreeMap, str::FromStr, time::Duration};
use tokio::time::Instant;
use windtunnel::{Client, Stage, Tunnel, closed_loop, open_loop};
use windtunnel_models::{
    gateway::{Gateway, config::Config},
    http::{self as http_model, ClientPolicy, deadline},
};
use windtunnel_record::{Outcome, Rate};

/// Adds a load to the tunnel.
pub fn add(
    scenario: &Scenario,
    tunnel: &mut Tunnel,
    load: &Load,
    addresses: &BTreeMap<String, Vec<String>>,
) {
    let mut model = match load.model {
        Model::Open => open_loop(Rate::per_second(0.0)).stages(stages(load)),
        Model::Closed { clients, think } => closed_loop(clients, think),
    };
    model = model.named(&load.name).zone(&load.zone);
    model = match load.keys {
        Keys::Uniform(n) => model.uniform_keys(n),
        Keys::Zipf { n, s } => model.zipf_keys(n, s),
    };
    if load.app.is_some() {
        let gateways = addresses.get(&load.via).cloned().unwrap_or_default();
        let pool = http_model::Client::new(&ClientPolicy::default());
        let pool = pool.expect("the default settings work");
        let pool = pool.observed(hooks::sending);
        tunnel.load(model, move |client, key| {
            traffic::shop(pool.clone(), client, gateways.clone(), key)
        });
        return;
    }
    let asker = Asker::new(scenario, tunnel, load, addresses);
    tunnel.load(model, move |client, key| asker.clone().ask(client, key));
}

fn stages(load: &Load) -> Vec<Stage> {
    load.stages
        .iter()
        .map(|stage| Stage {
            lasts: stage.lasts,
            rate: stage.rate,
        })
        .collect()
}

/// What the gateway of a described load is told.
pub fn config(
    scenario: &Scenario,
    load: &Load,
    addresses: &BTreeMap<String, Vec<String>>,
) -> Config {
    let names = policies::Names {
        retry: load.retry.as_deref(),
        breaker: load.breaker.as_deref(),
        balancer: load.balancer.as_deref(),
    };
    let mut config = Config {
        name: load.name.clone(),
        ..Config::default()
    };
    let endpoints = policies::upstream(scenario, &load.via, names, addresses);
    config.upstreams.insert(load.via.clone(), endpoints);
    let retry = policies::retry(scenario, load.retry.as_deref());
    let route = route(load.via.clone(), load.timeout.into(), retry);
    config.routes.push(route);
    config
}

/// A described client.
#[derive(Clone)]
struct Asker {
    gateway: Gateway,
    upstream: String,
    method: Method,
    path: String,
    name: String,
    limit: Duration,
}

impl Asker {
    fn new(
        scenario: &Scenario,
        tunnel: &Tunnel,
        load: &Load,
        addresses: &BTreeMap<String, Vec<String>>,
    ) -> Self {
        let config = config(scenario, load, addresses);
        let seed = tunnel
            .seed()
            .derive(&format!("load/{}/policies", load.name));
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let hooks = Hooks::new(&load.name, "client");
        let gateway = Gateway::new(config, rng, hooks).expect("the scenario was checked");
        let (method, path) = load
            .request
            .split_once(' ')
            .unwrap_or(("GET", load.request.as_str()));
        let method = Method::from_str(method).unwrap_or(Method::GET);
        Self {
            gateway,
            upstream: load.via.clone(),
            method,
            path: path.into(),
            name: load.request.clone(),
            limit: load.timeout.into(),
        }
    }

    async fn ask(self, client: Client, key: u64) {
        let number = client.number();
        let path = self
            .path
            .replace("{key}", &key.to_string())
            .replace("{n}", &number.to_string());
        let request = Request::builder()
            .method(self.method)
            .uri(path)
            .header(header::HOST, &self.upstream)
            .header("idempotency-key", number.to_string())
            .body(Empty::<Bytes>::new());
        let Ok(mut request) = request else { return };
        let (gateway, limit) = (self.gateway, self.limit);
        client
            .operation(&self.name, key, async move {
                let now = Instant::now();
                deadline::write(request.headers_mut(), now + limit, now);
                request.headers_mut().extend(windtunnel::traceparent());
                let (head, body) = gateway.handle(request).await.into_parts();
                match http_model::collect(body, 64 << 10, Some(now + limit)).await {
                    Ok(_) if head.status.is_success() => (Outcome::Ok, head.status.to_string()),
                    Ok(_) if head.status.is_client_error() => {
                        (Outcome::Fail, head.status.to_string())
                    }
                    Ok(_) => (Outcome::Unknown, head.status.as_u16().to_string()),
                    Err(error) => (Outcome::Unknown, error.to_string()),
                }
            })
            .await;
    }
}
