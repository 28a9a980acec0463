//! Balancers that look at what the endpoints have to do.
//!
//! They prevent that a slow or busy endpoint gets as much as the others. They can cause herds: whoever
//! looks best to everybody is drowned by everybody. So none of them looks for the best of all, each
//! compares a few at random. They can cause, too, that an endpoint which fails fast looks quick.
//!
//! What an endpoint has to do is what it has in flight from this balancer alone, each call from its pick
//! until its [`InFlight`](super::InFlight) ends: hold it until the last byte of the body.

mod ewma;
mod least_request;
mod peak_ewma;
mod power_of_two;
mod power_of_two_ewma;

pub use ewma::Ewma;
pub use least_request::{LeastRequest, LeastRequestPolicy};
pub use peak_ewma::{PeakEwma, PeakEwmaPolicy};
pub use power_of_two::PowerOfTwo;
pub use power_of_two_ewma::{PowerOfTwoEwma, PowerOfTwoEwmaPolicy};

#[cfg(test)]
pub(super) use power_of_two::distinct;

#[cfg(test)]
mod tests;
