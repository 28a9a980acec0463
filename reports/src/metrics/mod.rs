//! A run in a few numbers ([`Summary`]), and its series as CSV files ([`files`]).

mod files;
mod summary;

pub use files::files;
pub use summary::Summary;
