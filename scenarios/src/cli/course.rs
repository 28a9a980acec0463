//! The course that a run took, with all of its events: read from its directory, or made anew.

use super::{
    exit::{Exit, Failure},
    log::{self, Trace},
    replay, store, target,
};
use std::{fs, path::Path};
use windtunnel::Settings;
use windtunnel_record::{Difference, Digest, Record, RunSpec, Seed, Topology};
use windtunnel_reports::{json::ToldDifference, words::Narrator};

/// A run that is over.
pub struct Course {
    /// What it was made from.
    pub spec: RunSpec,
    /// The version of the tool that made it.
    tool: String,
    /// Its scenario as text, with the changed settings.
    scenario: String,
    /// How much of it is here.
    pub trace: Trace,
    /// Its digest.
    pub digest: Digest,
    /// How many events it had, kept or not.
    pub event_count: u64,
    /// The hosts.
    pub topology: Topology,
    /// The events that are here.
    pub events: Vec<Record>,
}

impl Course {
    /// The run that `target` means: a run's directory, `latest`, a case file or `scenario@seed`. What
    /// is no directory is carried out in this process.
    ///
    /// # Errors
    /// Exit 4 if there is no such thing, 3 if it cannot be understood.
    pub fn of(name: &str) -> Result<Self, Failure> {
        if name == "latest" {
            return Self::read(&store::latest());
        }
        if Path::new(name).is_dir() {
            return Self::read(Path::new(name));
        }
        if name.ends_with(".case.toml") {
            let case = replay::read(name)?;
            let scenario = target::load(&case.scenario, &case.spec.overrides)?;
            return Self::run(&scenario, case.spec);
        }
        let (scenario_name, seed) = target::split_seed(name);
        let scenario = target::load(scenario_name, &Default::default())?;
        let seed = Seed(seed.unwrap_or(0));
        let spec = scenario.spec(scenario_name, seed, &Default::default());
        Self::run(&scenario, spec)
    }

    fn run(scenario: &target::Scenario, spec: RunSpec) -> Result<Self, Failure> {
        eprintln!("running {} with seed {}", spec.scenario, spec.seed);
        let settings = Settings {
            keep_packets: true,
            ..Settings::default()
        };
        let record = scenario.execute(&spec, settings)?;
        Ok(Self {
            spec,
            tool: record.tool,
            scenario: scenario.resolved(),
            trace: Trace::Packets,
            digest: record.digest,
            event_count: record.event_count,
            topology: record.topology,
            events: record.events,
        })
    }

    /// Reads a run's directory.
    ///
    /// # Errors
    /// Exit 4 if there is none or it has no log, 3 if it cannot be understood or its log is not the one
    /// it was written with.
    pub fn read(directory: &Path) -> Result<Self, Failure> {
        let file = store::read_run(directory)?;
        let events = log::read(directory, &file)?;
        let path = directory.join("scenario.toml");
        let scenario = fs::read_to_string(&path).map_err(|error| {
            let shown = path.display();
            Failure::new(
                Exit::Invalid,
                format_args!("failed to read {shown}: {error}"),
            )
        })?;
        Ok(Self {
            spec: file.spec,
            tool: file.tool,
            scenario,
            trace: file.trace,
            digest: file.digest,
            event_count: file.event_count,
            topology: file.topology,
            events,
        })
    }

    /// The run, if all of its events are here; `name` is what it was called.
    ///
    /// # Errors
    /// Exit 4 if it was written without its packets.
    pub fn whole(self, name: &str) -> Result<Self, Failure> {
        if self.trace.keeps_packets() {
            return Ok(self);
        }
        let lacks = "cannot be compared event for event";
        Err(log::too_little(&name, self.trace, lacks))
    }

    /// Whether the other should have taken the same course: made by the same version from the same
    /// scenario under the same seed.
    pub fn is_of_the_same_run(&self, other: &Self) -> bool {
        let of = |course: &Self| {
            let spec = &course.spec;
            (spec.seed, spec.schedule(), spec.until, spec.limits)
        };
        self.tool == other.tool && self.scenario == other.scenario && of(self) == of(other)
    }

    /// The first event in which they differ, in words.
    pub fn difference(&self, other: &Self, context: usize) -> Option<ToldDifference> {
        let found = Difference::between(&self.events, &other.events, context)?;
        Some(ToldDifference::of(
            &found,
            &Narrator::of(&self.topology, &self.events),
            &Narrator::of(&other.topology, &other.events),
        ))
    }
}
