//! From a recorded run to what people and machines read of it: the console summary, a
//! self-contained HTML page, SVG plots, CSV series and stable JSON.
//!
//! Everything is a pure function of a [`windtunnel_record::RunRecord`]: times are relative to the
//! start of the run, and equal records give equal bytes. The caller prints and writes.
//!
//! *Never in this crate*: a clock, a file, a socket, printing, or any of our crates besides
//! `record`.

pub mod console;
pub mod directory;
pub mod html;
pub mod json;
pub mod metrics;
pub mod numbers;
pub mod plots;
pub mod request;
pub mod series;
pub mod vocabulary;
pub mod words;
