//! What is wrong with a configuration: every problem at once, each with the field it is about.

use std::fmt;

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, as a path: `routes[2].retry.attempts`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field, self.problem)
    }
}

/// A configuration that cannot work, with all its problems; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidConfig {
    /// In the order of the configuration.
    pub problems: Vec<Problem>,
}

impl InvalidConfig {
    /// One problem.
    pub(in crate::gateway) fn of(field: impl Into<String>, problem: impl fmt::Display) -> Self {
        let (field, problem) = (field.into(), problem.to_string());
        Self {
            problems: vec![Problem { field, problem }],
        }
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("build gateway: ")?;
        for (position, problem) in self.problems.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}
