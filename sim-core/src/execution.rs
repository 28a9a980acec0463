//! From a description and a spec to the record of a run, judged.

use crate::{
    description,
    simulation::{self, Finished, RunError},
    tunnel::Tunnel,
};
use std::{
    sync::{Arc, Mutex},
    time::Instant,
};
use tracing_subscriber::filter::Targets;
use windtunnel_checkers::{Evidence, NamedRule, judge};
use windtunnel_explorer::{PlanError, fits, generate};
use windtunnel_record::{Digest, Event, FaultPlan, Moment, RunRecord, RunSpec, Span};

/// What is kept of a run and what is shown while it goes on. None of it changes the run.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether packets and disk writes are kept in the record.
    pub keep_packets: bool,
    /// Which `tracing` events of the services go to standard error, by target and level; with them
    /// go what the services print and what their panics say.
    pub log: Option<Targets>,
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The simulation could not be started, or the harness itself failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The faults fit the hosts in no way.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What is described cannot be; every problem in one sentence.
    #[error("what is described cannot be run: {}", .0.join("; "))]
    Description(Vec<String>),
}

/// What is needed after the run and made on its thread.
struct Aftermath {
    rules: Vec<NamedRule>,
    about: String,
    /// Why nothing was run.
    error: Option<ExecuteError>,
}

/// A run that was carried out and that nobody has judged: what it left is not even read. Whoever wants
/// to know only whether two runs are the same asks for their digests.
pub struct Unjudged {
    spec: RunSpec,
    finished: Finished,
    rules: Vec<NamedRule>,
    about: String,
    wall_ms: u64,
}

/// Runs what `describe` describes under `spec`, on a thread of its own, and judges it by its rules.
/// The faults are those of the spec, or drawn from the seed if it has none.
///
/// # Errors
/// As [`carry_out`] has them.
pub fn execute(
    spec: &RunSpec,
    settings: Settings,
    describe: impl FnOnce(&mut Tunnel) + Send + 'static,
) -> Result<RunRecord, ExecuteError> {
    carry_out(spec, settings, describe).map(Unjudged::judge)
}

/// Runs what `describe` describes under `spec`, on a thread of its own, and leaves the judgement to
/// the caller.
///
/// # Errors
/// If the simulation cannot be started, if a fault, drawn or explicit, names no host, or if the
/// description is wrong in itself: a name given twice, a share above one, a fault that never ends.
/// Nothing is run then.
///
/// # Panics
/// If the engine left tasks alive, which is a bug of the engine.
pub fn carry_out(
    spec: &RunSpec,
    settings: Settings,
    describe: impl FnOnce(&mut Tunnel) + Send + 'static,
) -> Result<Unjudged, ExecuteError> {
    let started = Instant::now();
    let aftermath: Arc<Mutex<Option<Aftermath>>> = Arc::default();
    let (seed, explicit) = (spec.seed, spec.faults.clone());
    let finished = simulation::run(spec, settings.keep_packets, settings.log, {
        let aftermath = aftermath.clone();
        move || {
            let mut tunnel = Tunnel::new(seed);
            describe(&mut tunnel);
            let (faults, error) = match plan(&tunnel, explicit) {
                Ok(faults) => (faults, None),
                Err(error) => {
                    // Nobody runs for no time.
                    tunnel.hosts.clear();
                    tunnel.load_for(Span::ZERO).settle_for(Span::ZERO);
                    (FaultPlan::default(), Some(error))
                }
            };
            *aftermath.lock().expect("one writer") = Some(Aftermath {
                rules: std::mem::take(&mut tunnel.rules),
                about: tunnel.about.clone(),
                error,
            });
            (tunnel, faults)
        }
    })?;
    let aftermath = aftermath.lock().expect("the run is over").take();
    let Aftermath {
        rules,
        about,
        error,
    } = aftermath.expect("the run was described");
    if let Some(error) = error {
        return Err(error);
    }
    assert_eq!(
        finished.tasks_left, 0,
        "the engine left tasks alive at the end of a run"
    );
    let wall_ms = millis_since(started);
    Ok(Unjudged {
        spec: spec.clone(),
        finished,
        rules,
        about,
        wall_ms,
    })
}

/// The faults of the run: `explicit` ones, or drawn from the seed.
fn plan(tunnel: &Tunnel, explicit: Option<FaultPlan>) -> Result<FaultPlan, ExecuteError> {
    let wrong = description::wrong_with(tunnel);
    if !wrong.is_empty() {
        return Err(ExecuteError::Description(wrong));
    }
    let hosts = description::topology(tunnel);
    let Some(explicit) = explicit else {
        let drawn = generate(&tunnel.faults, &hosts, tunnel.seed, tunnel.load_for);
        return Ok(drawn?);
    };
    fits(&explicit, &hosts)?;
    Ok(explicit)
}

impl Unjudged {
    /// The fingerprint over all of its events.
    pub fn digest(&self) -> Digest {
        self.finished.digest
    }

    /// How many events it had, kept or not.
    pub fn event_count(&self) -> u64 {
        self.finished.event_count
    }

    /// Reads what the run left and judges it by its rules. The time this takes counts as the run's.
    ///
    /// # Panics
    /// If the temporary file with the run's log can no longer be read.
    pub fn judge(self) -> RunRecord {
        let started = Instant::now();
        let Self {
            spec,
            finished,
            rules,
            about,
            wall_ms,
        } = self;
        let events = finished.log.into_events();
        let limit = events.iter().rev().find_map(|record| match &record.event {
            Event::Limit { what } => Some(what.to_string()),
            _ => None,
        });
        // A run that `until` cut before its own end cannot tell how it would have ended.
        let cut = spec.until.filter(|until| *until < finished.planned_end);
        let stopped_early = limit.or_else(|| cut.map(|until| format!("it was to stop at {until}")));
        let end = Moment::from_nanos(finished.simulated.as_nanos());
        let mut evidence = Evidence::new(&events, &finished.topology, finished.settled_from, end);
        evidence.stopped_early = stopped_early;
        let reports = judge(&rules, &evidence);
        RunRecord {
            tool: env!("CARGO_PKG_VERSION").into(),
            spec,
            about,
            digest: finished.digest,
            event_count: finished.event_count,
            simulated: finished.simulated,
            wall_ms: wall_ms.saturating_add(millis_since(started)),
            settled_from: finished.settled_from,
            faults: finished.faults,
            rules: reports,
            topology: finished.topology,
            events,
        }
    }
}

fn millis_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}
