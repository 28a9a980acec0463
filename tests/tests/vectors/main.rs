//! Does a component follow the law it names? Published figures, each printed with its source, what is
//! expected and what was got (`--nocapture` shows the table).

mod backoff;
mod breaker;
mod cluster;
mod hashed;
mod health;
#[cfg(madsim)]
mod hedging;
mod limits;
mod overload;
mod retries;
mod row;
mod traces;
mod weights;
