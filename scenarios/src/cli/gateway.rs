//! `windtunnel gateway`: a reverse proxy on the real network.

use super::{
    arguments, door,
    exit::{Exit, Failure},
    target,
};
use crate::{
    format::GatewayFile,
    gateway::{CannotServe, serve},
};
use anyhow::Context;
use std::{
    fs,
    io::{self, Write},
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
    let served = door::on_all_cores(serve(arguments.config.clone(), file, target::render))?;
    served.map_err(|error| match error {
        CannotServe::Invalid(problem) => Failure::new(Exit::Invalid, problem),
        CannotServe::Unavailable(problem) => Failure::new(Exit::Unavailable, problem),
    })?;
    Ok(Exit::Held)
}
