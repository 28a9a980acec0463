//! Session affinity: the calls of one session go to the endpoint that has its state.
//!
//! It prevents that a session loses what one endpoint keeps for it. It can cause uneven load (sessions
//! differ), and that endpoints which come get no old sessions.
//!
//! The client carries a value that names the endpoint: half an HMAC-SHA-256 over the endpoint's name, with a
//! secret that only the callers share. So a client learns no address and can make up none: a value counts
//! only if it is the one of an endpoint that is in the cluster now. It is bound to the endpoint, not to the
//! client: who is handed another client's value goes where that one goes, and no further.
//!
//! A [`Sticky`] follows the value and says when it has to change; a [`Carrier`] takes it from a request and
//! puts it into a response.

mod carrier;
mod seal;
mod sticky;

pub use carrier::{Carrier, Cookie};
pub use seal::Seal;
pub use sticky::{Drain, Sticky, Stuck};

#[cfg(test)]
mod tests;
