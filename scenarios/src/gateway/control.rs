//! What an operator may do with a gateway that runs: reload it, stop it.

use super::{
    log::Orders,
    material::{Material, provider},
};
use crate::format::{GatewayFile, GatewayProgram, Problem};
use std::{
    fs,
    future::Future,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{Mutex, watch};
use tracing::{error, info, warn};
use windtunnel_models::{
    gateway::{
        Gateway,
        admin::Control,
        telemetry::{Family, Kind, Source},
    },
    tls::Acceptor,
};

/// Where a gateway is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It does not listen yet.
    Starts,
    /// It serves.
    Serves,
    /// It was told to stop.
    Stops,
}

/// Makes the problems of a file, given its name and text, readable for people.
pub type Render = fn(&str, &str, &[Problem]) -> String;

/// A gateway that runs, and the file that it was read from.
pub struct Running {
    pub gateway: Gateway,
    pub file: PathBuf,
    pub render: Render,
    pub material: Material,
    pub acceptor: Option<Acceptor>,
    pub phase: watch::Sender<Phase>,
    pub log: watch::Sender<Orders>,
    pub reloads: Reloads,
    /// What a reload cannot change; held while one is under way.
    pub started: Mutex<Started>,
}

/// What is settled when the program starts.
pub struct Started {
    pub listen: SocketAddr,
    pub program: GatewayProgram,
}

/// How often the file was read anew.
#[derive(Debug, Default)]
pub struct Reloads {
    done: AtomicU64,
    refused: AtomicU64,
}

impl Running {
    /// Completes when it is told to stop.
    pub async fn told_to_stop(&self) {
        let mut phase = self.phase.subscribe();
        // The sender lives as long as this.
        let _ = phase.wait_for(|phase| *phase == Phase::Stops).await;
    }

    async fn read_anew(&self) -> Result<(), String> {
        let started = self.started.lock().await;
        let name = self.file.display().to_string();
        let text = fs::read_to_string(&self.file)
            .map_err(|error| format!("failed to read {name}: {error}\n"))?;
        let file = GatewayFile::from_toml(&text)
            .map_err(|problems| (self.render)(&name, &text, &problems))?;
        let GatewayFile {
            listen,
            config,
            program,
        } = file;
        // Everything is got before anything is changed.
        let secured = match (&self.acceptor, &program.tls) {
            (Some(acceptor), Some(tls)) => Some((acceptor, self.material.server(tls)?)),
            (None, None) => None,
            _ => return Err("TLS cannot be switched on or off by a reload: restart\n".into()),
        };
        let secured = match secured {
            Some((acceptor, settings)) => {
                let provider = provider()?;
                let new = Acceptor::new(settings, provider).map_err(|error| error.to_string())?;
                Some((acceptor, new))
            }
            None => None,
        };
        self.gateway
            .reload(config)
            .map_err(|error| error.to_string())?;
        if let Some((acceptor, new)) = secured {
            acceptor.become_like(&new);
        }
        self.log.send_modify(|orders| orders.opened += 1);
        let same = GatewayProgram {
            tls: started.program.tls.clone(),
            ..program
        };
        if listen != started.listen || same != started.program {
            let keys = "listen, admin, access-log and shutdown";
            warn!(target: "gateway", "{keys} stay as they were until a restart");
        }
        Ok(())
    }
}

impl Control for Running {
    fn is_ready(&self) -> bool {
        *self.phase.borrow() == Phase::Serves
    }

    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async move {
            let done = self.read_anew().await;
            match &done {
                Ok(()) => {
                    self.reloads.done.fetch_add(1, Ordering::Relaxed);
                    info!(target: "gateway", "reloaded");
                }
                Err(problems) => {
                    self.reloads.refused.fetch_add(1, Ordering::Relaxed);
                    error!(target: "gateway", "not reloaded, the old settings stay: {problems}");
                }
            }
            done
        })
    }

    fn drain(&self) {
        self.phase.send_replace(Phase::Stops);
    }
}

/// The numbers of the program itself.
pub struct OfProgram(pub Arc<Running>);

impl Source for OfProgram {
    fn gather(&self) -> Vec<Family> {
        let Reloads { done, refused } = &self.0.reloads;
        let mut reloads = Family::new(
            "gateway_reloads",
            Kind::Counter,
            "How often the file was read anew, by what came of it.",
        );
        for (word, count) in [("done", done), ("refused", refused)] {
            let labels = vec![("result", word.into())];
            reloads.push(labels, count.load(Ordering::Relaxed));
        }
        let mut build = Family::new("gateway_build", Kind::Gauge, "1, with the version.");
        build.push(vec![("version", env!("CARGO_PKG_VERSION").into())], 1);
        let ready = Family::single(
            "gateway_ready",
            Kind::Gauge,
            "1 if it should get requests.",
            self.0.is_ready().into(),
        );
        vec![reloads, build, ready]
    }
}
