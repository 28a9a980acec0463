//! What the command line prints for people, as text: a status column, then facts in few words. On
//! failure the last line is the one to paste. Nothing is printed here.

mod audit;
mod difference;
mod request;
mod run;
mod style;
mod sweep;

pub use audit::{audit_line, audit_summary};
pub use difference::difference;
pub use request::{request_log, slowest};
pub use run::{canary, run_summary};
pub use style::Style;
pub use sweep::{Finding, seed_line, sweep_summary};
