//! The life of a gateway: open, serve, reload, stop.

use super::{
    Notices,
    control::{OfProgram, Phase, Reloads, Render, Running, Started},
    log::{self, Orders},
    material::{Material, provider},
};
use crate::{apps::place, format::GatewayFile, world::deployment};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::{future::pending, io, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{Mutex, watch},
    task::JoinHandle,
    time::timeout,
};
use tracing::{debug, info, warn};
use windtunnel_models::{
    gateway::{
        Gateway,
        access_log::AccessLog,
        admin::{Admin, Control},
        telemetry::{Both, Source, Telemetry},
    },
    http::{Server, ServerEvent, ServerObserver, ServerPolicy},
    tls::Acceptor,
};

/// Why a gateway does not serve.
#[derive(Debug, thiserror::Error)]
pub enum CannotServe {
    /// What its file asks for cannot be had.
    #[error("{0}")]
    Invalid(String),
    /// An address cannot be listened on, or a file not be written to.
    #[error("{0}")]
    Unavailable(String),
}

/// How long the last lines of the access log may take.
const LAST_LINES: Duration = Duration::from_secs(5);

/// Connections of the operator.
fn operators() -> ServerPolicy {
    ServerPolicy {
        max_connections: 64,
        header_timeout: Duration::from_secs(10),
        ..ServerPolicy::default()
    }
}

/// Serves until SIGTERM, ctrl-c or an operator's order, then lets requests in flight finish, unless it is
/// asked again. SIGHUP reads the file anew; `render` says what is wrong with it.
///
/// # Errors
/// What keeps it from serving; once it serves there is nothing that ends it but those.
pub async fn serve(path: PathBuf, file: GatewayFile, render: Render) -> Result<(), CannotServe> {
    let invalid = |problem: &dyn std::fmt::Display| CannotServe::Invalid(problem.to_string());
    let unavailable =
        |problem: &dyn std::fmt::Display| CannotServe::Unavailable(problem.to_string());
    let GatewayFile {
        listen,
        config,
        program,
    } = file;
    let material = Material::of(&path);
    // Signals first: one that comes from here on is not deadly.
    let mut hangups = signal(SignalKind::hangup()).map_err(|error| unavailable(&error))?;
    let telemetry = Telemetry::default();
    let (orders, told) = watch::channel(Orders::default());
    let (log, writing) = match log::open(&program.access_log) {
        None => (None, None),
        Some((log, writer)) => {
            let to = program.access_log.to.clone();
            let sink = log::target(&to, &material).await;
            let sink = sink.map_err(|error| unavailable(&error))?;
            let write = log::write(writer, to, material.clone(), sink, told);
            (Some(log), Some(tokio::spawn(write)))
        }
    };
    let observer = Both(telemetry.clone(), Both(log.clone(), Notices));
    let rng = ChaCha8Rng::seed_from_u64(deployment::entropy());
    let gateway = Gateway::with_vault(config, rng, observer, material.clone());
    let gateway = gateway.map_err(|error| invalid(&error))?;
    let acceptor = match &program.tls {
        None => None,
        Some(tls) => Some(acceptor(&material, tls).map_err(|error| invalid(&error))?),
    };
    let policy = ServerPolicy {
        lame_duck: program.shutdown.delay.into(),
        grace: program.shutdown.grace.into(),
        ..ServerPolicy::default()
    };
    let server = Server::new(policy, Told(telemetry.clone())).map_err(|error| invalid(&error))?;
    let server = match acceptor.clone() {
        Some(acceptor) => server.secured(acceptor),
        None => server,
    };
    let listener = open(listen).await?;
    let admin = match &program.admin {
        Some(admin) => Some(open(admin.listen).await?),
        None => None,
    };
    let running = Arc::new(Running {
        gateway: gateway.clone(),
        file: path,
        render,
        material,
        acceptor,
        phase: watch::Sender::new(Phase::Starts),
        log: orders,
        reloads: Reloads::default(),
        started: Mutex::new(Started { listen, program }),
    });
    if let Some(listener) = admin {
        attend(listener, &running, &telemetry, log)?;
    }
    let reloading = tokio::spawn({
        let running = running.clone();
        async move {
            while hangups.recv().await.is_some() {
                // What came of it was told.
                let _ = running.reload().await;
            }
        }
    });
    let address = listener.local_addr().map_err(|error| unavailable(&error))?;
    info!(target: "gateway", %address, "listening");
    running.phase.send_if_modified(|phase| {
        let starts = *phase == Phase::Starts;
        if starts {
            *phase = Phase::Serves;
        }
        starts
    });
    let stop = async {
        tokio::select! {
            biased;
            () = place::asked_to_stop() => running.drain(),
            () = running.told_to_stop() => {}
        }
    };
    tokio::select! {
        biased;
        _ = server.serve(listener, gateway, stop) => {}
        () = asked_twice() => warn!(target: "gateway", "asked twice: not waiting for open requests"),
    }
    reloading.abort();
    finish(&running, writing).await;
    Ok(())
}

