//! What holds for everything: random fault plans over the shop, random operations on components.
//!
//! The cases are the same in every run of the gate; `WINDTUNNEL_PROPTEST_CASES=N` tries N of each
//! property instead, the first ones being those of the gate.

#![cfg(madsim)]

mod balance;
mod breaker;
mod cluster;
mod faults;
mod fixed;
mod hashed;
mod health;
mod limit;
mod overload;
mod permits;
mod retry;
mod sockets;
mod storms;
mod weights;
