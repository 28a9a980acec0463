//! From names to addresses.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
};
use windtunnel_engine::network::resolve;

/// What can be turned into addresses. Names are looked up among the run's hosts.
pub trait ToSocketAddrs {
    /// The addresses, or the name that is to be looked up.
    #[doc(hidden)]
    fn meant(&self) -> io::Result<Meant>;
}

/// What stands for addresses.
#[doc(hidden)]
#[derive(Debug)]
pub enum Meant {
    /// They are known.
    Known(Vec<SocketAddr>),
    /// A name and a port.
    Name(String, u16),
}

/// The addresses that are meant. What means them is asked before, so that no reference to it is held
/// meanwhile.
///
/// Only a lookup has a place of its own: each datagram comes by here, mostly with an address.
pub(super) async fn addresses(meant: io::Result<Meant>) -> io::Result<Vec<SocketAddr>> {
    match meant? {
        Meant::Known(addresses) => Ok(addresses),
        Meant::Name(name, port) => Box::pin(async move { resolve(&name, port).await }).await,
    }
}

/// Looks a name up.
///
/// # Errors
/// If no host has it.
pub async fn lookup_host<T: ToSocketAddrs>(
    host: T,
) -> io::Result<impl Iterator<Item = SocketAddr>> {
    Ok(addresses(host.meant()).await?.into_iter())
}

macro_rules! one_address {
    ($($type:ty),*) => {$(
        impl ToSocketAddrs for $type {
            fn meant(&self) -> io::Result<Meant> {
                Ok(Meant::Known(vec![SocketAddr::from(*self)]))
            }
        }
    )*};
}
one_address!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

impl ToSocketAddrs for (&str, u16) {
    fn meant(&self) -> io::Result<Meant> {
        Ok(Meant::Name(self.0.into(), self.1))
    }
}

impl ToSocketAddrs for (String, u16) {
    fn meant(&self) -> io::Result<Meant> {
        Ok(Meant::Name(self.0.clone(), self.1))
    }
}

impl ToSocketAddrs for str {
    fn meant(&self) -> io::Result<Meant> {
        if let Ok(address) = self.parse() {
            return Ok(Meant::Known(vec![address]));
        }
        let invalid = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
        let (host, port) = self
            .rsplit_once(':')
            .ok_or_else(|| invalid("invalid socket address"))?;
        let port = port.parse().map_err(|_| invalid("invalid port value"))?;
        Ok(Meant::Name(host.into(), port))
    }
}

impl ToSocketAddrs for String {
    fn meant(&self) -> io::Result<Meant> {
        self.as_str().meant()
    }
}

impl ToSocketAddrs for [SocketAddr] {
    fn meant(&self) -> io::Result<Meant> {
        Ok(Meant::Known(self.to_vec()))
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn meant(&self) -> io::Result<Meant> {
        (**self).meant()
    }
}
