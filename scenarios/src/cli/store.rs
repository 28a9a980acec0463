//! Where runs are kept: directories whose files appear whole.

use super::{
    exit::{Exit, Failure},
    log::{self, Trace},
};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::{
    fs, io, panic,
    path::{Path, PathBuf},
    thread,
};
use windtunnel_record::{Digest, RunRecord, RunSpec, Topology};

/// The default store; disposable.
const STORE: &str = ".windtunnel";

/// What `run.json` holds: enough to make the run again and to compare.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunFile {
    /// The version of the tool.
    pub tool: String,
    /// What the run was made from, with its faults written out.
    pub spec: RunSpec,
    /// Its digest.
    pub digest: Digest,
    /// How many events.
    pub event_count: u64,
    /// How much of it the log holds; every event where nothing is said.
    #[serde(default)]
    pub trace: Trace,
    /// XXH3-128 over the lines of `events.jsonl.zst`, which says that the log is whole; absent if
    /// there is none.
    #[serde(default)]
    pub log_digest: Option<Digest>,
    /// The hosts, which events mean by number.
    #[serde(default)]
    pub topology: Topology,
    /// `held`, `violated` or `unknown`.
    pub verdict: String,
    /// The rule that a canary must violate.
    pub expected: Option<String>,
    /// The rules that were violated.
    pub violated: Vec<String>,
}

/// Writes a file under a temporary name and renames it.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("file");
    let partial = path.with_file_name(format!(".{name}.partial"));
    fs::write(&partial, bytes)?;
    fs::rename(&partial, path)
}

/// The directory for a new run, or the one the user named.
pub fn run_directory(out: Option<&Path>, run: &RunRecord) -> PathBuf {
    if let Some(out) = out {
        return out.into();
    }
    let name = Path::new(&run.spec.scenario)
        .file_stem()
        .and_then(|stem| stem.to_str());
    let digest = run.digest.to_string();
    let id = format!("{}-{}", run.spec.seed, &digest[..8]);
    Path::new(STORE)
        .join("runs")
        .join(name.unwrap_or("run"))
        .join(id)
}

/// Writes the directory of a run. `replay` is what stands after `windtunnel replay `.
pub fn write_run(
    directory: &Path,
    run: &RunRecord,
    trace: Trace,
    scenario: &str,
    expected: Option<&str>,
    replay: &str,
) -> anyhow::Result<()> {
    let write = |name: &str, bytes: &[u8]| {
        let path = directory.join(name);
        write_whole(&path, bytes).with_context(|| format!("failed to write {}", path.display()))
    };
    // The log takes about as long as all the rest, and needs nothing of it.
    let log_digest = thread::scope(|scope| {
        let log = scope.spawn(|| log::write(directory, &run.events, trace));
        for (name, bytes) in windtunnel_reports::directory::render(run, replay) {
            write(&name, &bytes)?;
        }
        write("scenario.toml", scenario.as_bytes())?;
        write("faults.toml", faults_toml(run)?.as_bytes())?;
        log.join()
            .unwrap_or_else(|payload| panic::resume_unwind(payload))
    })?;
    let mut spec = run.spec.clone();
    spec.faults = Some(run.faults.clone());
    let file = RunFile {
        tool: run.tool.clone(),
        spec,
        digest: run.digest,
        event_count: run.event_count,
        trace,
        log_digest,
        topology: run.topology.clone(),
        verdict: run.verdict().into(),
        expected: expected.map(Into::into),
        violated: run
            .rules
            .iter()
            .filter(|rule| rule.fails())
            .map(|rule| rule.id.clone())
            .collect(),
    };
    // Last: a directory with a run.json is complete.
    write("run.json", &serde_json::to_vec_pretty(&file)?)
}

fn faults_toml(run: &RunRecord) -> anyhow::Result<String> {
    #[derive(Serialize)]
    struct Faults<'a> {
        faults: &'a windtunnel_record::FaultPlan,
    }
    toml::to_string_pretty(&Faults {
        faults: &run.faults,
    })
    .context("failed to write the faults")
}

/// Lets `latest` mean this run. A convenience: that it fails is no error.
pub fn point_latest_to(directory: &Path) {
    let link = Path::new(STORE).join("latest");
    if let (Ok(()), Ok(target)) = (fs::create_dir_all(STORE), fs::canonicalize(directory)) {
        let _ = fs::remove_file(&link);
        let _ = std::os::unix::fs::symlink(target, &link);
    }
}

/// Reads `run.json` of a run's directory.
///
/// # Errors
/// Exit 4 if it is not there, 3 if it cannot be understood.
pub fn read_run(directory: &Path) -> Result<RunFile, Failure> {
    let path = directory.join("run.json");
    let shown = path.display();
    let text = fs::read(&path).map_err(|error| {
        let message = format!(
            "failed to read {shown}: {error} (a run's directory is what `run` and `replay` write)"
        );
        Failure::new(Exit::Nothing, message)
    })?;
    serde_json::from_slice(&text).map_err(|error| {
        Failure::new(
            Exit::Invalid,
            format_args!("failed to read {shown}: {error}"),
        )
    })
}

/// A path as it stands on a line to paste into a shell.
pub fn quoted(path: &Path) -> String {
    quoted_text(&path.display().to_string())
}

/// A word as it stands on a command line.
pub fn quoted_text(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), Into::into)
}

/// The directory that `latest` means.
pub fn latest() -> PathBuf {
    Path::new(STORE).join("latest")
}

/// The directory of a sweep.
pub fn sweep_directory(out: Option<&Path>, scenario: &str) -> PathBuf {
    let name = Path::new(scenario)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("sweep");
    out.map_or_else(
        || Path::new(STORE).join("sweeps").join(name),
        Path::to_path_buf,
    )
}

/// The directory of an audit.
pub fn audit_directory(out: Option<&Path>) -> PathBuf {
    out.map_or_else(|| Path::new(STORE).join("audit"), Path::to_path_buf)
}
