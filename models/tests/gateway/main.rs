//! The gateway on real byte streams: what clients, endpoints and observers see.

mod actions;
mod admin;
mod balancing;
mod breakers;
mod dropped;
mod early;
mod filters;
mod forwarding;
mod lifecycle;
mod protocols;
mod refusals;
mod retries;
mod smuggling;
mod transcoding;
mod upgrades;
mod world;
