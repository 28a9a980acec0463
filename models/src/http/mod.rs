//! HTTP/1.1 and HTTP/2 over the drop-in sockets: a server loop that drains, and a pooled client with typed errors.
//!
//! The protocol is hyper's; the sockets, tasks and timers are the drop-in's, so that the same bytes
//! travel in production and in the simulated world. The loop prevents the failures that live around a
//! protocol: an accept error that ends the listener, a deploy that cuts requests in half, a client
//! that never finishes its headers, a caller that waits for ever. What it can cause: a full connection
//! table refuses the good with the bad, and a grace period that is too short cuts long streams.
//!
//! ```no_run
//! # async fn example(service: windtunnel_models::http::Echo) -> std::io::Result<()> {
//! use windtunnel_models::http;
//!
//! let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
//! http::serve(listener, service, std::future::pending()).await;
//! # Ok(())
//! # }
//! ```

mod body;
mod client;
mod connector;
pub mod deadline;
mod door;
mod echo;
mod error;
mod executor;
mod io;
mod multiplexed;
mod policy;
mod preface;
mod server;
mod strict;
mod tenure;
#[cfg(test)]
mod tests;
mod timer;

pub use body::{Body, BoxError, boxed, collect, empty, full};
pub use client::{Client, Sending};
pub use connector::{Connection, Connector};
pub use echo::Echo;
pub use error::{Error, InvalidPolicy, Sent};
pub use executor::Executor;
pub use io::{Io, Plain};
pub use policy::{ClientPolicy, Protocol, Protocols, ServerPolicy};
pub use server::{Drained, Peer, Server, ServerEvent, ServerObserver, serve};
pub use tenure::Tenure;
pub use timer::Timer;
