//! Worker processes: each runs one spec after the other, so that what a run does to its process is a
//! result of that run alone.

use super::exit::{Exit, Failure};
use anyhow::Context;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    env,
    io::{BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use windtunnel::{conditions, process::STARTED_AGAIN};
use windtunnel_record::{Digest, FaultPlan, RunSpec};
use windtunnel_reports::json::SeedLine;

/// What a worker says of one run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The run in short.
    #[serde(flatten)]
    pub line: SeedLine,
    /// The faults that were carried out, if a rule broke: what shrinking starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<FaultPlan>,
}

/// What a worker that holds its runs says of one: it has not judged it, nor read its events.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Seen {
    /// The run's digest.
    pub digest: Digest,
    /// How many events it had.
    pub events: u64,
}

/// What a worker is asked, one JSON object a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Request {
    /// Write the directory of the last run, which is answered by [`Kept`].
    Keep {
        /// Where.
        keep: PathBuf,
    },
    /// Carry out a run, which is answered by [`Answer`], or by [`Seen`] where runs are held.
    Run(Box<RunSpec>),
}

/// What a worker says of a directory that it was to write.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    /// Why it is not there.
    pub failed: Option<String>,
}

/// Under which conditions a worker's process lives. None of them may have a say in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// It holds the last run with all of its events, so that it can write the directory, and judges
    /// it only then.
    pub holds: bool,
    /// It has randomised addresses, other values in its environment, which is larger, and works in
    /// another directory.
    pub elsewhere: bool,
}

/// How workers for one scenario are started.
#[derive(Clone)]
pub struct Workers {
    /// The scenario, by name or by its file.
    pub target: String,
    /// Changed settings as `PATH=VALUE`.
    pub overrides: Vec<String>,
    /// A run that takes longer is ended.
    pub patience: Duration,
    /// What their processes are like.
    pub conditions: Conditions,
}

impl Workers {
    /// Carries out `spec` in `worker`, or in a new one where there is none. A run that ended its
    /// worker is a line that says so; the worker stays if it lives.
    ///
    /// # Errors
    /// If a worker cannot be started.
    pub fn run(&self, spec: &RunSpec, worker: &mut Option<Worker>) -> anyhow::Result<Answer> {
        let started = Instant::now();
        let answer = self.answer(spec, worker)?;
        Ok(answer.unwrap_or_else(|why: String| {
            let wall_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            Answer {
                line: SeedLine::lost(&self.target, spec.seed, wall_ms, &why),
                faults: None,
            }
        }))
    }

    /// Carries out `spec` in a process of its own.
    ///
    /// # Errors
    /// If a worker cannot be started.
    pub fn run_alone(&self, spec: &RunSpec) -> Result<Answer, Failure> {
        self.run(spec, &mut None)
            .map_err(|error| Failure::new(Exit::Failed, format_args!("{error:#}")))
    }

    /// Carries out `spec` in `worker`, or in a new one where there is none, which holds the run. Why
    /// there is none if it ended its worker; the worker stays if it lives.
    ///
    /// # Errors
    /// If a worker cannot be started.
    pub fn see(
        &self,
        spec: &RunSpec,
        worker: &mut Option<Worker>,
    ) -> anyhow::Result<Result<Seen, String>> {
        self.answer(spec, worker)
    }

    fn answer<A: DeserializeOwned>(
        &self,
        spec: &RunSpec,
        worker: &mut Option<Worker>,
    ) -> anyhow::Result<Result<A, String>> {
        let alive = worker.take().map_or_else(|| self.start(), Ok)?;
        let (answer, left) = alive.run(spec, self.patience)?;
        *worker = left;
        Ok(answer)
    }

    fn start(&self) -> anyhow::Result<Worker> {
        let program = env::current_exe().context("failed to find this program")?;
        let mut command = Command::new(program);
        command.arg("worker").arg(&self.target);
        for setting in &self.overrides {
            command.args(["--set", setting]);
        }
        command.env_remove(STARTED_AGAIN);
        if self.conditions.holds {
            command.arg("--hold");
        }
        if self.conditions.elsewhere {
            command.arg("--elsewhere").current_dir("/");
            conditions::change_environment(&mut command);
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
pub struct Worker {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Worker {
    /// Carries out one spec: what the worker answered, or why it did not, and the worker if it lives.
    fn run<A: DeserializeOwned>(
        mut self,
        spec: &RunSpec,
        patience: Duration,
    ) -> anyhow::Result<(Result<A, String>, Option<Self>)> {
        let asked = serde_json::to_vec(spec).context("failed to write a spec")?;
        if !self.ask(asked) {
            return Ok((Err(self.epitaph()), None));
        }
        match self.lines.recv_timeout(patience) {
            Ok(line) => match serde_json::from_str(&line) {
                Ok(answer) => Ok((Ok(answer), Some(self))),
                Err(error) => {
                    let why = format!("its worker answered what is no result: {error}");
                    Ok((Err(why), None))
                }
            },
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                let _ = self.child.wait();
                let waited = patience.as_secs_f64();
                let why = format!("it was stopped after {waited} s of the machine's time");
                Ok((Err(why), None))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => Ok((Err(self.epitaph()), None)),
        }
    }

    /// Has it write the directory of its last run.
    ///
    /// # Errors
    /// If it is gone, or the directory cannot be written.
    pub fn keep(&mut self, directory: &Path) -> anyhow::Result<()> {
        let request = Request::Keep {
            keep: directory.into(),
        };
        let asked = serde_json::to_vec(&request).context("failed to write a request")?;
        anyhow::ensure!(self.ask(asked), "{}", self.epitaph());
        let line = self.lines.recv().context("its worker is gone")?;
        let kept: Kept = serde_json::from_str(&line).context("its worker answered oddly")?;
        match kept.failed {
            None => Ok(()),
            Some(why) => anyhow::bail!("{why}"),
        }
    }

    /// Sends one line. False if nobody reads it.
    fn ask(&mut self, mut line: Vec<u8>) -> bool {
        line.push(b'\n');
        let stdin = self.child.stdin.as_mut();
        matches!(stdin.map(|stdin| stdin.write_all(&line)), Some(Ok(())))
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
