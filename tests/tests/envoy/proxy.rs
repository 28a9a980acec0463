//! The two proxies: a process of Envoy's, and our gateway within the test.

use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Request;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn};
use tokio::time::{Instant, sleep};
use windtunnel_models::gateway::{Access, Config, Gateway, Observer};
use windtunnel_models::http::{self as wire, Client, ClientPolicy, full};

/// Long enough for anything that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A proxy that runs; dropping it ends it.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    _running: Running,
}

enum Running {
    Envoy { _process: Process },
    Ours(JoinHandle<wire::Drained>),
}

/// A child process with its directory.
struct Process {
    child: Child,
    _directory: TempDir,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self::Ours(task) = self {
            task.abort();
        }
    }
}

struct Silent;

impl Observer for Silent {
    fn access(&self, _: &Access<'_>) {}
}

/// Our gateway with this configuration; its chance is the same in every run.
pub async fn ours(config: Value) -> Proxy {
    let config: Config = serde_json::from_value(config).expect("a configuration");
    let gateway = Gateway::new(config, ChaCha8Rng::seed_from_u64(42), Silent).expect("valid");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let task = spawn(wire::serve(listener, gateway, pending()));
    Proxy {
        address,
        _running: Running::Ours(task),
    }
}

/// What Envoy is to do.
pub struct Policy {
    /// Entries of the virtual host's `routes`.
    pub routes: Value,
    /// Entries of `static_resources.clusters`.
    pub clusters: Value,
    /// Filters before the router.
    pub filters: Vec<Value>,
}

/// Envoy with this policy and one worker, once it says that it is ready.
pub async fn envoy(program: &Path, policy: Policy) -> Proxy {
    let directory = tempfile::tempdir().expect("a directory");
    let (file, admin) = (
        directory.path().join("envoy.json"),
        directory.path().join("admin"),
    );
    std::fs::write(&file, bootstrap(policy).to_string()).expect("a written file");
    let log = std::fs::File::create(directory.path().join("log")).expect("a log");
    let child = Command::new(program)
        .args([
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "-l",
            "error",
            "-c",
        ])
        .arg(&file)
        .arg("--admin-address-path")
        .arg(&admin)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("Envoy starts");
    let mut process = Process {
        child,
        _directory: directory,
    };
    let client = Client::new(&ClientPolicy::default()).expect("a client");
    let until = Instant::now() + PATIENCE;
    let address = loop {
        if let Some(address) = listening(&client, &admin).await {
            break address;
        }
        let ended = process.child.try_wait().expect("a child");
        let log = std::fs::read_to_string(admin.with_file_name("log")).unwrap_or_default();
        assert!(ended.is_none(), "Envoy ended: {log}");
        assert!(Instant::now() < until, "Envoy is never ready: {log}");
        sleep(Duration::from_millis(5)).await;
    };
    Proxy {
        address,
        _running: Running::Envoy { _process: process },
    }
}

/// The listener's address, if Envoy is ready.
async fn listening(client: &Client, admin: &Path) -> Option<SocketAddr> {
    let admin = std::fs::read_to_string(admin).ok()?;
    let ask = async |path: &str| {
        let request = Request::get(format!("http://{}{path}", admin.trim()));
        let request = request.body(full("")).ok()?;
        let until = Some(Instant::now() + PATIENCE);
        let answer = client.call(request, until, 1 << 20).await.ok()?;
        answer.status().is_success().then(|| answer.into_body())
    };
    ask("/ready").await?;
    let listeners: Value = serde_json::from_slice(&ask("/listeners?format=json").await?).ok()?;
    let socket = &listeners["listener_statuses"][0]["local_address"]["socket_address"];
    let port = u16::try_from(socket["port_value"].as_u64()?).ok()?;
    (port != 0).then_some(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn bootstrap(policy: Policy) -> Value {
    const TYPES: &str = "type.googleapis.com/envoy.extensions.filters";
    let mut filters = policy.filters;
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": format!("{TYPES}.http.router.v3.Router")},
    }));
    let manager = json!({
        "@type": format!("{TYPES}.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "front",
        "normalize_path": true,
        "merge_slashes": true,
        "use_remote_address": true,
        "http_filters": filters,
        "route_config": {"virtual_hosts": [
            {"name": "all", "domains": ["*"], "routes": policy.routes},
        ]},
    });
    let anywhere = json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
    json!({
        "admin": {"address": anywhere},
        "static_resources": {
            "clusters": policy.clusters,
            "listeners": [{"name": "front", "address": anywhere, "filter_chains": [{"filters": [
                {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager},
            ]}]}],
        },
    })
}
