//! Written applications: services with code of their own, the same source in both worlds.

pub mod place;
pub mod shop;
pub mod watch;

pub use place::Place;

use axum::Router;
use serde::de::{DeserializeOwned, IntoDeserializer};
use std::{future::Future, io, pin::Pin};
use toml::{Spanned, de::DeTable};

/// Opens a service at its place with its part of the configuration; others serve it.
pub type Open = fn(Place, toml::Table) -> Pin<Box<dyn Future<Output = io::Result<Router>> + Send>>;

/// A written service.
#[derive(Clone, Copy, Debug)]
pub struct App {
    /// The name that scenario files use.
    pub name: &'static str,
    /// Reads what it kept, and answers from then on.
    pub open: Open,
    /// Whether it would take these settings, with the place of the first that it would not.
    pub takes: fn(Spanned<DeTable<'_>>) -> Result<(), toml::de::Error>,
}

/// The written services.
pub const APPS: &[App] = &[
    App {
        name: "shop/orders",
        open: |place, config| Box::pin(shop::orders::open(place, config)),
        takes: takes::<shop::orders::Config>,
    },
    App {
        name: "shop/payments",
        open: |place, config| Box::pin(shop::payments::open(place, config)),
        takes: takes::<shop::payments::Config>,
    },
    App {
        name: "shop/stock",
        open: |place, config| Box::pin(shop::stock::open(place, config)),
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
