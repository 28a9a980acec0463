//! Runs in children of the test binary, and what a child does.
//!
//! A child is the same test of the same binary. It comes to the sweep or audit by the same way,
//! carries out what its parent asks for, and ends there: what the test does with the results is the
//! parent's.

use crate::{conditions, sweep::RunResult};
use std::{
    cell::Cell,
    env, fs,
    io::{self, BufRead, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
};
use tempfile::TempDir;
use windtunnel_record::RunSpec;

/// A file of the specs a child is to run, one JSON object a line, and where it leaves what came of
/// them.
const RUNS: &str = "WINDTUNNEL_CHILD_RUNS";
const RESULTS: &str = "WINDTUNNEL_CHILD_RESULTS";
/// A directory in which it leaves the events of each run, if they are wanted.
const LOGS: &str = "WINDTUNNEL_CHILD_LOGS";
/// A child runs at most so many before the next one starts afresh.
const PER_CHILD: usize = 50;

thread_local! {
    static SWEPT: Cell<bool> = const { Cell::new(false) };
}

/// What this process is to do, if it is a child.
pub(crate) struct Assignment {
    runs: PathBuf,
    results: PathBuf,
    logs: Option<PathBuf>,
}

/// What this process is to do, if it is a child.
pub(crate) fn assignment() -> Option<Assignment> {
    Some(Assignment {
        runs: env::var_os(RUNS)?.into(),
        results: env::var_os(RESULTS)?.into(),
        logs: env::var_os(LOGS).map(Into::into),
    })
}

impl Assignment {
    /// Carries out each run, writes its result as soon as it is there, and ends the process. `run` is
    /// also told where to leave the events.
    pub fn carry_out(self, mut run: impl FnMut(&RunSpec, Option<&Path>) -> RunResult) -> ! {
        let specs = fs::read_to_string(&self.runs).expect("the parent wrote the runs");
        let file = fs::File::options()
            .append(true)
            .create(true)
            .open(&self.results);
        let mut file = file.expect("the parent made the directory");
        for spec in specs.lines() {
            let spec = serde_json::from_str(spec).expect("the parent wrote a spec a line");
            let log = self.logs.as_ref().map(|logs| log_of(logs, &spec));
            let result = run(&spec, log.as_deref());
            let mut line = serde_json::to_vec(&result).expect("a result is plain data");
            line.push(b'\n');
            file.write_all(&line)
                .expect("the parent's directory takes the result");
        }
        process::exit(0)
    }
}

/// Where in `logs` a child leaves the events of `spec`.
pub(crate) fn log_of(logs: &Path, spec: &RunSpec) -> PathBuf {
    logs.join(format!("{}.jsonl", spec.seed))
}

/// What a child lives in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// Randomised addresses and another environment.
    pub elsewhere: bool,
    /// Where it leaves the events of its runs.
    pub logs: Option<PathBuf>,
}

/// How a test starts children of its own binary.
pub(crate) struct Children {
    program: PathBuf,
    test: String,
    directory: TempDir,
    started: Cell<usize>,
}

impl Children {
    /// Children for this test. None where a child would not come to this sweep: when the thread is
    /// not one of the test harness's, and for the second and later sweeps of one test.
    pub fn of(test: &str) -> Option<Self> {
        if test == "main" || SWEPT.replace(true) {
            return None;
        }
        Some(Self {
            program: env::current_exe().ok()?,
            test: test.into(),
            directory: TempDir::with_prefix("windtunnel-").ok()?,
            started: Cell::new(0),
        })
    }

    /// Carries out one spec in a child of its own.
    pub fn run_alone(&self, spec: &RunSpec) -> RunResult {
        let mut results = self.run_in(&Surroundings::default(), vec![vec![spec.clone()]]);
        results.pop().expect("a batch of one spec has one result")
    }

    /// Carries out lists of specs, each in a child of its own which lives in `surroundings`. The
    /// results are in that order.
    pub fn run_in(&self, surroundings: &Surroundings, lists: Vec<Vec<RunSpec>>) -> Vec<RunResult> {
        let mut first = 0;
        let batch = |specs: Vec<RunSpec>| {
            let surroundings = surroundings.clone();
            first += specs.len();
            Batch {
                first: first - specs.len(),
                specs,
                surroundings,
            }
        };
        let mut todo: Vec<_> = lists.into_iter().map(batch).collect();
        todo.reverse();
        self.run(todo, width())
    }

