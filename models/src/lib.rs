//! (being built)
pub mod gateway;
pub mod http;
