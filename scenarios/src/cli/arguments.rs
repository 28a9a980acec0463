//! What may be said on the command line.

use super::log::Trace;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use windtunnel_record::Span;

const EXITS: &str = "\
Exit codes:
   0  every rule held                       12  a limit was hit, or no progress
   2  usage                                 13  nondeterminism: one seed, two digests
   3  scenario or configuration invalid     14  a committed case no longer reproduces
   4  nothing selected                      20  real-world environment unavailable
  10  a rule was violated                    1  anything else: our bug
  11  a `sometimes` rule was never met";

/// Real services in a seeded, simulated network: run a storm, check what must hold, replay it.
#[derive(Debug, Parser)]
#[command(name = "windtunnel", version, after_help = EXITS)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the scenarios of the catalogue.
    List(List),
    /// Check scenario files: all errors at once, with line, column and what would be right.
    Check(Check),
    /// Run a scenario once.
    Run(Run),
    /// Run again what a run directory or a case file describes, and compare the digest.
    Replay(Box<Replay>),
    /// Run a scenario for many seeds, in worker processes.
    Sweep(Sweep),
    /// Run each seed twice, in different processes under different conditions, and compare digests.
    Audit(Audit),
    /// Compare two runs and show the first event in which they differ.
    Diff(Diff),
    /// Print what happened for one request, in all of the services that it went through.
    Export(Export),
    /// Print the JSON Schema of scenario files, or of a gateway's.
    Schema(Schema),
    /// Serve as a reverse proxy (real world: `cargo real gateway ...`).
    Gateway(Gateway),
    /// Start a scenario's services on this machine (real world: `cargo real up ...`).
    Up(Up),
    /// Run one replica; started by `up`.
    #[command(hide = true)]
    UpReplica(UpReplica),
    /// Run seeds for a sweep; started by `sweep`.
    #[command(hide = true)]
    Worker(Worker),
}

/// Text for people or JSON for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text.
    #[default]
    Human,
    /// JSON on standard output; progress goes to standard error.
    Json,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct List {
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Scenario files or names, or files of gateways; the whole catalogue when none is given.
    pub targets: Vec<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// A scenario's name or file, or `scenario@seed`.
    pub target: String,
    /// The seed that everything random is drawn from.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Change a setting: `--set services.payments.replicas=4`.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub overrides: Vec<String>,
    /// Stop at this instant: `--until 12s`.
    #[arg(long)]
    pub until: Option<Span>,
    /// How much of what happened is written into the log of events.
    #[arg(long, value_enum, default_value_t)]
    pub trace: Trace,
    /// Write the run directory here instead of into the store `.windtunnel`.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// A run directory, a case file, or `latest`.
    pub target: String,
    /// Print what the services log, print and panic with: `debug`, `windtunnel_models=debug`, or
    /// several with commas between.
    #[arg(long, value_name = "[TARGET=]LEVEL,..")]
    pub log: Option<Targets>,
    /// How much of what happened is written into the log of events.
    #[arg(long, value_enum, default_value_t)]
    pub trace: Trace,
    /// Write the run directory here instead of into the store `.windtunnel`.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Which findings of a sweep are shrunk to the faults that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Shrinking {
    /// None: the first finding becomes a case as it is.
    Off,
    /// The first, which becomes a case.
    #[default]
    First,
    /// Each, and each becomes a case.
    All,
}

