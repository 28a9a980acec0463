//! The gateway: one door in front of many services.
//!
//! It prevents that every service has to solve routing, limits, deadlines, retries and sick endpoints
//! again, each a little differently. It can cause what every common door can: with retries that are not
//! bounded it multiplies an overload, with breakers per route instead of per endpoint one sick host
//! closes the route, and with headers believed or forwarded wrongly it lets strangers in.
//!
//! A request's way: framing → path in its normal form → what outsiders must not set is removed → client →
//! limit → route → API key → limit of the route → redirect or answer of the gateway's own, or: deadline
//! (the earlier of the route's and the caller's) → rewriting → upstream, if several share the route →
//! body, if it is kept for repetition → copies to mirrors → breaker and pick in one step → forward →
//! report once.
//!
//! The endpoint's slot and its breaker's permit are held until the last byte of the answer's body was
//! handed over, or the body is dropped: an endpoint that still sends is still busy, and one that breaks
//! off in the middle of a body has failed. A 5xx is reported to the breaker at its head.

pub mod access_log;
mod action;
pub mod admin;
mod answer;
pub mod config;
mod endpoints;
mod error;
mod exchange;
pub mod filter;
mod flight;
mod hops;
mod identity;
mod intake;
mod judgement;
mod limits;
mod observer;
mod path;
mod record;
mod route;
mod secure;
mod service;
mod shadow;
mod snapshot;
mod spread;
mod stick;
mod suspects;
mod table;
pub mod telemetry;
mod transcode;
mod tunnel;
mod upload;
mod upstream;

pub use config::{Config, DeadlineCovers, InvalidConfig};
pub use endpoints::EndpointState;
pub use error::{REFUSED_BY, Refusal};
pub use identity::Client;
pub use observer::{
    Access, Attempt, BreakerChange, BreakerRejection, End, Load, MirrorEnd, Mirrored, Observer,
    Outcome, OutlierChange, Retrying,
};
pub use path::{BadPath, EncodedSlashes, normalise};
pub use secure::Vault;
pub use service::{Gateway, UpdateError};
