//! Each seed of a description twice, in two processes that have nothing in common but the test
//! binary: does the seed determine the run?

use crate::{
    Tunnel,
    children::{self, Children, Surroundings},
    sweep::{Describe, PATIENCE, RunResult, run_here},
};
use std::{fmt::Write as _, fs, io, ops::Range, path::Path, sync::Arc};
use windtunnel_record::{Difference, Digest, Record, RunRecord, RunSpec, Seed, Topology};

/// So many seeds at a time leave their events on the disk.
const AT_A_TIME: usize = 8;

/// So many events are told before a difference, and of each run from it on.
const CONTEXT: usize = 4;

/// Runs what `describe` describes twice for every seed in `seeds`: in a fresh process, and in one that
/// has run other seeds before, with randomised addresses and another environment. The processes are
/// children of the test binary; both leave their events, so that the first difference is found in the
/// runs that differ.
///
/// # Panics
/// Anywhere but as the first audit or sweep of a test, on the test's own thread: a child has to come
/// here by the same way. If a run cannot be started at all.
#[track_caller]
pub fn audit(seeds: Range<u64>, describe: impl Fn(&mut Tunnel) + Send + Sync + 'static) -> Audited {
    let describe: Describe = Arc::new(describe);
    let test = std::thread::current().name().unwrap_or("main").to_owned();
    if let Some(assignment) = children::assignment() {
        assignment.carry_out(PATIENCE, |spec, log| run_here(spec, &describe, log));
    }
    let children = Children::of(&test, PATIENCE);
    let children = children.expect("an audit is the first of its test, on the test's own thread");
    let specs: Vec<_> = seeds.map(|seed| RunSpec::new(&test, Seed(seed))).collect();
    let mut audited = Audited::default();
    for specs in specs.chunks(AT_A_TIME) {
        compare(&children, specs, &mut audited);
    }
    audited
}

/// What came of an audit.
#[derive(Debug, Default)]
pub struct Audited {
    digests: Vec<(u64, Digest)>,
    differing: Vec<TwoCourses>,
    aborted: Vec<(u64, String)>,
}

/// Two runs of one seed that differ.
#[derive(Debug)]
pub struct TwoCourses {
    /// The seed.
    pub seed: u64,
    /// The digests: of the fresh process, and of the one that had run other seeds.
    pub digests: [Digest; 2],
    /// The first event in which the runs differ.
    pub difference: Difference,
    hosts: Topology,
}

impl Audited {
    /// Every seed must have given one digest, in both processes.
    ///
    /// # Panics
    /// Otherwise: with the first event in which two runs of a seed differ.
    #[track_caller]
    pub fn held(self) {
        if let Some(first) = self.differing.first() {
            panic!("{}", first.told());
        }
        if let Some((seed, why)) = self.aborted.first() {
            panic!("seed {seed} could not be compared: {why}");
        }
    }

    /// The digests of the seeds that gave one.
    pub fn digests(&self) -> &[(u64, Digest)] {
        &self.digests
    }

    /// The seeds that took two courses.
    pub fn differing(&self) -> &[TwoCourses] {
        &self.differing
    }

    /// The seeds of which a run did not come to its end, and why.
    pub fn aborted(&self) -> &[(u64, String)] {
        &self.aborted
    }
}

impl TwoCourses {
    /// Where they part, in words and events.
    pub fn told(&self) -> String {
        let [one, other] = self.digests;
        format!(
            "seed {} gave two digests, {one} in a fresh process and {other} in one that had run other \
             seeds, with randomised addresses and another environment: {}",
            self.seed,
            told(&self.difference, &self.hosts)
        )
    }
}

fn told(difference: &Difference, hosts: &Topology) -> String {
    let position = difference.position + 1;
    let mut text = format!(
        "the courses part at {} in event {position}",
        difference.at()
    );
    for (mark, events) in [
        ("  both ", &difference.before),
        ("< one  ", &difference.one),
        ("> other", &difference.other),
    ] {
        if events.is_empty() && mark != "  both " {
            let _ = write!(text, "\n{mark} was over");
        }
        for Record { at, event } in events {
            let value = serde_json::to_value(event).unwrap_or_default();
            let host = value["host"].as_u64().or(value["client"].as_u64());
            let host = host.map_or("", |host| hosts.name(host as u32));
            let _ = write!(text, "\n{mark} {at} {host} {value}");
        }
    }
    text
}