/// Arguments of `sweep`.
#[derive(Debug, Args)]
pub struct Sweep {
    /// A scenario's name or file.
    pub target: String,
    /// Which seeds: `0..500`, `list:1,5,9`, `7`.
    #[arg(long, default_value = "0..100")]
    pub seeds: String,
    /// Change a setting: `--set services.payments.replicas=4`.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub overrides: Vec<String>,
    /// How many worker processes; one for each core by default.
    #[arg(long)]
    pub jobs: Option<usize>,
    /// A run that takes longer than this on the machine's clock is ended and counts as aborted.
    #[arg(long, default_value = "60s")]
    pub patience: Span,
    /// Which violations are shrunk to the faults that matter; a case file is written for each.
    #[arg(long, value_enum, default_value_t)]
    pub shrink: Shrinking,
    /// Write the sweep's directory here instead of into the store `.windtunnel`.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `audit`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("runs").required(true).args(["targets", "all", "pins"])))]
pub struct Audit {
    /// Scenarios by name or file; each runs every seed.
    pub targets: Vec<String>,
    /// The whole catalogue, over which the seeds are shared out: cheap scenarios get more of them.
    #[arg(long)]
    pub all: bool,
    /// The runs that this file pins, a line `"scenario@seed" = "digest"` each below `[digests]`; lines
    /// that are no longer right are printed as a patch.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "overrides"])]
    pub pins: Option<PathBuf>,
    /// Write the digests that were seen into that file.
    #[arg(long, requires = "pins")]
    pub update: bool,
    /// Which seeds: `0..500`, `list:1,5,9`, `7`.
    #[arg(long, default_value = "0..20")]
    pub seeds: String,
    /// Change a setting of every scenario: `--set run.duration=5s`.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub overrides: Vec<String>,
    /// How many seeds at a time; one for each core by default.
    #[arg(long)]
    pub jobs: Option<usize>,
    /// A run that takes longer than this on the machine's clock is ended, and its seed not compared.
    #[arg(long, default_value = "60s")]
    pub patience: Span,
    /// Go on where an audit by this very program ended that wrote into the same directory.
    #[arg(long)]
    pub resume: bool,
    /// Write what was seen here instead of into the store `.windtunnel`.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// A run: a run directory, `latest`, a case file, or `scenario@seed`.
    pub one: String,
    /// Another run.
    pub other: String,
    /// How many events to show before the first difference, and of each run from it on.
    #[arg(long, default_value_t = 6)]
    pub context: usize,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// In which form a log is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A sentence a line.
    #[default]
    Text,
    /// The events as they are in a log, a JSON object a line.
    Jsonl,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// A run: a run directory, `latest`, a case file, or `scenario@seed`.
    pub target: String,
    /// The request: its trace id, the first eight digits of it or more, or its operation's number.
    #[arg(long, value_name = "TRACE")]
    pub request: String,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    pub to: Form,
    /// Write into this file instead of to standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Of which files.
    #[arg(long, value_enum, default_value_t, value_name = "FILES")]
    pub of: SchemaOf,
}

/// Which files a schema describes.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum SchemaOf {
    /// Scenarios.
    #[default]
    Scenario,
    /// What `gateway --config` reads.
    Gateway,
}

/// Arguments of `gateway`.
#[derive(Debug, Args)]
pub struct Gateway {
    /// A TOML file: `listen = "127.0.0.1:8080"`, upstreams and routes.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Check the file and do not serve.
    #[arg(long)]
    pub check: bool,
    /// Print events from this level on; accesses have the level `info`.
    #[arg(long, default_value = "info")]
    pub log: LevelFilter,
}

/// Arguments of `up`.
#[derive(Debug, Args)]
pub struct Up {
    /// A scenario's name or file.
    pub target: String,
    /// Where the replicas keep their data and write their logs; each in a directory of its own.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Change a setting: `--set services.payments.replicas=4`.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub overrides: Vec<String>,
}

/// Arguments of `up-replica`.
#[derive(Debug, Args)]
pub struct UpReplica {
    /// The scenario.
    pub target: String,
    /// The replica's service.
    pub service: String,
    /// The replica's place, as JSON.
    pub place: String,
    /// The process that started this one and whose end ends it.
    pub parent: u32,
    /// Changed settings.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub overrides: Vec<String>,
}

/// Arguments of `worker`.
#[derive(Debug, Args)]
pub struct Worker {
    /// The scenario.
    pub target: String,
    /// Hold the last run with all of its events, and judge it only where it is to be kept.
    #[arg(long)]
    pub hold: bool,
    /// Live with randomised addresses.
    #[arg(long)]
    pub elsewhere: bool,
    /// Changed settings.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub overrides: Vec<String>,
}
