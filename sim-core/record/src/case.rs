//! The file that gets committed when something failed: the whole failing run as text, never only a
//! seed.
//!
//! A case is TOML, `format = 1`. It holds the [`RunSpec`] with its explicit, shrunk fault list, the
//! rule that broke, when it broke, and the digest to expect. Replaying it may find the same rule
//! broken on another digest (*still fails, by another path*) or the rule held (*no longer
//! reproduces*, exit 14).

use crate::{Digest, Moment, RunSpec};
use serde::{Deserialize, Serialize};

/// The format of case files that this version writes and reads.
pub const FORMAT: u32 = 1;

/// A failing run and how it fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Case {
    /// [`FORMAT`].
    pub format: u32,
    /// One sentence for people: what broke.
    pub about: String,
    /// The version that wrote it.
    pub tool: String,
    /// The rule that broke.
    pub rule: String,
    /// When it broke.
    pub broke_at: Moment,
    /// The digest of the failing run.
    pub digest: Digest,
    /// The failing run.
    pub run: RunSpec,
}

/// Why a text is not a case; completes "failed to read ...".
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// Not the shape of a case.
    #[error("{0}")]
    Shape(#[from] toml::de::Error),
    /// A format of another version.
    #[error("format {0} is not known here (this version reads format {FORMAT})")]
    Format(u32),
    /// A case must carry its faults.
    #[error("it has no `run.faults` (a case lists its faults explicitly)")]
    NoFaults,
}

impl Case {
    /// Reads a case file.
    ///
    /// # Errors
    /// If the text is not TOML of this shape and format, or lists no faults.
    pub fn from_toml(text: &str) -> Result<Self, CaseError> {
        let case: Self = toml::from_str(text)?;
        if case.format != FORMAT {
            return Err(CaseError::Format(case.format));
        }
        if case.run.faults.is_none() {
            return Err(CaseError::NoFaults);
        }
        Ok(case)
    }

    /// The text of the case file of a scenario.
    pub fn to_toml(&self) -> String {
        self.to_toml_with("windtunnel replay <this file>")
    }

    /// The text of the case file, with the line that replays it.
    pub fn to_toml_with(&self, replay: &str) -> String {
        let body = toml::to_string_pretty(self).expect("a case has no value that TOML lacks");
        let about = self.about.replace('\n', " ");
        format!("# {about}\n# Replay it: {replay}\n{body}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FaultPlan, Seed};

    fn case() -> Case {
        let mut run = RunSpec::new("shop", Seed(117));
        let faults = "[[faults]]\nid = \"orders-flap/0\"\nat = \"3s\"\nfor = \"2s\"\n\
                      inject = { power-loss = { target = \"orders-1\" } }";
        #[derive(Deserialize)]
        struct Plan {
            faults: FaultPlan,
        }
        run.faults = Some(toml::from_str::<Plan>(faults).expect("a plan").faults);
        run.overrides
            .insert("services.orders.replicas".into(), "2".into());
        Case {
            format: FORMAT,
            about: "order 17 was charged twice".into(),
            tool: "0.1.0".into(),
            rule: "no-double-charge".into(),
            broke_at: Moment::from_nanos(41_203_000_000),
            digest: Digest(0x51be_0c02),
            run,
        }
    }

    #[test]
    fn a_case_file_reads_back_as_it_was() {
        let text = case().to_toml();
        assert_eq!(Case::from_toml(&text).expect(&text), case());
    }

    #[test]
    fn another_format_and_a_case_without_faults_are_refused() {
        let text = case().to_toml();
        let newer = text.replace("format = 1", "format = 2");
        assert!(matches!(Case::from_toml(&newer), Err(CaseError::Format(2))));
        let bare = Case {
            run: RunSpec::new("shop", Seed(1)),
            ..case()
        };
        assert!(matches!(
            Case::from_toml(&bare.to_toml()),
            Err(CaseError::NoFaults)
        ));
    }
}
