//! `gateway` as it runs in production: TLS, reloads under load, an operator, a log, an end without loss.

mod admin;
mod certificates;
mod log;
mod metrics;
mod reload;
mod stage;
mod stop;
mod tls;
mod upstream;
