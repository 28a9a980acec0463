//! Services: described by what they cost and call, or written as an application.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windtunnel_record::{Clock, Distribution, Scheduling, Span};

use super::{Disk, Memory};

/// A service and its replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Service {
    /// What it is for.
    pub role: Role,
    /// How many there are; replica i is the host `name-i`.
    pub replicas: u32,
    /// The zones they stand in, in turn.
    pub zones: Vec<String>,
    /// Cores of each host.
    pub cores: usize,
    /// How the cores are given to those who want them.
    pub scheduling: Scheduling,
    /// How fast the cores are.
    pub speed: f64,
    /// Replicas that are slower or faster than the others.
    pub limp: Vec<Limp>,
    /// What handling costs besides the described work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// The disk of each host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Disk>,
    /// How many sockets and files a process may hold; any number when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<u32>,
    /// The memory of each host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Described: how many requests are worked on at once; as many as there are cores by default, and
    /// any number where the cores are shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// Described: how long a worker works on each request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<Distribution>,
    /// Described: the share of requests that are answered with 500.
    pub errors: f64,
    /// Described: whom each request calls, one after the other.
    pub calls: Vec<Call>,
    /// Written: the application, such as `shop/orders`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Written: its settings.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub config: toml::Table,
    /// Gateway: where requests go.
    pub routes: Vec<Route>,
    /// What its clocks show; the right time when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// How long after its `main` returned it is started again; never when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_after: Option<Span>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            role: Role::Service,
            replicas: 1,
            zones: vec!["a".into()],
            cores: 4,
            scheduling: Scheduling::Fifo,
            speed: 1.0,
            limp: Vec::new(),
            cpu: None,
            disk: None,
            files: None,
            memory: None,
            workers: None,
            work: None,
            errors: 0.0,
            calls: Vec::new(),
            app: None,
            config: toml::Table::new(),
            routes: Vec::new(),
            clock: None,
            restart_after: None,
        }
    }
}

impl Service {
    /// The zone of a replica.
    pub fn zone(&self, replica: u32) -> &str {
        let count = self.zones.len().max(1);
        self.zones
            .get(replica as usize % count)
            .map_or("a", String::as_str)
    }

    /// The speed of a replica's cores.
    pub fn speed_of(&self, replica: u32) -> f64 {
        let own = self.limp.iter().find(|limp| limp.replica == replica);
        own.map_or(self.speed, |limp| limp.speed)
    }
}

/// What a service is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It does the work.
    #[default]
    Service,
    /// It stands in front of others and forwards.
    Gateway,
}

impl Role {
    /// The word in targets such as `role:gateway`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Gateway => "gateway",
        }
    }
}

/// A replica with a speed of its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Limp {
    /// Which.
    pub replica: u32,
    /// How fast; 0.1 makes all its work take ten times as long.
    pub speed: f64,
}

/// What handling costs on a core of speed 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cpu {
    /// For each poll of a task.
    pub per_poll: Span,
    /// For each byte.
    pub per_byte: Span,
}

/// A call that each request of a described service makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Call {
    /// The service.
    pub to: String,
    /// How long it may take.
    #[serde(default = "second")]
    pub timeout: Span,
    /// The retry policy; absent: tried once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    /// The breaker policy; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<String>,
    /// The balancer policy; absent: power of two choices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer: Option<String>,
}

fn second() -> Span {
    Span::from_secs(1)
}

/// Where a gateway's requests go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Route {
    /// The service.
    pub to: String,
    /// Only this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Only paths with these segments in front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
    /// Only this path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_exact: Option<String>,
    /// Only this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How long a request may take.
    #[serde(default = "fifteen_seconds")]
    pub deadline: Span,
    /// The retry policy; absent: sent once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    /// The breaker policy of each endpoint; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<String>,
    /// The balancer policy; absent: power of two choices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer: Option<String>,
    /// The rate-limit policy; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<String>,
}

fn fifteen_seconds() -> Span {
    Span::from_secs(15)
}
