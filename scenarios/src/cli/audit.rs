//! `windtunnel audit`: each seed runs twice, in two processes that have nothing in common but the
//! program, and both must come to one digest.
//!
//! The first run has a fresh process. The second has one that has carried out other seeds before, with
//! addresses that are randomised, another environment, and another directory to work in. Both
//! processes hold their run with all of its events until the digests are compared, so that where they
//! differ the first differing event is found in the two runs that did differ, not in repetitions.

mod ledger;
mod pins;
mod selection;
mod twice;

use super::{
    arguments::{Audit, Format},
    exit::{Exit, Failure},
    store,
};
use indicatif::{ProgressBar, ProgressStyle};
use ledger::Ledger;
use pins::Pins;
use selection::Chosen;
use std::{
    collections::VecDeque,
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Instant,
};
use twice::{CONDITIONS, Twice};
use windtunnel_record::Seed;
use windtunnel_reports::{
    console::{Style, audit_line, audit_summary},
    json::{AuditLine, AuditSummary},
};

/// Runs the seeds twice each and compares.
pub fn audit(arguments: &Audit) -> Result<Exit, Failure> {
    let started = Instant::now();
    let mut pins = arguments.pins.as_deref().map(Pins::read).transpose()?;
    let chosen = selection::of(arguments, pins.as_ref())?;
    let directory = store::audit_directory(arguments.out.as_deref());
    let (mut ledger, done) = Ledger::open(&directory, arguments)?;
    let mut summary = AuditSummary::default();
    for line in done.values() {
        summary.add(line);
        if let Some(pins) = &mut pins {
            pins.add(line);
        }
    }
    let mut todo = VecDeque::new();
    for (number, scenario) in chosen.iter().enumerate() {
        let key = |seed: &Seed| (scenario.name.clone(), seed.0);
        let left = scenario
            .seeds
            .iter()
            .filter(|seed| !done.contains_key(&key(seed)));
        todo.extend(left.map(|&seed| (number, seed)));
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let width = arguments.jobs.unwrap_or(cores).clamp(1, todo.len().max(1));
    announce(&chosen, todo.len(), done.len(), width);
    let auditors = chosen
        .iter()
        .map(|chosen| chosen.auditor(arguments, &directory));
    let pool = Pool::start(auditors.collect(), todo, width)?;
    let style = |is_terminal| {
        if is_terminal {
            Style::COLORED
        } else {
            Style::PLAIN
        }
    };
    let colours = style(io::stdout().is_terminal());
    for line in &pool.lines {
        let line = line?;
        summary.add(&line);
        if let Some(pins) = &mut pins {
            pins.add(&line);
        }
        ledger.add(&line)?;
        pool.progress.inc(1);
        pool.progress.suspend(|| match arguments.format {
            Format::Json => print_json(&line),
            Format::Human if line.status == "same" => Ok(()),
            Format::Human => write!(io::stdout(), "{}", audit_line(&line, CONDITIONS, colours)),
        })?;
    }
    pool.end();
    summary.wall_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match arguments.format {
        Format::Json => print_json(&summary)?,
        Format::Human => write!(io::stdout(), "{}", audit_summary(&summary, colours))?,
    }
    if let Some(pins) = &pins {
        tell_pins(pins, arguments)?;
    }
    let repinned = pins.is_some_and(|pins| !pins.changes().is_empty()) && !arguments.update;
    Ok(match (summary.differing, repinned, summary.aborted) {
        (0, false, 0) => Exit::Held,
        (0, false, _) => Exit::Limit,
        (0, true, _) => Exit::NotReproduced,
        _ => Exit::Nondeterminism,
    })
}

/// Says which pinned digests are no longer right, and pins the new ones if asked to.
fn tell_pins(pins: &Pins, arguments: &Audit) -> Result<(), Failure> {
    let changes = pins.changes();
    if changes.is_empty() {
        return Ok(());
    }
    eprint!("{changes}");
    if arguments.update {
        pins.update()?;
    } else {
        eprintln!("these runs are no longer as pinned (--update pins what was seen)");
    }
    Ok(())
}

fn print_json(value: &impl serde::Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(value).map_err(io::Error::from)?;
    text.push(b'\n');
    io::stdout().write_all(&text)
}

fn announce(chosen: &[Chosen], left: usize, done: usize, width: usize) {
    eprintln!("auditing {left} seeds, two runs each, {width} at a time");
    for scenario in chosen {
        if let (Some(first), Some(last)) = (scenario.seeds.first(), scenario.seeds.last()) {
            let count = scenario.seeds.len();
            eprintln!(
                "  {:<22} {count} seeds from {first} to {last}",
                scenario.name
            );
        }
    }
    if done > 0 {
        eprintln!("  {done} were audited before");
    }
}

/// The threads that have seeds run.
struct Pool {
    threads: Vec<thread::JoinHandle<()>>,
    lines: mpsc::Receiver<anyhow::Result<AuditLine>>,
    progress: ProgressBar,
}

impl Pool {
    fn start(
        auditors: Vec<Twice>,
        todo: VecDeque<(usize, Seed)>,
        width: usize,
    ) -> io::Result<Self> {
        let bar = ProgressStyle::with_template("{bar:30} {pos}/{len} seeds, {eta} left");
        let bar = bar.unwrap_or_else(|_| ProgressStyle::default_bar());
        let progress = ProgressBar::new(todo.len() as u64).with_style(bar);
        let todo = Arc::new(Mutex::new(todo));
        let auditors = Arc::new(auditors);
        // Bounded: whoever runs waits for whoever prints.
        let (sender, lines) = mpsc::sync_channel(width);
        let start = |_| {
            let (todo, auditors, sender) = (todo.clone(), auditors.clone(), sender.clone());
            thread::Builder::new().spawn(move || {
                let mut seat = twice::Seat::default();
                loop {
                    let next = todo.lock().ok().and_then(|mut todo| todo.pop_front());
                    let Some((number, seed)) = next else { return };
                    let line = auditors[number].compare(number, seed, &mut seat);
                    let failed = line.is_err();
                    if sender.send(line).is_err() || failed {
                        return;
                    }
                }
            })
        };
        let threads = (0..width).map(start).collect::<io::Result<_>>()?;
        Ok(Self {
            threads,
            lines,
            progress,
        })
    }

    fn end(self) {
        self.progress.finish_and_clear();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}
