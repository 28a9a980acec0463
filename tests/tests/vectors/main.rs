//! Does a component follow the law it names? Published figures, each printed with its source, what is
//! expected and what was got (`--nocapture` shows the table).

mod backoff;
mod breaker;
mod limits;
mod overload;
mod retries;
mod row;
