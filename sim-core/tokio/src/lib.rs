//! A drop-in for tokio.
#[cfg(not(madsim))]
pub use tokio_real::*;
