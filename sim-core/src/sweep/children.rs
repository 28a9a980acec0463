//! Seeds in children of the test binary, and what a child does.

use super::SeedResult;
use std::{
    env, fs,
    io::{self, BufRead, Write},
    ops::Range,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// The seeds a child is to run, separated by commas, and where it leaves what came of them.
const SEEDS: &str = "WINDTUNNEL_CHILD_SEEDS";
const RESULTS: &str = "WINDTUNNEL_CHILD_RESULTS";
/// Which test of the binary they are for.
const TEST: &str = "WINDTUNNEL_CHILD_TEST";
/// So many seeds a child runs before the next one starts afresh.
const PER_CHILD: usize = 50;

/// What this process is to do, if it is a child.
pub(super) struct Assignment {
    seeds: Vec<u64>,
    results: PathBuf,
}

/// What this process is to do, if it is a child.
pub(super) fn assignment() -> Option<Assignment> {
    let seeds = env::var(SEEDS).ok()?;
    let seeds = seeds
        .split(',')
        .filter_map(|seed| seed.parse().ok())
        .collect();
    Some(Assignment {
        seeds,
        results: env::var_os(RESULTS)?.into(),
    })
}

impl Assignment {
    /// Runs each seed and writes its result as soon as it is there.
    pub fn carry_out(self, mut run: impl FnMut(u64) -> SeedResult) -> Vec<SeedResult> {
        let file = fs::File::options()
            .append(true)
            .create(true)
            .open(&self.results);
        let mut file = file.expect("the parent made the directory");
        let mut results = Vec::new();
        for seed in self.seeds {
            let result = run(seed);
            let mut line = serde_json::to_vec(&result).expect("a result is plain data");
            line.push(b'\n');
            file.write_all(&line)
                .expect("the parent's directory takes the result");
            results.push(result);
        }
        results
    }
}

/// Runs the seeds in children, two at a time. Gives the seeds back when the test cannot be named to a
/// child: when it is not run by the test harness on a thread of its own.
pub(super) fn distribute(seeds: Range<u64>, test: &str) -> Result<Vec<SeedResult>, Range<u64>> {
    if test == "main" || env::var_os(TEST).is_some() {
        return Err(seeds);
    }
    let Ok(program) = env::current_exe() else {
        return Err(seeds);
    };
    let directory = env::temp_dir().join(format!("windtunnel-{}", std::process::id()));
    if fs::create_dir_all(&directory).is_err() {
        return Err(seeds);
    }
    let mut todo: Vec<u64> = seeds.rev().collect();
    let mut results = Vec::new();
    let mut number = 0;
    let width = std::thread::available_parallelism().map_or(1, usize::from);
    let mut running: Vec<Running> = Vec::new();
    while !(todo.is_empty() && running.is_empty()) {
        while running.len() < width && !todo.is_empty() {
            let batch = todo.split_off(todo.len().saturating_sub(PER_CHILD));
            let batch: Vec<u64> = batch.into_iter().rev().collect();
            let file = directory.join(format!("{number}.jsonl"));
            number += 1;
            match start(&program, test, &batch, &file) {
                Ok(child) => running.push(Running { child, batch, file }),
                Err(error) => panic!("failed to start a child of the test binary: {error}"),
            }
        }
        let finished = running.remove(0);
        let left = finished.collect(&mut results);
        todo.extend(left.into_iter().rev());
    }
    let _ = fs::remove_dir_all(&directory);
    results.sort_by_key(|result| result.seed);
    Ok(results)
}

struct Running {
    child: Child,
    batch: Vec<u64>,
    file: PathBuf,
}

impl Running {
    /// Waits for the child and takes its results. Gives the seeds that are left when it died: the one
    /// it died of is recorded as aborted.
    fn collect(mut self, results: &mut Vec<SeedResult>) -> Vec<u64> {
        let status = self.child.wait();
        let mut done = 0;
        if let Ok(file) = fs::File::open(&self.file) {
            for line in io::BufReader::new(file).lines().map_while(Result::ok) {
                if let Ok(result) = serde_json::from_str(&line) {
                    results.push(result);
                    done += 1;
                }
            }
        }
        let Some(&culprit) = self.batch.get(done) else {
            return Vec::new();
        };
        let why = match status {
            Ok(status) => match status.signal() {
                Some(signal) => format!("its process was ended by signal {signal}"),
                None => format!("its process ended with {status}"),
            },
            Err(error) => format!("its process was lost: {error}"),
        };
        results.push(SeedResult {
            seed: culprit,
            digest: None,
            rules: Vec::new(),
            faults: Default::default(),
            aborted: Some(why),
        });
        self.batch.split_off(done + 1)
    }
}

fn start(
    program: &std::path::Path,
    test: &str,
    seeds: &[u64],
    results: &std::path::Path,
) -> io::Result<Child> {
    let seeds: Vec<String> = seeds.iter().map(ToString::to_string).collect();
    let mut command = Command::new(program);
    command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(SEEDS, seeds.join(","))
        .env(RESULTS, results)
        .env(TEST, test)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    // SAFETY: between fork and exec only one system call without memory is made.
    unsafe {
        command.pre_exec(|| {
            // Addresses must not differ between children. Where this is refused nothing is lost but
            // that.
            libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
            Ok(())
        });
    }
    command.spawn()
}
