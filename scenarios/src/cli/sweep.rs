//! `windtunnel sweep`: many seeds in a pool of worker processes.
//!
//! A worker that dies, or is ended because a run took longer than the user's patience, is a result
//! of the seed it was at; a new worker takes its place. Results are written as they come.

use super::{
    arguments::{Format, Sweep},
    door,
    exit::{Exit, Failure},
    store, target,
};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    collections::{BTreeMap, VecDeque},
    env, fs,
    io::{self, BufRead, BufReader, IsTerminal, Write},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};
use windtunnel_explorer::{Seeds, SeedsError};
use windtunnel_record::Seed;
use windtunnel_reports::{
    console::{Style, seed_line, sweep_summary},
    json::{SeedLine, SweepSummary},
};

/// Runs the seeds and judges the sweep.
pub fn sweep(arguments: &Sweep) -> Result<Exit, Failure> {
    let overrides = target::overrides(&arguments.overrides)?;
    let scenario = target::load(&arguments.target, &overrides)?;
    door::simulated(&scenario, &arguments.target)?;
    let seeds: Seeds = arguments
        .seeds
        .parse()
        .map_err(|error: SeedsError| Failure::new(Exit::Nothing, error))?;
    let seeds: Vec<Seed> = seeds.iter().collect();
    if seeds.is_empty() {
        return Err(Failure::new(Exit::Nothing, "no seeds were selected"));
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let width = arguments.jobs.unwrap_or(cores).clamp(1, seeds.len());
    eprintln!(
        "sweeping {} over {} seeds with {width} workers",
        arguments.target,
        seeds.len()
    );
    let started = Instant::now();
    let directory = store::sweep_directory(arguments.out.as_deref(), &arguments.target);
    fs::create_dir_all(&directory)?;
    let mut lines = collect(arguments, seeds, width, &directory)?;
    lines.sort_by_key(|line| line.run.seed);
    let wall_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let summary = SweepSummary::from_lines(&lines);
    let case = first_case(&lines, &scenario, &overrides, &directory)?;
    print(arguments.format, &summary, wall_ms, case.as_deref())?;
    let bytes = serde_json::to_vec_pretty(&summary).map_err(io::Error::from)?;
    store::write_whole(&directory.join("summary.json"), &bytes)?;
    Ok(judge(&lines, &summary, scenario.expected()))
}

/// Lets the workers run and gathers their lines, which also go to `seeds.jsonl` as they come.
fn collect(
    arguments: &Sweep,
    seeds: Vec<Seed>,
    width: usize,
    directory: &Path,
) -> Result<Vec<SeedLine>, Failure> {
    let total = seeds.len() as u64;
    let queue = Arc::new(Mutex::new(VecDeque::from(seeds)));
    let (sender, receiver) = mpsc::channel();
    let pool: Vec<_> = (0..width)
        .map(|_| {
            let (queue, sender) = (queue.clone(), sender.clone());
            let pool = Pool {
                target: arguments.target.clone(),
                overrides: arguments.overrides.clone(),
                patience: arguments.patience.into(),
            };
            thread::Builder::new().spawn(move || pool.serve(&queue, &sender))
        })
        .collect::<Result<_, _>>()?;
    drop(sender);
    let path = directory.join("seeds.jsonl");
    let mut file = fs::File::create(&path)?;
    let progress = progress(total);
    let json = arguments.format == Format::Json;
    let style = if io::stderr().is_terminal() {
        Style::COLORED
    } else {
        Style::PLAIN
    };
    let mut lines = Vec::new();
    for line in receiver {
        let line: SeedLine = line?;
        let mut text = serde_json::to_vec(&line).map_err(io::Error::from)?;
        text.push(b'\n');
        file.write_all(&text)?;
        if json {
            io::stdout().write_all(&text)?;
        }
        if line.status() != "held" {
            progress.suspend(|| eprint!("{}", seed_line(&line, style)));
        }
        progress.inc(1);
        lines.push(line);
    }
    progress.finish_and_clear();
    for worker in pool {
        let _ = worker.join();
    }
    Ok(lines)
}

fn progress(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} seeds, {eta} left");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What a worker needs to know.
struct Pool {
    target: String,
    overrides: Vec<String>,
    patience: Duration,
}

type Queue = Mutex<VecDeque<Seed>>;

impl Pool {
    /// Keeps one worker process busy, and starts another when it dies.
    fn serve(&self, queue: &Queue, results: &mpsc::Sender<anyhow::Result<SeedLine>>) {
        let next = || queue.lock().ok().and_then(|mut queue| queue.pop_front());
        let mut worker: Option<Worker> = None;
        while let Some(seed) = next() {
            let started = Instant::now();
            let alive = match worker.take().map_or_else(|| self.start(), Ok) {
                Ok(alive) => alive,
                Err(error) => {
                    let _ = results.send(Err(error));
                    return;
                }
            };
            let (line, left) = alive.run(seed, self.patience);
            worker = left;
            let line = line.unwrap_or_else(|why| {
                let wall_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                SeedLine::lost(&self.target, seed, wall_ms, &why)
            });
            if results.send(Ok(line)).is_err() {
                return;
            }
        }
    }

    fn start(&self) -> anyhow::Result<Worker> {
        let program = env::current_exe().context("failed to find this program")?;
        let mut command = Command::new(program);
        command.arg("worker").arg(&self.target);
        for setting in &self.overrides {
            command.args(["--set", setting]);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to start a worker")?;
        let out = child.stdout.take().context("a worker without output")?;
        let (sender, lines) = mpsc::channel();
        thread::Builder::new().spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        })?;
        Ok(Worker { child, lines })
    }
}

