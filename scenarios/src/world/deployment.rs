//! A scenario's services on the real network: who listens where on this machine, with which data.

use crate::{apps::Place, format::Scenario};
use socket2::{Domain, Socket, Type};
use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::BuildHasher,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

/// A port of the loopback address that stays ours while nobody listens on it.
///
/// The socket is bound and never listens: others may listen there if they bind it by its number, as
/// a replica does each time it starts, but the system gives it to nobody who asks for any port.
#[derive(Debug)]
pub struct Reserved {
    address: SocketAddr,
    _socket: Socket,
}

impl Reserved {
    /// A free port.
    ///
    /// # Errors
    /// If the system has none.
    pub fn free() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket();
        Ok(Self {
            address: address.ok_or_else(|| io::Error::other("the system named no port"))?,
            _socket: socket,
        })
    }

    /// The address.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// One replica of a deployment.
#[derive(Debug)]
pub struct Replica {
    /// Its service.
    pub service: String,
    /// Where it runs.
    pub place: Place,
    /// Its port.
    pub reserved: Reserved,
}

/// All replicas of a scenario on ports of the loopback address, each with its own directory in `data`.
/// Seeds are left zero: each life of a process has its own.
///
/// # Errors
/// If there are not enough ports.
pub fn replicas(scenario: &Scenario, data: &Path) -> io::Result<Vec<Replica>> {
    let mut reserved = Vec::new();
    let mut services: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, service) in &scenario.services {
        for number in 0..service.replicas {
            let port = Reserved::free()?;
            let listen = port.address().to_string();
            services.entry(name.clone()).or_default().push(listen);
            reserved.push((name, number, port));
        }
    }
    let replicas = reserved.into_iter().map(|(service, number, reserved)| {
        let name = format!("{service}-{number}");
        Replica {
            service: service.clone(),
            place: Place {
                data: data.join(&name),
                name,
                replica: number as usize,
                listen: reserved.address().to_string(),
                services: services.clone(),
                seed: 0,
            },
            reserved,
        }
    });
    Ok(replicas.collect())
}

/// A number that differs from call to call. In the real world chance needs no seed to be found again.
pub fn entropy() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
