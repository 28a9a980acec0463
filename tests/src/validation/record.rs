//! What was measured last, as it is kept beside the page.

use super::law::{Law, Measured};
use std::{fs, io, path::Path};

/// Where the plots and the figures are, in the package.
pub const FOLDER: &str = "validation";

const FILE: &str = "measured.jsonl";

/// The cases measured so far, in the order in which they were measured. The file has a line for each.
#[derive(Debug, Default)]
pub struct Recorded {
    /// See [`Measured`].
    pub cases: Vec<Measured>,
}

impl Recorded {
    /// Reads what the package at `root` keeps; nothing if it keeps nothing yet.
    ///
    /// # Errors
    /// If it cannot be read or is not understood.
    pub fn read(root: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(root.join(FOLDER).join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            text => text?,
        };
        let cases = text.lines().zip(1..).map(|(line, number)| {
            serde_json::from_str(line)
                .map_err(|error| io::Error::other(format!("{FILE}, line {number}: {error}")))
        });
        Ok(Self {
            cases: cases.collect::<io::Result<_>>()?,
        })
    }

    /// Keeps it in the package at `root`.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder)?;
        let mut text = String::new();
        for case in &self.cases {
            text += &serde_json::to_string(case)?;
            text.push('\n');
        }
        fs::write(folder.join(FILE), text)
    }

    /// Puts what was measured of a law in the place of what was there.
    pub fn replace(&mut self, law: &Law, measured: Vec<Measured>) {
        self.cases.retain(|case| case.law != law.id);
        self.cases.extend(measured);
    }

    /// The cases of a law.
    pub fn of(&self, law: &Law) -> impl Iterator<Item = &Measured> {
        self.cases.iter().filter(|case| case.law == law.id)
    }
}
