//! What an audit has seen so far, a line each, from which an interrupted one goes on.

use crate::cli::{
    arguments::Audit,
    exit::{Exit, Failure},
    store,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};
use windtunnel_record::{Digest, digest::BytesDigester};
use windtunnel_reports::json::AuditLine;

/// Lines by scenario and seed.
pub type Done = BTreeMap<(String, u64), AuditLine>;

/// The first line: what the others hold for.
#[derive(PartialEq, Serialize, Deserialize)]
struct Head {
    /// The fingerprint of the program's file.
    program: Digest,
    overrides: Vec<String>,
}

/// The file that lines are added to.
pub struct Ledger(File);

impl Ledger {
    /// Opens the ledger in `directory`, with what it has seen if the arguments ask to go on.
    ///
    /// # Errors
    /// Exit 3 if what is there was seen by another program or with other settings.
    pub fn open(directory: &Path, arguments: &Audit) -> Result<(Self, Done), Failure> {
        fs::create_dir_all(directory)?;
        let path = directory.join("audit.jsonl");
        let head = Head {
            program: program()?,
            overrides: arguments.overrides.clone(),
        };
        let done = if arguments.resume && path.exists() {
            read(&path, &head)?
        } else {
            Done::new()
        };
        // Written anew, because what was interrupted may end in half a line.
        let mut text = line_of(&head)?;
        for line in done.values() {
            text.extend(line_of(line)?);
        }
        store::write_whole(&path, &text)?;
        let file = File::options().append(true).open(&path)?;
        Ok((Self(file), done))
    }

    /// Adds a line.
    pub fn add(&mut self, line: &AuditLine) -> io::Result<()> {
        self.0.write_all(&line_of(line)?)
    }
}

fn line_of(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value).map_err(io::Error::from)?;
    line.push(b'\n');
    Ok(line)
}

fn read(path: &Path, expected: &Head) -> Result<Done, Failure> {
    let text = fs::read_to_string(path)?;
    let mut lines = text.lines();
    let head = lines
        .next()
        .and_then(|line| serde_json::from_str(line).ok());
    if head.as_ref() != Some(expected) {
        let message = format!(
            "{} was written by another program or with other settings (leave out --resume to begin \
             anew)",
            path.display()
        );
        return Err(Failure::new(Exit::Invalid, message));
    }
    let lines = lines.filter_map(|line| serde_json::from_str::<AuditLine>(line).ok());
    let compared = lines.filter(|line| line.status != "aborted");
    Ok(compared
        .map(|line| ((line.scenario.clone(), line.seed.0), line))
        .collect())
}

/// The fingerprint of this program.
fn program() -> io::Result<Digest> {
    let mut file = File::open(env::current_exe()?)?;
    let (mut digester, mut block) = (BytesDigester::default(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(digester.digest()),
            read => digester.absorb(&block[..read]),
        }
    }
}
