//! The one module that knows whether this build can simulate.

#[cfg(madsim)]
mod observation;
#[cfg(not(madsim))]
mod refusing;
#[cfg(madsim)]
mod simulated;

#[cfg(not(madsim))]
pub use refusing::*;
#[cfg(madsim)]
pub use simulated::*;
#[cfg(madsim)]
pub use windtunnel_engine::{Finished, run::RunError};
