//! One seed in two processes.

use crate::cli::{
    course::Course,
    store,
    workers::{Seen, Worker, Workers},
};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};
use windtunnel_record::{Digest, RunSpec, Seed};
use windtunnel_reports::json::{AuditLine, ToldDifference};

/// What the processes of both runs are like.
pub const CONDITIONS: [&str; 2] = [
    "the run of a fresh process (address randomisation off)",
    "the run of a process that had run other seeds (address randomisation on, another environment, \
     another directory)",
];

/// The runs of so many seeds are kept; an audit in which everything differs must not fill the disk.
const MOST_KEPT: u32 = 8;
static KEPT: AtomicU32 = AtomicU32::new(0);

/// So many events are told before a difference, and of each run from it on.
const CONTEXT: usize = 6;

/// How the seeds of one scenario are run twice.
pub struct Twice {
    /// The scenario as it was named.
    pub scenario: String,
    /// A run of it.
    pub spec: RunSpec,
    /// The processes of the first runs.
    pub fresh: Workers,
    /// The processes of the second runs.
    pub busy: Workers,
    /// Where runs that differ are kept.
    pub directory: PathBuf,
}

/// The process that goes from seed to seed, and the scenario it is of.
#[derive(Default)]
pub struct Seat {
    scenario: usize,
    worker: Option<Worker>,
}

impl Twice {
    /// Runs `seed` in a process of its own and in the one on the `seat`, and compares. `number` is
    /// this scenario's.
    ///
    /// # Errors
    /// If a process cannot be started.
    pub fn compare(&self, number: usize, seed: Seed, seat: &mut Seat) -> anyhow::Result<AuditLine> {
        let started = Instant::now();
        let mut spec = self.spec.clone();
        spec.seed = seed;
        if seat.scenario != number {
            seat.worker = None;
            seat.scenario = number;
        }
        if seat.worker.is_none() {
            let mut another = spec.clone();
            another.seed = Seed(seed.0.wrapping_add(1));
            // How it ends says nothing of the seed that is asked for.
            let _ = self.busy.see(&another, &mut seat.worker)?;
        }
        let mut fresh = None;
        let one = self.fresh.see(&spec, &mut fresh)?;
        let other = self.busy.see(&spec, &mut seat.worker)?;
        let digest = |seen: &Result<Seen, String>| seen.as_ref().ok().map(|seen| seen.digest);
        let digests = [digest(&one), digest(&other)];
        let mut line = AuditLine {
            scenario: self.scenario.clone(),
            seed,
            status: status(digests).into(),
            digests,
            events: one.as_ref().map_or(0, |seen| seen.events),
            wall_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            why: None,
            difference: None,
            directories: None,
        };
        if line.status == "aborted" {
            line.why = one.err().or(other.err());
        } else if line.status == "differs" {
            self.explain(&mut line, fresh, seat.worker.as_mut());
        }
        Ok(line)
    }

    /// Keeps both runs and finds the first event in which they differ.
    fn explain(&self, line: &mut AuditLine, fresh: Option<Worker>, busy: Option<&mut Worker>) {
        if KEPT.fetch_add(1, Ordering::Relaxed) >= MOST_KEPT {
            line.why = Some(format!("only the first {MOST_KEPT} are kept and compared"));
            return;
        }
        let name = Path::new(&self.scenario).file_stem().unwrap_or_default();
        let place = format!("{}-{}", name.to_string_lossy(), line.seed);
        let place = self.directory.join(place);
        let directories = [place.join("fresh"), place.join("busy")];
        match keep_and_compare(&directories, fresh, busy) {
            Ok(difference) => {
                line.why = difference.is_none().then(|| {
                    "the digests differ and the events do not, which is a bug of the harness".into()
                });
                line.difference = difference;
            }
            Err(error) => line.why = Some(format!("the runs could not be kept: {error:#}")),
        }
        line.directories = Some(directories.map(|directory| store::quoted(&directory)));
    }
}

fn keep_and_compare(
    directories: &[PathBuf; 2],
    fresh: Option<Worker>,
    busy: Option<&mut Worker>,
) -> anyhow::Result<Option<ToldDifference>> {
    let (Some(mut fresh), Some(busy)) = (fresh, busy) else {
        anyhow::bail!("a process is gone");
    };
    fresh.keep(&directories[0])?;
    busy.keep(&directories[1])?;
    let read = |directory: &Path| Course::read(directory).map_err(|e| anyhow::anyhow!("{e}"));
    let (one, other) = (read(&directories[0])?, read(&directories[1])?);
    Ok(one.difference(&other, CONTEXT))
}

fn status(digests: [Option<Digest>; 2]) -> &'static str {
    match digests {
        [Some(one), Some(other)] if one == other => "same",
        [Some(_), Some(_)] => "differs",
        _ => "aborted",
    }
}
