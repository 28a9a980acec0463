//! One script in front of one proxy: endpoints of its own, a client, and what came of it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use windtunnel_models::http::{Client, ClientPolicy, full};

use crate::endpoint::{Behaviour, Endpoint};
use crate::proxy::{PATIENCE, Policy, Proxy, envoy, ours};

/// The endpoints, the proxy before them, and a client before that.
pub struct Stage {
    /// In the order of their behaviours.
    pub endpoints: Arc<Vec<Endpoint>>,
    proxy: Proxy,
    client: Client,
}

/// The same script's two stages.
pub struct Pair {
    /// Envoy.
    pub envoy: Stage,
    /// Our gateway.
    pub ours: Stage,
}

async fn start(behaviours: &[Behaviour]) -> Arc<Vec<Endpoint>> {
    let mut endpoints = Vec::new();
    for behaviour in behaviours {
        endpoints.push(Endpoint::start(*behaviour).await);
    }
    Arc::new(endpoints)
}

impl Pair {
    /// Endpoints of the same behaviours twice, each with its proxy.
    pub async fn new(
        program: &Path,
        behaviours: &[Behaviour],
        theirs: impl Fn(&[SocketAddr]) -> Policy,
        config: impl Fn(&[SocketAddr]) -> Value,
    ) -> Self {
        let theirs_at = start(behaviours).await;
        let proxy = envoy(program, theirs(&addresses(&theirs_at))).await;
        let envoy = Stage::new(theirs_at, proxy);
        let ours_at = start(behaviours).await;
        let proxy = ours(config(&addresses(&ours_at))).await;
        let ours = Stage::new(ours_at, proxy);
        Self { envoy, ours }
    }

    /// Further proxies before the same endpoints.
    pub async fn with(
        &self,
        program: &Path,
        theirs: impl Fn(&[SocketAddr]) -> Policy,
        config: impl Fn(&[SocketAddr]) -> Value,
    ) -> Self {
        let endpoints = self.envoy.endpoints.clone();
        let proxy = envoy(program, theirs(&addresses(&endpoints))).await;
        let envoy = Stage::new(endpoints, proxy);
        let endpoints = self.ours.endpoints.clone();
        let proxy = ours(config(&addresses(&endpoints))).await;
        let ours = Stage::new(endpoints, proxy);
        Self { envoy, ours }
    }

    /// Both, Envoy first.
    pub fn both(&self) -> [&Stage; 2] {
        [&self.envoy, &self.ours]
    }
}

fn addresses(endpoints: &[Endpoint]) -> Vec<SocketAddr> {
    endpoints.iter().map(|endpoint| endpoint.address).collect()
}

impl Stage {
    fn new(endpoints: Arc<Vec<Endpoint>>, proxy: Proxy) -> Self {
        Self {
            endpoints,
            proxy,
            client: Client::new(&ClientPolicy::default()).expect("a client"),
        }
    }

    /// The proxy's port.
    pub fn port(&self) -> u16 {
        self.proxy.address.port()
    }

    /// Sends one request with these headers and waits for its answer.
    pub async fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Response<Bytes> {
        let url = format!("http://{}{target}", self.proxy.address);
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(full("")).expect("a request");
        let until = Some(Instant::now() + PATIENCE);
        let answer = self.client.call(request, until, 1 << 20).await;
        answer.expect("a proxy always answers")
    }

    /// The statuses of so many requests, one after the other.
    pub async fn statuses(&self, requests: usize) -> Vec<u16> {
        let mut statuses = Vec::with_capacity(requests);
        for _ in 0..requests {
            statuses.push(self.ask("GET", "/", &[]).await.status().as_u16());
        }
        statuses
    }

    /// How often each endpoint was asked.
    pub fn counts(&self) -> Vec<usize> {
        self.endpoints.iter().map(Endpoint::count).collect()
    }

    /// Waits until an endpoint was asked so often.
    pub async fn until_asked(&self, endpoint: usize, times: usize) {
        let until = Instant::now() + PATIENCE;
        while self.endpoints[endpoint].count() < times {
            assert!(Instant::now() < until, "asked {:?} only", self.counts());
            sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

/// A cluster of Envoy's over these endpoints, with further fields.
pub fn cluster(name: &str, endpoints: &[SocketAddr], further: Value) -> Value {
    let endpoints: Vec<_> = endpoints
        .iter()
        .map(|address| lb_endpoint(*address, 1))
        .collect();
    cluster_of(name, json!([{"lb_endpoints": endpoints}]), further)
}

/// A cluster of Envoy's over these localities, with further fields.
pub fn cluster_of(name: &str, localities: Value, further: Value) -> Value {
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": localities},
    });
    merge(&mut cluster, further);
    cluster
}

/// An endpoint of Envoy's with a weight.
pub fn lb_endpoint(address: SocketAddr, weight: u32) -> Value {
    json!({
        "endpoint": {"address": {"socket_address": {
            "address": address.ip().to_string(), "port_value": address.port(),
        }}},
        "load_balancing_weight": weight,
    })
}

/// Envoy's policy: everything to `main`, with further fields of the route's action.
pub fn to_main(clusters: Value, further: Value) -> Policy {
    let mut action = json!({"cluster": "main"});
    merge(&mut action, further);
    Policy {
        routes: json!([{"match": {"prefix": "/"}, "route": action}]),
        clusters,
        filters: Vec::new(),
    }
}

/// Our configuration: everything to `main`, with further fields of the upstream and of the route.
pub fn config(endpoints: &[SocketAddr], upstream: Value, route: Value) -> Value {
    let endpoints: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
    let mut main = json!({"endpoints": endpoints, "balance": "round-robin"});
    merge(&mut main, upstream);
    let mut all = json!({"name": "all", "upstream": "main"});
    merge(&mut all, route);
    json!({"name": "edge", "upstreams": {"main": main}, "routes": [all]})
}

fn merge(into: &mut Value, further: Value) {
    let (Value::Object(into), Value::Object(further)) = (into, further) else {
        panic!("only objects are merged");
    };
    into.extend(further);
}
