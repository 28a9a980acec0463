//! Exit codes and how failures are told.

use std::{fmt, io};
use windtunnel_record::RunRecord;

/// How the command ends; the numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Every rule held (or the expected one, and only that, was violated).
    Held = 0,
    /// Anything else: a bug of ours, a full disk.
    Failed = 1,
    /// The scenario or configuration is invalid.
    Invalid = 3,
    /// Nothing was selected.
    Nothing = 4,
    /// A rule was violated.
    Violated = 10,
    /// A `sometimes` rule was met by no seed.
    NeverMet = 11,
    /// A limit was hit, there was no progress, or a rule could not be judged.
    Limit = 12,
    /// One seed, two digests.
    Nondeterminism = 13,
    /// A case no longer reproduces.
    NotReproduced = 14,
    /// What the real world needs is not there.
    Unavailable = 20,
}

impl Exit {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// How a run with this record ends, when `expected` is the rule that a canary must violate.
    pub fn of(run: &RunRecord, expected: Option<&str>) -> Self {
        let broken: Vec<&str> = run
            .rules
            .iter()
            .filter(|rule| rule.fails())
            .map(|rule| rule.id.as_str())
            .collect();
        match expected {
            Some(rule) if broken == [rule] => Self::Held,
            Some(_) => Self::Violated,
            None if !broken.is_empty() => Self::Violated,
            None if run.verdict() == "unknown" => Self::Limit,
            None => Self::Held,
        }
    }
}

/// A verb that did not come to its end.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure with its exit and what to tell.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
        }
    }

    /// Tells it on standard error, unless nothing failed: somebody who read the output has read enough.
    pub fn report(self) -> Exit {
        if self.exit != Exit::Held {
            eprintln!("error: {}", self.message.trim_end());
        }
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let broken_pipe = error.chain().any(|cause| {
            cause
                .downcast_ref::<io::Error>()
                .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
        });
        let exit = if broken_pipe {
            Exit::Held
        } else {
            Exit::Failed
        };
        Self::new(exit, format_args!("{error:#}"))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        anyhow::Error::from(error).into()
    }
}
