//! A day of a gateway, simulated, with every kind of fault again and again: nothing may grow. What is
//! allocated and what the machine room holds (tasks, timers, connections, ports) is looked at once a
//! second; the median of the last hour is held against that of the first whole one, which faults,
//! lasting for seconds, do not move.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use windtunnel::{pause_for, prelude::*};
use windtunnel_engine::census::{Census, census};
use windtunnel_record::{RunSpec, Seed, Span};
use windtunnel_scenarios::{format::Scenario, world};
use windtunnel_tests::measure::{median, within};

/// Counts what is allocated and not given back.
struct Counting;

static ALLOCATED: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// One look: bytes allocated, and what the run holds.
type Look = (u64, Census);

/// The medians of an hour of looks.
#[derive(Debug)]
struct Hour {
    bytes: u64,
    tasks: usize,
    timers: usize,
    connections: usize,
    ports: usize,
}

impl Hour {
    fn of(looks: &[Look]) -> Self {
        let counts = |count: fn(&Census) -> usize| {
            median(looks.iter().map(|(_, census)| count(census)).collect())
        };
        Self {
            bytes: median(looks.iter().map(|(bytes, _)| *bytes).collect()),
            tasks: counts(|census| census.tasks),
            timers: counts(|census| census.timers),
            connections: counts(|census| census.connections),
            ports: counts(|census| census.ports),
        }
    }
}

/// The looks of each `part` of the run, which has so many parts.
fn day(scenario: &Scenario, parts: usize, part: Span) -> Vec<Hour> {
    let hours = Arc::new(Mutex::new(Vec::new()));
    let (noted, data) = (hours.clone(), scenario.clone());
    let spec = RunSpec::new("gateway-soak", Seed(1));
    let started = Instant::now();
    let run = windtunnel::execute(&spec, Default::default(), move |tunnel: &mut Tunnel| {
        world::describe(&data, tunnel);
        let looks = tunnel.host("looks").cpu(Span::ZERO, Span::ZERO);
        let seconds = (part.as_secs_f64() as usize).max(1);
        looks.run(move || {
            let noted = noted.clone();
            async move {
                // Before, so that the looks themselves take no more with time.
                let mut looks: Vec<Look> = Vec::with_capacity(seconds);
                noted.lock().expect("nobody panics").reserve(parts);
                for part in 1..=parts {
                    looks.clear();
                    for _ in 0..seconds {
                        pause_for(Duration::from_secs(1)).await;
                        looks.push((ALLOCATED.load(Ordering::Relaxed), census()));
                    }
                    let hour = Hour::of(&looks);
                    eprintln!("part {part}: {hour:?}");
                    noted.lock().expect("nobody panics").push(hour);
                }
                std::future::pending::<()>().await;
            }
        });
    });
    let run = run.expect("the run can be made");
    println!(
        "{} events kept in {:.0?}, digest {}",
        run.events.len(),
        started.elapsed(),
        run.digest
    );
    for rule in &run.rules {
        println!("{rule:?}");
    }
    assert_eq!(run.verdict(), "held", "{:?}", run.rules);
    let mut hours = hours.lock().expect("the run is over");
    std::mem::take(&mut *hours)
}

fn main() -> ExitCode {
    windtunnel::process::without_address_randomisation();
    let is_smoke = !std::env::args().any(|argument| argument == "--bench");
    let text = include_str!("gateway.toml");
    // The smoke test has a day of three minutes.
    let (parts, part, text) = if is_smoke {
        (3, Span::from_secs(60), shortened(text))
    } else {
        (24, Span::from_secs(3600), text.to_owned())
    };
    let scenario = Scenario::from_toml(&text).expect("it is valid");
    let hours = day(&scenario, parts, part);
    let (first, last) = (&hours[1], &hours[parts - 1]);
    let ratio = |count: fn(&Hour) -> f64| count(last) / count(first).max(1.0);
    let figures = [
        ("bytes", ratio(|hour| hour.bytes as f64), 1.01),
        ("tasks", ratio(|hour| hour.tasks as f64), 1.05),
        ("timers", ratio(|hour| hour.timers as f64), 1.05),
        ("connections", ratio(|hour| hour.connections as f64), 1.05),
        ("ports", ratio(|hour| hour.ports as f64), 1.05),
    ];
    let mut met = true;
    for (what, figure, bar) in figures {
        met &= within(&format!("{what}, last part / second part"), figure, bar);
    }
    ExitCode::from(u8::from(!met && !is_smoke))
}

/// The same with three minutes for a day, and its faults that much closer.
fn shortened(text: &str) -> String {
    let text = text.replace("24h", "180s").replace("23h45m", "60s");
    let mut lines = Vec::new();
    for line in text.lines() {
        lines.push(match line.starts_with("every") {
            true => "every = { exponential = { mean = \"30s\" } }",
            false => line,
        });
    }
    // So short a day is not what these are about.
    lines
        .join("\n")
        .replace("success() >= 0.95", "success() >= 0.0")
}
