//! What a replica of a service runs: the same in both worlds.

use super::{described, gateway};
use crate::{
    apps::{self, App, Place},
    format::{Role, Scenario, Service},
};
use std::{collections::BTreeMap, io};
use windtunnel_models::gateway::config::Config;

/// What one replica runs.
#[derive(Clone)]
pub enum Program {
    /// A written application with its settings.
    Written(App, toml::Table),
    /// A gateway.
    Gateway(Box<Config>),
    /// A described service.
    Described(Box<described::Plan>),
}

impl Program {
    /// What replica number `replica` of the service `name` runs, when the replicas of each service
    /// listen at `addresses`.
    ///
    /// # Panics
    /// If the scenario was not checked: an application that does not exist.
    pub fn of(
        scenario: &Scenario,
        name: &str,
        service: &Service,
        replica: u32,
        addresses: &BTreeMap<String, Vec<String>>,
    ) -> Self {
        let host = format!("{name}-{replica}");
        match (&service.app, service.role) {
            (Some(app), _) => {
                let app = apps::find(app).expect("the scenario was checked");
                Self::Written(app, service.config.clone())
            }
            (None, Role::Gateway) => {
                let config = gateway::config(scenario, &host, service, addresses);
                Self::Gateway(Box::new(config))
            }
            (None, Role::Service) => {
                let plan = described::Plan::new(scenario, &host, replica, service, addresses);
                Self::Described(Box::new(plan))
            }
        }
    }

    /// Runs until the process is asked to stop.
    ///
    /// # Errors
    /// If the settings cannot work, the data not be read, or the port not be had.
    pub async fn run(self, at: Place) -> io::Result<()> {
        match self {
            Self::Written(app, config) => (app.start)(at, config).await,
            Self::Gateway(config) => gateway::run(at, *config).await,
            Self::Described(plan) => described::run(at, *plan).await,
        }
    }
}
