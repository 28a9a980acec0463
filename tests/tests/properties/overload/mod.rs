//! Random arrivals, ends and departures never bring the guards against overload out of their law, and
//! with a guard a service comes back from what keeps it down without one.

mod compartment;
mod metastability;
mod permits;
mod service;
