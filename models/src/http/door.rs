//! The listener with its limits: connections in all, connections per client, patience after an error.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::ServerPolicy;

/// A connection with its seat.
pub(super) struct Guest {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) seat: Seat,
}

/// Why nobody came in.
pub(super) enum Knock {
    Refused(SocketAddr),
    Failed(io::Error),
}

/// The listener with its limits.
pub(super) struct Door {
    listener: TcpListener,
    seats: Arc<Semaphore>,
    clients: Arc<Clients>,
    /// After an error that waiting cures, the next accept comes not before this.
    not_before: Option<Instant>,
    pause: Duration,
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Door {
    pub(super) fn new(policy: &ServerPolicy, listener: TcpListener) -> Self {
        Self {
            listener,
            seats: Arc::new(Semaphore::new(policy.max_connections)),
            clients: Arc::new(Clients {
                limit: policy.max_connections_per_client,
                open: Mutex::default(),
            }),
            not_before: None,
            pause: SHORTEST_PAUSE,
        }
    }

    /// The next connection. Dropping the future at any await point loses none and holds no seat.
    pub(super) async fn accept(&mut self) -> Result<Option<Guest>, Knock> {
        if let Some(instant) = self.not_before {
            sleep_until(instant).await;
            self.not_before = None;
        }
        let Ok(permit) = self.seats.clone().acquire_owned().await else {
            return Ok(None);
        };
        match self.listener.accept().await {
            Ok((stream, peer)) => {
                self.pause = SHORTEST_PAUSE;
                let Some(client) = self.clients.enter(peer.ip()) else {
                    return Err(Knock::Refused(peer));
                };
                // Answers are written whole and waited for; Nagle would only delay their tail. A
                // socket that is already dead refuses the option, and the first read says so.
                let _ = stream.set_nodelay(true);
                Ok(Some(Guest {
                    stream,
                    peer,
                    seat: Seat {
                        _client: client,
                        _permit: permit,
                    },
                }))
            }
            Err(error) => {
                if !concerns_one_connection(&error) {
                    self.not_before = Some(Instant::now() + self.pause);
                    self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                }
                Err(Knock::Failed(error))
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Open connections per client address.
struct Clients {
    limit: usize,
    open: Mutex<BTreeMap<IpAddr, usize>>,
}

impl Clients {
    fn enter(self: &Arc<Self>, client: IpAddr) -> Option<ClientSeat> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_insert(0);
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(ClientSeat {
            clients: self.clone(),
            client,
        })
    }
}

/// Held while a connection lives; gives everything back when dropped.
pub(super) struct Seat {
    _client: ClientSeat,
    _permit: OwnedSemaphorePermit,
}

struct ClientSeat {
    clients: Arc<Clients>,
    client: IpAddr,
}

impl Drop for ClientSeat {
    fn drop(&mut self) {
        let mut open = self
            .clients
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}
