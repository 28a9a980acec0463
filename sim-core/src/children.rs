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
use windtunnel_record::{RunSpec, Span};

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

/// What came of a run, or why there was none.
type Answer = Result<RunResult, String>;

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
    ///
    /// A run that takes longer than `patience`, or cannot be started, is the last one.
    pub fn carry_out(
        self,
        patience: Span,
        mut run: impl FnMut(&RunSpec, Option<&Path>) -> Answer,
    ) -> ! {
        let specs = fs::read_to_string(&self.runs).expect("the parent wrote the runs");
        let file = fs::File::options()
            .append(true)
            .create(true)
            .open(&self.results);
        let mut file = file.expect("the parent made the directory");
        for spec in specs.lines() {
            let spec = serde_json::from_str(spec).expect("the parent wrote a spec a line");
            let log = self.logs.as_ref().map(|logs| log_of(logs, &spec));
            end_this_process_after(patience);
            let answer = run(&spec, log.as_deref());
            end_this_process_after(Span::ZERO);
            let mut line = serde_json::to_vec(&answer).expect("a result is plain data");
            line.push(b'\n');
            file.write_all(&line)
                .expect("the parent's directory takes the result");
            if answer.is_err() {
                break;
            }
        }
        process::exit(0)
    }
}

/// Has the system end this process by [`libc::SIGALRM`] when `patience` of the machine's time is over;
/// never if it is zero. A run that loops for ever does nothing by which it could be asked to stop.
fn end_this_process_after(patience: Span) {
    let millis = patience.as_nanos().div_ceil(1_000_000);
    let [seconds, rest] = [millis / 1_000, millis % 1_000 * 1_000];
    let timer = libc::itimerval {
        it_interval: libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        },
        it_value: libc::timeval {
            tv_sec: libc::time_t::try_from(seconds).unwrap_or(libc::time_t::MAX),
            tv_usec: rest as libc::suseconds_t,
        },
    };
    // SAFETY: the system reads one value that lives until it returns, and writes none. No handler is
    // installed: the signal's default action ends the process.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut());
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
    patience: Span,
    directory: TempDir,
    started: Cell<usize>,
}

impl Children {
    /// Children for this test. None where a child would not come to this sweep: when the thread is
    /// not one of the test harness's, and for the second and later sweeps of one test.
    /// Each run of theirs may take up to `patience`.
    pub fn of(test: &str, patience: Span) -> Option<Self> {
        if test == "main" || SWEPT.replace(true) {
            return None;
        }
        Some(Self {
            program: env::current_exe().ok()?,
            test: test.into(),
            patience,
            directory: TempDir::with_prefix("windtunnel-").ok()?,
            started: Cell::new(0),
        })
    }

    /// Carries out one spec in a child of its own. One that cannot be started is aborted.
    pub fn run_alone(&self, spec: &RunSpec) -> RunResult {
        let results = self.run_in(&Surroundings::default(), vec![vec![spec.clone()]]);
        let result = results.map(|mut results| results.pop());
        result.map_or_else(
            |why| RunResult::aborted(spec.seed.0, why),
            |result| result.expect("a batch of one spec has one result"),
        )
    }

    /// Carries out lists of specs, each in a child of its own which lives in `surroundings`. The
    /// results are in that order.
    ///
    /// # Errors
    /// As [`Children::run_all`].
    pub fn run_in(
        &self,
        surroundings: &Surroundings,
        lists: Vec<Vec<RunSpec>>,
    ) -> Result<Vec<RunResult>, String> {
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
    ///
    /// # Errors
    /// If a run cannot be started: why, from the first that a child told.
    pub fn run_all(&self, specs: &[RunSpec]) -> Result<Vec<RunResult>, String> {
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
    fn run(&self, mut todo: Vec<Batch>, width: usize) -> Result<Vec<RunResult>, String> {
        let mut results: Vec<(usize, RunResult)> = Vec::new();
        let mut running: Vec<Running> = Vec::new();
        while !(todo.is_empty() && running.is_empty()) {
            while running.len() < width {
                let Some(batch) = todo.pop() else { break };
                running.push(self.start(batch).unwrap_or_else(|error| {
                    panic!("failed to start a child of the test binary: {error}")
                }));
            }
            todo.extend(running.remove(0).collect(self.patience, &mut results)?);
        }
        results.sort_by_key(|(position, _)| *position);
        Ok(results.into_iter().map(|(_, result)| result).collect())
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
    ///
    /// # Errors
    /// Why a run could not be started, if the child says so.
    fn collect(
        mut self,
        patience: Span,
        results: &mut Vec<(usize, RunResult)>,
    ) -> Result<Option<Batch>, String> {
        let status = self.child.wait();
        let first = self.batch.first;
        let mut next = first;
        if let Ok(file) = fs::File::open(&self.results) {
            for line in io::BufReader::new(file).lines().map_while(Result::ok) {
                if let Ok(answer) = serde_json::from_str::<Answer>(&line) {
                    results.push((next, answer?));
                    next += 1;
                }
            }
        }
        let mut specs = std::mem::take(&mut self.batch.specs);
        let left = specs.split_off((next - first + 1).min(specs.len()));
        let Some(culprit) = specs.get(next - first) else {
            return Ok(None);
        };
        let why = match status.map(|status| (status, status.signal())) {
            Ok((_, Some(libc::SIGALRM))) => {
                format!("it was stopped after {patience} of the machine's time")
            }
            Ok((_, Some(signal))) => format!("its process was ended by signal {signal}"),
            Ok((status, None)) => format!("its process ended with {status}"),
            Err(error) => format!("its process was lost: {error}"),
        };
        results.push((next, RunResult::aborted(culprit.seed.0, why)));
        Ok((!left.is_empty()).then(|| Batch {
            first: next + 1,
            specs: left,
            surroundings: self.batch.surroundings.clone(),
        }))
    }
}

impl Drop for Running {
    /// A child whose results nobody waits for any more does not go on alone.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
