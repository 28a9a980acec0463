//! (being built)
pub mod http;
