//! Does the simulation agree with theory? Each law is measured as for VALIDATION.md, but shorter, so
//! that the intervals are wider.

#![cfg(madsim)]

mod agreement;
mod page;
mod queues;
mod scale;
mod waiting;