    /// A directory of the test's own, which is removed with it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Carries out `specs` in as many children at a time as there are cores, and the first spec once
    /// more in a child that has carried out others. The results are in that order.
    pub fn run_all(&self, specs: &[RunSpec]) -> Vec<RunResult> {
        let width = width();
        let batch = specs.len().div_ceil(width).clamp(1, PER_CHILD);
        let mut todo: Vec<Batch> = specs
            .chunks(batch)
            .enumerate()
            .map(|(number, specs)| Batch {
                first: number * batch,
                specs: specs.to_vec(),
                surroundings: Surroundings::default(),
            })
            .collect();
        if let (Some(last), Some(first)) = (todo.last_mut(), specs.first()) {
            last.specs.push(first.clone());
        }
        todo.reverse();
        self.run(todo, width)
    }

    /// Carries out batches, the last first, in `width` children at a time.
    fn run(&self, mut todo: Vec<Batch>, width: usize) -> Vec<RunResult> {
        let mut results: Vec<(usize, RunResult)> = Vec::new();
        let mut running: Vec<Running> = Vec::new();
        while !(todo.is_empty() && running.is_empty()) {
            while running.len() < width {
                let Some(batch) = todo.pop() else { break };
                running.push(self.start(batch).unwrap_or_else(|error| {
                    panic!("failed to start a child of the test binary: {error}")
                }));
            }
            todo.extend(running.remove(0).collect(&mut results));
        }
        results.sort_by_key(|(position, _)| *position);
        results.into_iter().map(|(_, result)| result).collect()
    }

    fn start(&self, batch: Batch) -> io::Result<Running> {
        let number = self.started.replace(self.started.get() + 1);
        let file = |what: &str| self.directory.path().join(format!("{number}-{what}.jsonl"));
        let (runs, results) = (file("runs"), file("results"));
        let mut lines = Vec::new();
        for spec in &batch.specs {
            serde_json::to_writer(&mut lines, spec)?;
            lines.push(b'\n');
        }
        fs::write(&runs, lines)?;
        let mut command = Command::new(&self.program);
        command
            .args([&self.test, "--exact", "--nocapture", "--test-threads=1"])
            .env(RUNS, runs)
            .env(RESULTS, &results)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        batch.surroundings.apply(&mut command);
        let child = command.spawn()?;
        Ok(Running {
            child,
            batch,
            results,
        })
    }
}

impl Surroundings {
    fn apply(&self, command: &mut Command) {
        conditions::randomise_addresses(command, self.elsewhere);
        if self.elsewhere {
            conditions::change_environment(command);
        }
        if let Some(logs) = &self.logs {
            command.env(LOGS, logs);
        }
    }
}

fn width() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Specs for one child, the position of the first among all, and what the child lives in.
struct Batch {
    first: usize,
    specs: Vec<RunSpec>,
    surroundings: Surroundings,
}

struct Running {
    child: Child,
    batch: Batch,
    results: PathBuf,
}

impl Running {
    /// Waits for the child and takes its results. Gives what is left when it died: the run it died of
    /// is recorded as aborted.
    fn collect(mut self, results: &mut Vec<(usize, RunResult)>) -> Option<Batch> {
        let status = self.child.wait();
        let mut next = self.batch.first;
        if let Ok(file) = fs::File::open(&self.results) {
            for line in io::BufReader::new(file).lines().map_while(Result::ok) {
                if let Ok(result) = serde_json::from_str(&line) {
                    results.push((next, result));
                    next += 1;
                }
            }
        }
        let done = next - self.batch.first;
        let culprit = self.batch.specs.get(done)?;
        let why = match status {
            Ok(status) => match status.signal() {
                Some(signal) => format!("its process was ended by signal {signal}"),
                None => format!("its process ended with {status}"),
            },
            Err(error) => format!("its process was lost: {error}"),
        };
        results.push((next, RunResult::aborted(culprit.seed.0, why)));
        let left = self.batch.specs.split_off(done + 1);
        (!left.is_empty()).then_some(Batch {
            first: next + 1,
            specs: left,
            surroundings: self.batch.surroundings,
        })
    }
}