/// A worker process and the lines it answers.
struct Worker {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Worker {
    /// Runs one seed. Gives the line or why there is none, and the worker if it lives.
    fn run(mut self, seed: Seed, patience: Duration) -> (Result<SeedLine, String>, Option<Self>) {
        let asked = self
            .child
            .stdin
            .as_mut()
            .map(|stdin| writeln!(stdin, "{seed}"));
        if !matches!(asked, Some(Ok(()))) {
            return (Err(self.epitaph()), None);
        }
        match self.lines.recv_timeout(patience) {
            Ok(line) => match serde_json::from_str(&line) {
                Ok(line) => (Ok(line), Some(self)),
                Err(error) => (
                    Err(format!("its worker answered what is no result: {error}")),
                    None,
                ),
            },
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                let _ = self.child.wait();
                let waited = patience.as_secs_f64();
                (
                    Err(format!(
                        "it was stopped after {waited} s of the machine's time"
                    )),
                    None,
                )
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => (Err(self.epitaph()), None),
        }
    }

    fn epitaph(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => match status.signal() {
                Some(signal) => format!("its worker was ended by signal {signal}"),
                None => format!("its worker ended with {status}"),
            },
            Err(error) => format!("its worker was lost: {error}"),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Without input a worker ends by itself.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Runs the first failing seed again in fresh processes, and writes its case file.
fn first_case(
    lines: &[SeedLine],
    scenario: &target::Scenario,
    overrides: &BTreeMap<String, String>,
    directory: &Path,
) -> Result<Option<String>, Failure> {
    let Some(line) = lines.iter().find(|line| line.status() == "violated") else {
        return Ok(None);
    };
    scenario.confirm(line, overrides, directory).map(Some)
}

fn print(
    format: Format,
    summary: &SweepSummary,
    wall_ms: u64,
    case: Option<&str>,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match format {
        Format::Human => {
            let style = if io::stdout().is_terminal() {
                Style::COLORED
            } else {
                Style::PLAIN
            };
            write!(out, "{}", sweep_summary(summary, wall_ms, case, style))?;
        }
        Format::Json => {
            serde_json::to_writer(&mut out, summary).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// How the sweep ends. Violations come before limits, limits before unmet rules.
fn judge(lines: &[SeedLine], summary: &SweepSummary, expected: Option<&str>) -> Exit {
    let broken = |line: &SeedLine| -> Vec<String> {
        let checks = line.run.checks.iter().filter(|check| check.fails());
        checks.map(|check| check.id.clone()).collect()
    };
    if let Some(rule) = expected {
        let seen = lines.iter().any(|line| broken(line) == [rule]);
        let only = lines
            .iter()
            .all(|line| broken(line).iter().all(|other| other == rule));
        return if seen && only {
            Exit::Held
        } else {
            Exit::Violated
        };
    }
    if lines.iter().any(|line| line.status() == "violated") {
        return Exit::Violated;
    }
    if lines.iter().any(|line| line.status() != "held") {
        return Exit::Limit;
    }
    if summary.never_met.is_empty() {
        Exit::Held
    } else {
        Exit::NeverMet
    }
}
