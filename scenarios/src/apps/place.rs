//! Where a replica of a service runs and whom it can reach.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, future::pending, io, path::PathBuf};
use tokio::signal::{
    ctrl_c,
    unix::{SignalKind, signal},
};

/// All that a replica is told about its surroundings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Place {
    /// Its name: `orders-1`.
    pub name: String,
    /// Which replica it is, from 0.
    pub replica: usize,
    /// Where it listens, as `address:port`.
    pub listen: String,
    /// Its directory on a disk that survives it.
    pub data: PathBuf,
    /// Where the replicas of each service listen, as `name:port`, in order.
    pub services: BTreeMap<String, Vec<String>>,
    /// What its random choices are drawn from.
    pub seed: u64,
}

impl Place {
    /// The replicas of a service.
    pub fn replicas(&self, service: &str) -> &[String] {
        self.services.get(service).map_or(&[], Vec::as_slice)
    }

    /// The name of the replica of `service` that holds `key`, and its number.
    ///
    /// # Errors
    /// If there is no such service.
    pub fn shard(&self, service: &str, key: &str) -> io::Result<(usize, String)> {
        let count = self.replicas(service).len();
        if count == 0 {
            return Err(io::Error::other(format!(
                "there is no service called {service}"
            )));
        }
        // FNV-1a is spread well enough over a handful of shards, and never changes.
        let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let number = (hash % count as u64) as usize;
        Ok((number, format!("{service}-{number}")))
    }
}

/// A service's part of a scenario file as its own type.
///
/// # Errors
/// If the table has another shape.
pub fn config<T: DeserializeOwned>(table: toml::Table) -> io::Result<T> {
    table.try_into().map_err(|error: toml::de::Error| {
        io::Error::new(io::ErrorKind::InvalidInput, error.message().to_owned())
    })
}

/// Completes when the process is asked to stop: SIGTERM, or SIGINT as ctrl-c sends it. Where signals
/// cannot be had it never completes; the process then runs until it is killed.
///
/// # Cancellation
/// May be dropped at any time; a signal that arrived is then forgotten.
pub async fn asked_to_stop() {
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return pending().await;
    };
    let interrupted = async {
        if ctrl_c().await.is_err() {
            pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = interrupted => {}
        _ = terminated.recv() => {}
    }
}
