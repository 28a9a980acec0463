//! The engine's TCP in tokio's clothes.

mod address;
mod listener;
mod socket;
mod split;
mod stream;
mod transfer;
mod udp;

pub use address::{ToSocketAddrs, lookup_host};
pub use listener::TcpListener;
pub use socket::TcpSocket;
pub use stream::TcpStream;
pub use udp::UdpSocket;

/// Halves of a stream.
pub mod tcp {
    pub use super::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
}
