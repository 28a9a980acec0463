//! A scenario as data: the TOML format, `format = 1`.
//!
//! Keys are kebab-case, durations and rates are texts with units, every choice is a table with one
//! key, unknown keys are errors, and names that refer to something are checked.
//! [`Scenario::from_toml`] reports everything that is wrong at once, with its place.

mod decode;
mod disk;
mod explain;
mod gateway_file;
mod gateway_program;
mod load;
mod memory;
mod network;
mod overrides;
mod places;
mod policy;
mod problem;
mod prune;
mod references;
mod rules;
mod scenario;
mod service;
mod settings;
mod together;

#[cfg(test)]
mod tests;

pub use disk::Disk;
pub use gateway_file::GatewayFile;
pub use gateway_program::{
    AccessLogSettings, AdminSettings, Certificate, GatewayProgram, LineFormat, LogTarget, Oldest,
    ServerTls, Shutdown,
};
pub use load::{Keys, Load, Model, Stage};
pub use memory::Memory;
pub use network::{Link, Network};
pub use overrides::apply as apply_overrides;
pub use policy::{
    Balancer, BalancerKind, Breaker, FailureRate, Outliers, Policy, RateLimit, Retry,
};
pub use problem::{Problem, closest};
pub use scenario::{Check, Expect, Run, Scenario};
pub use service::{Call, Cpu, Limp, Role, Route, Service};

/// The JSON Schema of scenario files, for completion and checks in editors.
pub fn schema() -> schemars::Schema {
    let mut settings = schemars::generate::SchemaSettings::draft07();
    settings.inline_subschemas = false;
    settings.into_generator().into_root_schema_for::<Scenario>()
}
