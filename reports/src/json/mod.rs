//! What `--format json` prints: one object for a run, one line per seed and a closing object for a
//! sweep. Field names are stable; new ones may be added.

mod audit;
mod difference;
mod run;
mod seed_line;
mod sweep;

pub use audit::{AuditLine, AuditSummary, AuditedScenario};
pub use difference::{ToldDifference, ToldEvent};
pub use run::{Broken, Check, Metrics, RunObject};
pub use seed_line::SeedLine;
pub use sweep::{FaultKindSummary, RuleSummary, SeedCost, SweepSummary};
