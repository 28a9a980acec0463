//! `windtunnel sweep`: many seeds in a pool of worker processes.
//!
//! A worker that dies, or is ended because a run took longer than the user's patience, is a result
//! of the seed it was at; a new worker takes its place. Results are written as they come.

use super::{
    arguments::{Format, Shrinking, Sweep},
    door,
    exit::{Exit, Failure},
    finding, store, target,
    workers::{Answer, Conditions, Workers},
};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    collections::VecDeque,
    fs,
    io::{self, IsTerminal, Write},
    path::Path,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Instant,
};
use windtunnel_explorer::{Effort, Seeds, SeedsError, agree};
use windtunnel_record::{RunSpec, Seed};
use windtunnel_reports::{
    console::{Finding, Style, canary, seed_line, sweep_summary},
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
    let workers = Workers {
        target: arguments.target.clone(),
        overrides: arguments.overrides.clone(),
        patience: arguments.patience.into(),
        conditions: Conditions::default(),
    };
    let spec = |seed| scenario.spec(&arguments.target, seed, &overrides);
    let specs = seeds.into_iter().map(spec).collect();
    let mut lines = collect(arguments.format, specs, width, &workers, &directory)?;
    lines.sort_by_key(|line| line.run.seed);
    let wall_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let summary = SweepSummary::from_lines(&lines);
    let expected = scenario.expected();
    // What goes wrong from here on takes nothing away from what is known.
    let mut failures = Vec::new();
    failures.extend(repeat_first(&lines, spec, &workers).err());
    let violated = finding::worth_a_case(&lines, expected);
    let kept = match arguments.shrink {
        Shrinking::All => violated.as_slice(),
        Shrinking::Off | Shrinking::First => &violated[..violated.len().min(1)],
    };
    let mut findings = Vec::new();
    for line in kept {
        let spec = spec(line.run.seed);
        match case_of(line, &spec, expected, arguments, &workers, &directory) {
            Ok(finding) => findings.push(finding),
            Err(failure) => failures.push(failure),
        }
    }
    let mut object = serde_json::to_value(&summary).map_err(io::Error::from)?;
    object["findings"] = serde_json::to_value(&findings).map_err(io::Error::from)?;
    object["failures"] = failures.iter().map(Failure::to_string).collect();
    let bytes = serde_json::to_vec_pretty(&object).map_err(io::Error::from)?;
    store::write_whole(&directory.join("summary.json"), &bytes)?;
    let exit = judge(&lines, &summary, expected);
    let canary = expected.filter(|_| exit == Exit::Held);
    print(arguments, &summary, &object, wall_ms, &findings, canary)?;
    let mut failures = failures.into_iter();
    let Some(first) = failures.next() else {
        return Ok(exit);
    };
    for further in failures {
        further.report();
    }
    Err(first)
}

/// Lets the workers run and gathers their lines, which also go to `seeds.jsonl` as they come.
fn collect(
    format: Format,
    specs: Vec<RunSpec>,
    width: usize,
    workers: &Workers,
    directory: &Path,
) -> Result<Vec<SeedLine>, Failure> {
    let total = specs.len() as u64;
    let queue = Arc::new(Mutex::new(VecDeque::from(specs)));
    let (sender, receiver) = mpsc::channel();
    let pool: Vec<_> = (0..width)
        .map(|_| {
            let (queue, sender, workers) = (queue.clone(), sender.clone(), workers.clone());
            thread::Builder::new().spawn(move || serve(&workers, &queue, &sender))
        })
        .collect::<Result<_, _>>()?;
    drop(sender);
    let path = directory.join("seeds.jsonl");
    let mut file = fs::File::create(&path)?;
    let progress = progress(total);
    let json = format == Format::Json;
    let style = if io::stderr().is_terminal() {
        Style::COLORED
    } else {
        Style::PLAIN
    };
    let mut lines = Vec::new();
    for answer in receiver {
        let line = answer?.line;
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

/// Runs the first seed once more in a worker that has run others, and compares.
fn repeat_first(
    lines: &[SeedLine],
    spec: impl Fn(Seed) -> RunSpec,
    workers: &Workers,
) -> Result<(), Failure> {
    let Some(first) = lines.first() else {
        return Ok(());
    };
    let other = lines.get(1).unwrap_or(first);
    let mut worker = None;
    for seed in [other.run.seed, first.run.seed] {
        let again = workers.run(&spec(seed), &mut worker);
        let again = again.map_err(|error| Failure::new(Exit::Failed, format_args!("{error:#}")))?;
        if seed == first.run.seed && first.aborted.is_none() {
            let first = Answer {
                line: first.clone(),
                faults: None,
            };
            let (first, again) = (finding::shown(&first, None), finding::shown(&again, None));
            agree(seed, &first, &again).map_err(|doubt| Failure::from(&doubt))?;
        }
    }
    Ok(())
}

/// Keeps one worker process busy, and starts another when it dies.
fn serve(
    workers: &Workers,
    queue: &Mutex<VecDeque<RunSpec>>,
    results: &mpsc::Sender<anyhow::Result<Answer>>,
) {
    let next = || queue.lock().ok().and_then(|mut queue| queue.pop_front());
    let mut worker = None;
    while let Some(spec) = next() {
        let answer = workers.run(&spec, &mut worker);
        let failed = answer.is_err();
        if results.send(answer).is_err() || failed {
            return;
        }
    }
}

/// Makes a case of a violation.
fn case_of(
    line: &SeedLine,
    spec: &RunSpec,
    expected: Option<&str>,
    arguments: &Sweep,
    workers: &Workers,
    directory: &Path,
) -> Result<Finding, Failure> {
    let seen = Answer {
        line: line.clone(),
        faults: None,
    };
    let seen = finding::shown(&seen, expected);
    let mut effort = Effort::default();
    if arguments.shrink == Shrinking::Off {
        effort.runs = 0;
    }
    let bar = ProgressBar::new_spinner();
    let seed = line.run.seed;
    let found = finding::of(spec, &seen, effort, workers, directory, |runs| {
        bar.set_message(format!("shrinking seed {seed}: run {runs}"));
        bar.tick();
    });
    bar.finish_and_clear();
    found
}

fn print(
    arguments: &Sweep,
    summary: &SweepSummary,
    object: &serde_json::Value,
    wall_ms: u64,
    findings: &[Finding],
    canary_that_broke: Option<&str>,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match arguments.format {
        Format::Human => {
            let style = if io::stdout().is_terminal() {
                Style::COLORED
            } else {
                Style::PLAIN
            };
            let again = |seed| run_line(&arguments.target, seed, &arguments.overrides);
            let text = sweep_summary(summary, wall_ms, findings, again, style);
            if let Some(rule) = canary_that_broke {
                write!(out, "{}", canary(rule, true, style))?;
            }
            write!(out, "{text}")?;
        }
        Format::Json => {
            serde_json::to_writer(&mut out, object).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// What a person pastes to run one seed of the sweep, with its changed settings.
fn run_line(target: &str, seed: Seed, overrides: &[String]) -> String {
    let mut line = format!(
        "windtunnel run {}",
        store::quoted_text(&format!("{target}@{seed}"))
    );
    for setting in overrides {
        line += &format!(" --set {}", store::quoted_text(setting));
    }
    line
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
