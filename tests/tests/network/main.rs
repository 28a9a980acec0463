//! Do simulated network, hosts, disks and clocks show what Linux shows when links are cut, hosts lose
//! power and processes die? One test for each situation of ARCHITECTURE's tables for which the
//! simulation is needed.

#![cfg(madsim)]

mod cancelling;
mod clocks;
mod connecting;
mod cores;
mod descriptions;
mod disks;
mod dns;
mod failing_disks;
mod faults;
mod hosts;
mod keep_alive;
mod limits;
mod links;
mod nagle;
mod pingpong;
mod processors;
mod progress;
mod requests;
mod shapes;
mod silence;
mod sockets;
mod stage;
mod udp;
mod unaware;
