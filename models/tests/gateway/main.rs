//! The gateway on real byte streams: what clients, endpoints and observers see.

mod actions;
mod admin;
mod balancing;
mod breakers;
mod dropped;
mod early;
mod forwarding;
mod lifecycle;
mod protocols;
mod refusals;
mod retries;
mod smuggling;
mod upgrades;
mod world;
