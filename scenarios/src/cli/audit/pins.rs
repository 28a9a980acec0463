//! Pinned digests: a committed file of `scenario@seed = digest`, so that a change of behaviour is a
//! line that somebody reviews.

use crate::cli::{
    exit::{Exit, Failure},
    store, target,
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};
use windtunnel_record::{Digest, Seed};
use windtunnel_reports::json::AuditLine;

/// What the file holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    digests: BTreeMap<String, Digest>,
}

/// The pinned digests and what was seen of them.
pub struct Pins {
    path: PathBuf,
    text: String,
    pinned: BTreeMap<String, Digest>,
    changed: Vec<(String, Digest)>,
}

impl Pins {
    /// Reads a file of pinned digests.
    ///
    /// # Errors
    /// Exit 4 if it is not there, 3 if it cannot be understood.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let failed = |exit, error: &dyn std::fmt::Display| {
            Failure::new(exit, format_args!("failed to read {shown}: {error}"))
        };
        let text = fs::read_to_string(path).map_err(|error| failed(Exit::Nothing, &error))?;
        let file: File = toml::from_str(&text).map_err(|error| failed(Exit::Invalid, &error))?;
        let without_seed = file
            .digests
            .keys()
            .find(|name| target::split_seed(name).1.is_none());
        if let Some(name) = without_seed {
            let hint = format!("`{name}` names no seed (write `{name}@42`)");
            return Err(failed(Exit::Invalid, &hint));
        }
        Ok(Self {
            path: path.into(),
            text,
            pinned: file.digests,
            changed: Vec::new(),
        })
    }

    /// The pinned seeds by scenario.
    pub fn seeds(&self) -> BTreeMap<&str, Vec<Seed>> {
        let mut seeds: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for name in self.pinned.keys() {
            let (scenario, seed) = target::split_seed(name);
            seeds.entry(scenario).or_default().extend(seed.map(Seed));
        }
        seeds
    }

    /// Takes in what came of a seed.
    pub fn add(&mut self, line: &AuditLine) {
        let name = format!("{}@{}", line.scenario, line.seed);
        if let ("same", [Some(digest), _]) = (line.status.as_str(), line.digests)
            && self.pinned.get(&name) != Some(&digest)
        {
            self.changed.push((name, digest));
        }
    }

    /// The lines that are no longer right, as a patch shows them.
    pub fn changes(&self) -> String {
        let mut text = String::new();
        for (name, digest) in &self.changed {
            let line = |digest: &Digest| format!("\"{name}\" = \"{digest}\"");
            text += &format!("-{}\n+{}\n", line(&self.pinned[name]), line(digest));
        }
        text
    }

    /// Writes the file with the digests that were seen. Comments and order stay.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn update(&self) -> io::Result<()> {
        let mut text = self.text.clone();
        for (name, digest) in &self.changed {
            let line = |line: &str| {
                if line.trim_start().starts_with(&format!("\"{name}\"")) {
                    line.replace(&self.pinned[name].to_string(), &digest.to_string())
                } else {
                    line.into()
                }
            };
            text = text.lines().map(|one| line(one) + "\n").collect();
        }
        store::write_whole(&self.path, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seed: u64, digest: u128) -> AuditLine {
        AuditLine {
            scenario: "shop".into(),
            seed: Seed(seed),
            status: "same".into(),
            digests: [Some(Digest(digest)); 2],
            events: 1,
            wall_ms: 1,
            why: None,
            difference: None,
            directories: None,
        }
    }

    #[test]
    fn a_changed_digest_is_a_line_of_a_patch_and_an_update_touches_nothing_else() {
        let directory = std::env::temp_dir().join(format!("pins-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("made");
        let path = directory.join("digests.toml");
        let (old, new) = (Digest(1), Digest(2));
        let before =
            format!("# why\n[digests]\n\"shop@7\" = \"{old}\" # old\n\"shop@77\" = \"{old}\"\n");
        fs::write(&path, &before).expect("written");
        let mut pins = Pins::read(&path).expect("it is understood");
        assert_eq!(pins.seeds()["shop"], [Seed(7), Seed(77)]);
        pins.add(&line(77, 1));
        assert_eq!(pins.changes(), "");
        pins.add(&line(7, 2));
        let changes = format!("-\"shop@7\" = \"{old}\"\n+\"shop@7\" = \"{new}\"\n");
        assert_eq!(pins.changes(), changes);
        pins.update().expect("written");
        let after = fs::read_to_string(&path).expect("it is there");
        assert_eq!(
            after,
            before.replacen(&old.to_string(), &new.to_string(), 1)
        );
        fs::remove_dir_all(directory).expect("removed");
    }
}
