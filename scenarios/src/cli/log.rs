//! The log of a run: its events, one JSON object a line, compressed.

use super::{
    exit::{Exit, Failure},
    store::{self, RunFile},
};
use anyhow::Context;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::{
    fmt::{self, Display},
    fs,
    io::{self, BufRead, BufReader, Write},
    path::Path,
};
use windtunnel_record::{Digest, Record, digest::BytesDigester};

/// The file in a run's directory.
const NAME: &str = "events.jsonl.zst";

/// How much of what happened is written. The digest covers all of it in any case.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Trace {
    /// No log; reports, history and metrics all the same.
    Off,
    /// All but packets and disk writes.
    Calls,
    /// Every event.
    #[default]
    Packets,
}

impl Trace {
    /// Whether the run has to keep its packets and disk writes.
    pub fn keeps_packets(self) -> bool {
        self == Self::Packets
    }
}

impl Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Calls => "calls",
            Self::Packets => "packets",
        })
    }
}

/// Writes the log into the directory, unless there is to be none; then one that an earlier run left
/// there is removed. Gives the digest of its lines.
pub fn write(directory: &Path, events: &[Record], trace: Trace) -> anyhow::Result<Option<Digest>> {
    let path = directory.join(NAME);
    if trace == Trace::Off {
        return match fs::remove_file(&path) {
            Err(error) if !nobody_is_there(&error) => {
                Err(error).with_context(|| format!("failed to remove {}", path.display()))
            }
            _ => Ok(None),
        };
    }
    let (log, digest) = compressed(events)?;
    store::write_whole(&path, &log)
        .with_context(|| format!("failed to write {}", path.display()))?;
    Ok(Some(digest))
}

/// Whether what was to be removed is not there anyway.
fn nobody_is_there(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// So many bytes of a log are compressed at a time.
const BLOCK: usize = 1 << 16;

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

/// Reads the log of the run that `file` is about.
///
/// # Errors
/// Exit 4 if the run was written without one, 3 if it cannot be understood or is not the one that was
/// written.
pub fn read(directory: &Path, file: &RunFile) -> Result<Vec<Record>, Failure> {
    if file.trace == Trace::Off {
        return Err(too_little(&directory.display(), file.trace, "has no log"));
    }
    let path = directory.join(NAME);
    let failed = |error: &dyn Display| {
        let shown = path.display();
        Failure::new(
            Exit::Invalid,
            format_args!("failed to read {shown}: {error}"),
        )
    };
    let log = fs::File::open(&path).map_err(|error| failed(&error))?;
    let log = zstd::Decoder::new(log).map_err(|error| failed(&error))?;
    let (mut log, mut line) = (BufReader::new(log), Vec::new());
    let (mut events, mut digester) = (Vec::new(), BytesDigester::default());
    loop {
        line.clear();
        let length = log
            .read_until(b'\n', &mut line)
            .map_err(|error| failed(&error))?;
        if length == 0 {
            break;
        }
        digester.absorb(&line);
        let record = serde_json::from_slice(&line).map_err(|error| failed(&error))?;
        events.push(record);
    }
    if file
        .log_digest
        .is_some_and(|digest| digest != digester.digest())
    {
        return Err(failed(&"its digest is not the one in run.json"));
    }
    Ok(events)
}

/// What is told when a run of `target` was written with too little of it: exit 4.
pub fn too_little(target: &dyn Display, trace: Trace, lacks: &str) -> Failure {
    let target = target.to_string();
    let message = format!(
        "{target} was written with `--trace {trace}` and {lacks} (run again with `--trace packets`: \
         windtunnel replay {} --trace packets)",
        store::quoted_text(&target)
    );
    Failure::new(Exit::Nothing, message)
}
