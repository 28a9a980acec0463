//! Does the simulated network show what Linux shows when links are cut, hosts lose power and
//! processes die? One test for each situation of ARCHITECTURE's table that two hosts are needed for.

#![cfg(madsim)]

mod cancelling;
mod connecting;
mod descriptions;
mod disks;
mod faults;
mod hosts;
mod progress;
mod silence;
mod stage;
