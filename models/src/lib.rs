//! The components of a microservice system, the same source in production and in the simulation.
//!
//! *Never in this crate*: `cfg(madsim)` or madsim itself, the engine, threads, a wall clock, entropy of
//! the system. Time is `tokio::time`, chance comes in through a constructor.

pub mod balance;
pub mod breaker;
pub mod cache;
mod chance;
pub mod gateway;
pub mod health;
pub mod hedge;
pub mod http;
pub mod identity;
pub mod journal;
pub mod limit;
pub mod overload;
pub mod retry;
pub mod saga;
pub mod timeout;
pub mod tls;
pub mod trace;