/// Runs each spec in a child of its own and all of them in another one, and compares.
fn compare(children: &Children, specs: &[RunSpec], audited: &mut Audited) {
    let Some(first) = specs.first() else { return };
    let logs = children.directory().join("logs");
    let fresh = Surroundings {
        elsewhere: false,
        logs: Some(logs.join("fresh")),
    };
    let busy = Surroundings {
        elsewhere: true,
        logs: Some(logs.join("busy")),
    };
    for surroundings in [&fresh, &busy] {
        let made = surroundings.logs.as_ref().map(fs::create_dir_all);
        made.unwrap_or(Ok(())).expect("the test's own directory");
    }
    let alone = specs.iter().map(|spec| vec![spec.clone()]).collect();
    let run_in = |surroundings, lists| {
        let results = children.run_in(surroundings, lists);
        results.unwrap_or_else(|why| panic!("{why}"))
    };
    let ones = run_in(&fresh, alone);
    let mut another = first.clone();
    another.seed = Seed(first.seed.0.wrapping_add(1));
    let in_a_row = [&[another], specs].concat();
    let others = run_in(&busy, vec![in_a_row]).split_off(1);
    for ((spec, one), other) in specs.iter().zip(ones).zip(others) {
        match pair(spec, &one, &other, &logs) {
            Ok(Ok(digest)) => audited.digests.push((one.seed, digest)),
            Ok(Err(differing)) => audited.differing.push(*differing),
            Err(why) => audited.aborted.push((one.seed, why)),
        }
    }
    let _ = fs::remove_dir_all(logs);
}

/// The digest of both runs, or where they part; or why they cannot be compared.
fn pair(
    spec: &RunSpec,
    one: &RunResult,
    other: &RunResult,
    logs: &Path,
) -> Result<Result<Digest, Box<TwoCourses>>, String> {
    let (Some(first), Some(second)) = (one.digest, other.digest) else {
        let why = one.aborted.as_ref().or(other.aborted.as_ref());
        return Err(why.cloned().unwrap_or_default());
    };
    if first == second {
        return Ok(Ok(first));
    }
    let read = |process: &str| {
        let log = children::log_of(&logs.join(process), spec);
        read_log(&log).map_err(|error| format!("failed to read {}: {error}", log.display()))
    };
    let ((hosts, events), (_, other_events)) = (read("fresh")?, read("busy")?);
    let difference = Difference::between(&events, &other_events, CONTEXT);
    let difference = difference.ok_or("the digests differ and the events do not")?;
    Ok(Err(Box::new(TwoCourses {
        seed: one.seed,
        digests: [first, second],
        difference,
        hosts,
    })))
}

/// Where two further runs of `spec` part, if they do.
pub(crate) fn again(children: &Children, spec: &RunSpec) -> Option<String> {
    let mut audited = Audited::default();
    compare(children, std::slice::from_ref(spec), &mut audited);
    let first = audited.differing.first()?;
    Some(told(&first.difference, &first.hosts))
}

/// Leaves the hosts and then the events of a run in `path`, one JSON object a line.
pub(crate) fn write_log(path: &Path, run: &RunRecord) {
    let write = || -> io::Result<()> {
        let mut log = io::BufWriter::new(fs::File::create(path)?);
        serde_json::to_writer(&mut log, &run.topology)?;
        for record in &run.events {
            io::Write::write_all(&mut log, b"\n")?;
            serde_json::to_writer(&mut log, record)?;
        }
        io::Write::flush(&mut log)
    };
    write().expect("the parent's directory takes the log");
}

fn read_log(path: &Path) -> io::Result<(Topology, Vec<Record>)> {
    let text = fs::read_to_string(path)?;
    let (hosts, events) = text.split_once('\n').unwrap_or((&text, ""));
    let events = events.lines().map(serde_json::from_str);
    Ok((
        serde_json::from_str(hosts)?,
        events.collect::<Result<_, _>>()?,
    ))
}
