//! `windtunnel gateway`: a reverse proxy on the real network.

use super::{
    arguments, door,
    exit::{Exit, Failure},
    target,
};
use crate::{access_log::AccessLog, apps::place, format::GatewayFile, world::deployment};
use anyhow::Context;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::{
    fs,
    io::{self, Write},
};
use tokio::net::TcpListener;
use tracing::{debug, info, warn};
use windtunnel_models::{
    gateway::Gateway,
    http::{Server, ServerEvent, ServerPolicy},
};

/// Serves until SIGTERM or ctrl-c, then lets requests in flight finish, unless it is asked again.
pub fn gateway(arguments: &arguments::Gateway) -> Result<Exit, Failure> {
    door::real("gateway")?;
    let name = arguments.config.display().to_string();
    let text = fs::read_to_string(&arguments.config)
        .with_context(|| format!("failed to read {name}"))
        .map_err(|error| Failure::new(Exit::Invalid, format_args!("{error:#}")))?;
    let file = GatewayFile::from_toml(&text)
        .map_err(|problems| Failure::new(Exit::Invalid, target::render(&name, &text, &problems)))?;
    if arguments.check {
        writeln!(io::stdout(), "{name} is valid")?;
        return Ok(Exit::Held);
    }
    door::print_events(arguments.log)?;
    door::on_all_cores(serve(file))?
}

async fn serve(file: GatewayFile) -> Result<Exit, Failure> {
    let rng = ChaCha8Rng::seed_from_u64(deployment::entropy());
    let gateway = Gateway::new(file.config, rng, AccessLog)
        .map_err(|error| Failure::new(Exit::Invalid, error))?;
    let server = Server::new(ServerPolicy::default(), tell)
        .map_err(|error| Failure::new(Exit::Failed, error))?;
    let listener = TcpListener::bind(file.listen).await.map_err(|error| {
        let message = format!("failed to listen on {}: {error}", file.listen);
        Failure::new(Exit::Unavailable, message)
    })?;
    let address = listener.local_addr()?;
    info!(target: "gateway", %address, "listening");
    tokio::select! {
        biased;
        _ = server.serve(listener, gateway, place::asked_to_stop()) => {}
        () = asked_twice() => warn!(target: "gateway", "asked twice: not waiting for open requests"),
    }
    Ok(Exit::Held)
}

/// Completes when the process is asked to stop for the second time.
async fn asked_twice() {
    place::asked_to_stop().await;
    place::asked_to_stop().await;
}

/// What happens to the server, as events.
fn tell(event: &ServerEvent<'_>) {
    match event {
        ServerEvent::Draining { open } => info!(target: "gateway", open, "draining"),
        ServerEvent::Drained(drained) => info!(target: "gateway", cut = drained.cut, "drained"),
        ServerEvent::Refused { peer } => warn!(target: "gateway", %peer, "refused"),
        ServerEvent::AcceptFailed { error } => warn!(target: "gateway", %error, "accept failed"),
        other => debug!(target: "gateway", ?other),
    }
}
