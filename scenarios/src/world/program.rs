//! What a replica of a service runs: the same in both worlds.

use super::{described, gateway, invalid, serving::Injecting};
use crate::{
    apps::{self, App, Place, place, watch},
    format::{Role, Scenario, Service},
    hooks,
};
use std::{collections::BTreeMap, io};
use tokio::net::TcpListener;
use tower::Layer;
use windtunnel_models::{
    gateway::config::Config,
    http::{Server, ServerPolicy},
};

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
        let address = at.listen.clone();
        let listen = TcpListener::bind(&address);
        let stop = place::asked_to_stop();
        let server = Server::new(ServerPolicy::default(), hooks::served).map_err(invalid)?;
        match self {
            Self::Written(app, config) => {
                let service = (app.open)(at, config).await?.layer(Injecting);
                let service = watch::watched(service);
                server.serve(listen.await?, service, stop).await;
            }
            Self::Gateway(config) => {
                let gateway = gateway::open(&at, *config)?;
                let service = Injecting.layer(gateway);
                server.serve(listen.await?, service, stop).await;
            }
            Self::Described(plan) => {
                let service = described::open(&at, *plan)?.layer(Injecting);
                server.serve(listen.await?, service, stop).await;
            }
        }
        Ok(())
    }
}
