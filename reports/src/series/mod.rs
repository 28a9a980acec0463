//! From a recorded run to plain series of numbers, one file per question. Plots, tables and CSV
//! files are drawn from these and never look at events themselves.

mod breakers;
mod endpoints;
mod faults;
mod gauges;
mod grid;
mod latency;
mod sagas;
mod throughput;

pub use breakers::{BreakerSpan, BreakerTrack, breakers};
pub use endpoints::{EndpointLoad, endpoints};
pub use faults::{FaultBand, faults};
pub use gauges::{GaugeTrack, gauge};
pub use grid::Grid;
pub use latency::{Latency, LatencyPoint, latency};
pub(crate) use latency::{histogram, quantile_ms, take};
pub use sagas::{Sagas, sagas};
pub use throughput::{Throughput, throughput};
