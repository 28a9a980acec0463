//! Balancers that go round, whatever the endpoints have to do.

mod round_robin;

pub use round_robin::RoundRobin;
