//! Balancers that look at what the endpoints have to do.

mod power_of_two;

pub use power_of_two::PowerOfTwo;

#[cfg(test)]
pub(super) use power_of_two::distinct;
