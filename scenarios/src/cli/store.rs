//! Where runs are kept: directories whose files appear whole.

use super::exit::{Exit, Failure};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};
use windtunnel_record::{Digest, Record, RunRecord, RunSpec, Topology, digest::BytesDigester};

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
    /// XXH3-128 over the lines of `events.jsonl.zst`, which says that the log is whole.
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
    scenario: &str,
    expected: Option<&str>,
    replay: &str,
) -> anyhow::Result<()> {
    let write = |name: &str, bytes: &[u8]| {
        let path = directory.join(name);
        write_whole(&path, bytes).with_context(|| format!("failed to write {}", path.display()))
    };
    for (name, bytes) in windtunnel_reports::directory::render(run, replay) {
        write(&name, &bytes)?;
    }
    write("scenario.toml", scenario.as_bytes())?;
    write("faults.toml", faults_toml(run)?.as_bytes())?;
    let (log, log_digest) = compressed(&run.events)?;
    write("events.jsonl.zst", &log)?;
    let mut spec = run.spec.clone();
    spec.faults = Some(run.faults.clone());
    let file = RunFile {
        tool: run.tool.clone(),
        spec,
        digest: run.digest,
        event_count: run.event_count,
        log_digest: Some(log_digest),
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

/// The events, one JSON object a line, and the digest of the lines.
fn compressed(events: &[Record]) -> anyhow::Result<(Vec<u8>, Digest)> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).context("failed to start compressing")?;
    let mut digester = BytesDigester::default();
    // A serialiser writes a few bytes at a time, for each of which the encoder has a price.
    let mut lines = Vec::with_capacity(2 * BLOCK);
    for record in events {
        serde_json::to_writer(&mut lines, record).context("failed to write an event")?;
        lines.push(b'\n');
        if lines.len() >= BLOCK {
            digester.absorb(&lines);
            encoder.write_all(&lines)?;
            lines.clear();
        }
    }
    digester.absorb(&lines);
    encoder.write_all(&lines)?;
    let log = encoder.finish().context("failed to compress the events")?;
    Ok((log, digester.digest()))
}

/// So many bytes of a log are compressed at a time.
const BLOCK: usize = 1 << 16;

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
