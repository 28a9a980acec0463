//! What a run *is*: seed, spec, fault plan, event, history, verdict.
//!
//! Everything here is plain data that serialises. A run is a value: a [`RunSpec`] goes in, a
//! [`RunRecord`] comes out, and nothing else may influence the one or be learned from the other.
//!
//! Three things in this crate can never change without hurting users, because saved seeds, digests
//! and committed cases depend on them: the canonical form of an event ([`canonical`]), the naming of
//! random streams ([`stream`]) and the case file ([`case`]). ARCHITECTURE.md states each of them.
//!
//! *Never in this crate*: I/O, async, threads, a clock, an operating system's entropy.

pub mod bandwidth;
pub mod canonical;
pub mod case;
pub mod clock;
pub mod difference;
pub mod digest;
pub mod distribution;
pub mod dns;
pub mod event;
pub mod fault;
mod fields;
pub mod history;
pub mod impairments;
mod partition;
mod plan;
pub mod quantity;
pub mod run;
pub mod scheduling;
pub mod size;
pub mod spec;
pub mod stream;
pub mod target;
pub mod topology;
pub mod trace;
pub mod verdict;

pub use bandwidth::Bandwidth;
pub use case::Case;
pub use clock::{Clock, ClockOffset};
pub use difference::Difference;
pub use digest::Digest;
pub use distribution::{Distribution, Zipf};
pub use dns::Dns;
pub use event::{Event, Fields, Record, Text, Value};
pub use fault::{FaultPlan, FaultSpec, Inject, PlannedFault};
pub use history::{History, Operation, Outcome};
pub use impairments::{Impairments, Reorder};
pub use quantity::{Moment, Rate, Span};
pub use run::RunRecord;
pub use scheduling::Scheduling;
pub use size::{Size, Throughput};
pub use spec::{Limits, RunSpec};
pub use stream::{Seed, Stream};
pub use target::Target;
pub use topology::{HostInfo, Topology};
pub use trace::TraceId;
pub use verdict::{Reason, RuleReport, Verdict, Witness};