fn acceptor(material: &Material, tls: &crate::format::ServerTls) -> Result<Acceptor, String> {
    let settings = material.server(tls)?;
    Acceptor::new(settings, provider()?).map_err(|error| error.to_string())
}

async fn open(address: std::net::SocketAddr) -> Result<TcpListener, CannotServe> {
    let opened = TcpListener::bind(address).await;
    opened.map_err(|error| {
        CannotServe::Unavailable(format!("failed to listen on {address}: {error}"))
    })
}

/// Answers the operator, as long as the program runs.
fn attend(
    listener: TcpListener,
    running: &Arc<Running>,
    telemetry: &Telemetry,
    log: Option<AccessLog>,
) -> Result<(), CannotServe> {
    let unavailable = |error: io::Error| CannotServe::Unavailable(error.to_string());
    let address = listener.local_addr().map_err(unavailable)?;
    if !address.ip().is_loopback() {
        warn!(target: "gateway", %address, "whoever reaches the admin listener can end this gateway");
    }
    info!(target: "gateway", %address, "admin");
    let mut sources: Vec<Arc<dyn Source>> = vec![
        Arc::new(telemetry.clone()),
        Arc::new(OfProgram(running.clone())),
    ];
    if let Some(log) = log {
        sources.push(Arc::new(log));
    }
    let admin = Admin::new(running.gateway.clone(), sources, running.clone());
    let server = Server::new(operators(), |_: &ServerEvent<'_>| {});
    let server = server.map_err(|error| CannotServe::Invalid(error.to_string()))?;
    tokio::spawn(async move { server.serve(listener, admin, pending()).await });
    Ok(())
}

/// Waits for the last lines of the access log, but not for ever.
async fn finish(running: &Running, writing: Option<JoinHandle<()>>) {
    running.log.send_modify(|orders| orders.ended = true);
    if let Some(writing) = writing
        && timeout(LAST_LINES, writing).await.is_err()
    {
        warn!(target: "gateway", "the last lines of the access log were not taken");
    }
}

/// Completes when the process is asked to stop for the second time.
async fn asked_twice() {
    place::asked_to_stop().await;
    place::asked_to_stop().await;
}

/// Counts what happens to the server, and says it.
struct Told(Telemetry);

impl ServerObserver for Told {
    fn observe(&self, event: &ServerEvent<'_>) {
        self.0.observe(event);
        match event {
            ServerEvent::Draining { open } => info!(target: "gateway", open, "draining"),
            ServerEvent::Drained(drained) => info!(target: "gateway", cut = drained.cut, "drained"),
            ServerEvent::Refused { peer } => warn!(target: "gateway", %peer, "refused"),
            ServerEvent::AcceptFailed { error } => {
                warn!(target: "gateway", %error, "accept failed");
            }
            ServerEvent::HandshakeFailed { peer, error } => {
                debug!(target: "gateway", %peer, %error, "handshake failed");
            }
            other => debug!(target: "gateway", ?other),
        }
    }
}
