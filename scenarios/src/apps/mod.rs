//! Written applications: services with code of their own, the same source in both worlds.

pub mod place;
pub mod shop;
pub mod watch;

pub use place::Place;

use serde::de::{DeserializeOwned, IntoDeserializer};
use std::{future::Future, io, pin::Pin};
use toml::{Spanned, de::DeTable};

/// Starts a service at its place with its part of the configuration.
pub type Start = fn(Place, toml::Table) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// A written service.
#[derive(Clone, Copy, Debug)]
pub struct App {
    /// The name that scenario files use.
    pub name: &'static str,
    /// Runs it until the process is asked to stop.
    pub start: Start,
    /// Whether it would take these settings, with the place of the first that it would not.
    pub takes: fn(Spanned<DeTable<'_>>) -> Result<(), toml::de::Error>,
}

/// The written services.
pub const APPS: &[App] = &[
    App {
        name: "shop/orders",
        start: |place, config| Box::pin(shop::orders::run(place, config)),
        takes: takes::<shop::orders::Config>,
    },
    App {
        name: "shop/payments",
        start: |place, config| Box::pin(shop::payments::run(place, config)),
        takes: takes::<shop::payments::Config>,
    },
    App {
        name: "shop/stock",
        start: |place, config| Box::pin(shop::stock::run(place, config)),
        takes: takes::<shop::stock::Config>,
    },
];

/// The service of this name.
pub fn find(name: &str) -> Option<App> {
    APPS.iter().find(|app| app.name == name).copied()
}

fn takes<C: DeserializeOwned>(settings: Spanned<DeTable<'_>>) -> Result<(), toml::de::Error> {
    C::deserialize(settings.into_deserializer()).map(drop)
}
