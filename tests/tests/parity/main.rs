//! Do the two worlds behave alike? Every body here runs unchanged on real tokio
//! (`cargo real-test -p windtunnel-tests --test parity`) and in the simulation.

mod files;
mod listing;
mod nagle;
mod readiness;
mod sockets;
mod sync;
mod tasks;
mod tcp;
mod timers;
mod udp;
