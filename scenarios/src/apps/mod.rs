//! Written applications: services with code of their own, the same source in both worlds.

pub mod place;
pub mod shop;
pub mod watch;

pub use place::Place;

use std::{future::Future, io, pin::Pin};

/// Starts a service at its place with its part of the configuration.
pub type App = fn(Place, toml::Table) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// The written services by the names that scenario files use.
pub const APPS: &[(&str, App)] = &[
    ("shop/orders", |place, config| {
        Box::pin(shop::orders::run(place, config))
    }),
    ("shop/payments", |place, config| {
        Box::pin(shop::payments::run(place, config))
    }),
    ("shop/stock", |place, config| {
        Box::pin(shop::stock::run(place, config))
    }),
];

/// The service of this name.
pub fn find(name: &str) -> Option<App> {
    APPS.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, app)| *app)
}
