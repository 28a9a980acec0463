//! `windtunnel up-replica`: one replica of a scenario as this process; started by `up`.

use super::{
    arguments::UpReplica,
    door,
    exit::{Exit, Failure},
    target,
};
use crate::{apps::Place, world::Program};
use std::os::unix::process::parent_id;
use tracing::level_filters::LevelFilter;

/// Runs the replica until it is asked to stop, or whoever started it is gone.
pub fn up_replica(arguments: &UpReplica) -> Result<Exit, Failure> {
    door::real("up")?;
    end_with_parent();
    if parent_id() != arguments.parent {
        return Ok(Exit::Held);
    }
    let overrides = target::overrides(&arguments.overrides)?;
    let scenario = target::load(&arguments.target, &overrides)?;
    let place: Place = serde_json::from_str(&arguments.place)
        .map_err(|error| Failure::new(Exit::Failed, format_args!("no place: {error}")))?;
    let Some(service) = scenario.data().services.get(&arguments.service) else {
        let message = format!("there is no service `{}`", arguments.service);
        return Err(Failure::new(Exit::Nothing, message));
    };
    door::print_events(LevelFilter::INFO)?;
    let program = Program::of(
        scenario.data(),
        &arguments.service,
        service,
        u32::try_from(place.replica).unwrap_or(u32::MAX),
        &place.services,
    );
    let listen = place.listen.clone();
    door::on_all_cores(program.run(place))?.map_err(|error| {
        Failure::new(
            Exit::Unavailable,
            format_args!("failed to serve on {listen}: {error}"),
        )
    })?;
    Ok(Exit::Held)
}

/// Asks the system for SIGTERM when the process that started this one ends, however it ends.
fn end_with_parent() {
    // SAFETY: sets a flag of this process; the arguments are those that the call documents.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
    }
}
