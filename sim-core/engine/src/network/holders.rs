//! Who holds which port, those who are over included: found by its key, or by port, without a search.
//!
//! The holders of a port are chained in the order in which they came. The chains of a host lie on pages
//! of 64 ports, which are given back when nobody holds any of theirs, so that what is remembered of the
//! connections that are over takes the same memory however long a run is.

use super::Options;
use crate::{
    machine::{Arena, ArenaId},
    process::ProcessId,
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    iter,
    net::{IpAddr, SocketAddr},
};

/// The key of a held port.
pub(super) type PortKey = ArenaId;

/// Somebody who holds a port.
#[derive(Debug)]
pub(super) struct Holder {
    pub ip: IpAddr,
    pub reuse_address: bool,
    pub reuse_port: bool,
    pub held: Held,
}

/// What for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Held {
    /// A socket that neither listens nor connects, of a process.
    Bound(ProcessId),
    /// A listening socket.
    Listening(u32),
    /// A side of a connection. `chosen` if connect chose the port.
    Connected {
        connection: u32,
        side: u8,
        chosen: bool,
    },
    /// A connection that is over.
    Over {
        peer: SocketAddr,
        until: u64,
        chosen: bool,
    },
}

/// A holder in the chain of its port.
struct Link {
    holder: Holder,
    host: u32,
    port: u16,
    before: Option<PortKey>,
    after: Option<PortKey>,
}

/// The ends of a port's chain; none if nobody holds it.
type Chain = Option<(PortKey, PortKey)>;

const PAGE: usize = 64;

struct Page {
    /// How many ports on it are held.
    held: usize,
    chains: [Chain; PAGE],
}

fn place(port: u16) -> (u16, usize) {
    (port / PAGE as u16, port as usize % PAGE)
}

#[derive(Default)]
struct OfHost {
    pages: BTreeMap<u16, Box<Page>>,
    /// Where the search for a free port goes on.
    next_ephemeral: u16,
}

impl OfHost {
    fn chain(&self, port: u16) -> Chain {
        let (page, at) = place(port);
        self.pages.get(&page)?.chains[at]
    }

    fn set_chain(&mut self, port: u16, chain: Chain) {
        let (number, at) = place(port);
        let page = self.pages.entry(number).or_insert_with(|| {
            Box::new(Page {
                held: 0,
                chains: [None; PAGE],
            })
        });
        let before = std::mem::replace(&mut page.chains[at], chain);
        page.held += usize::from(chain.is_some());
        page.held -= usize::from(before.is_some());
        if page.held == 0 {
            self.pages.remove(&number);
        }
    }
}

/// All ports of all hosts.
#[derive(Default)]
pub(super) struct Ports {
    holders: Arena<Link>,
    count: usize,
    hosts: Vec<OfHost>,
    /// When those who are over are forgotten; some have been already.
    over: BinaryHeap<Reverse<(u64, PortKey)>>,
}

impl Ports {
    pub fn new(hosts: usize) -> Self {
        Self {
            hosts: iter::repeat_with(OfHost::default).take(hosts).collect(),
            ..Self::default()
        }
    }

    pub fn next_ephemeral(&self, host: u32) -> u16 {
        self.hosts[host as usize].next_ephemeral
    }

    pub fn set_next_ephemeral(&mut self, host: u32, next: u16) {
        self.hosts[host as usize].next_ephemeral = next;
    }

    pub fn hold(&mut self, host: u32, at: SocketAddr, options: &Options, held: Held) -> PortKey {
        let of_host = &mut self.hosts[host as usize];
        let chain = of_host.chain(at.port());
        let before = chain.map(|(_, last)| last);
        let key = self.holders.insert(Link {
            holder: Holder {
                ip: at.ip(),
                reuse_address: options.reuse_address,
                reuse_port: options.reuse_port,
                held,
            },
            host,
            port: at.port(),
            before,
            after: None,
        });
        self.count += 1;
        if let Some(before) = before.and_then(|before| self.holders.get_mut(before)) {
            before.after = Some(key);
        }
        let first = chain.map_or(key, |(first, _)| first);
        of_host.set_chain(at.port(), Some((first, key)));
        key
    }

    pub fn release(&mut self, key: PortKey) {
        let Some(link) = self.holders.remove(key) else {
            return;
        };
        self.count -= 1;
        if let Some(before) = link.before.and_then(|key| self.holders.get_mut(key)) {
            before.after = link.after;
        }
        if let Some(after) = link.after.and_then(|key| self.holders.get_mut(key)) {
            after.before = link.before;
        }
        let of_host = &mut self.hosts[link.host as usize];
        let chain = of_host.chain(link.port).and_then(|(first, last)| {
            let first = if first == key { link.after? } else { first };
            let last = if last == key { link.before? } else { last };
            Some((first, last))
        });
        of_host.set_chain(link.port, chain);
    }

    pub fn holder(&mut self, key: PortKey) -> Option<&mut Holder> {
        self.holders.get_mut(key).map(|link| &mut link.holder)
    }

    /// Keeps a port of a connection that is over until `until`; forgets those whose time has come.
    pub fn keep(&mut self, key: PortKey, peer: SocketAddr, until: u64, now: u64) {
        let Some(holder) = self.holder(key) else {
            return;
        };
        let Held::Connected { chosen, .. } = holder.held else {
            return;
        };
        holder.held = Held::Over {
            peer,
            until,
            chosen,
        };
        self.over.push(Reverse((until, key)));
        while let Some(&Reverse((until, key))) = self.over.peek() {
            if until > now {
                break;
            }
            self.over.pop();
            self.release(key);
        }
    }

    /// Everybody who holds `port` of `host`, in the order in which they came.
    pub fn at(&self, host: u32, port: u16) -> impl Iterator<Item = (PortKey, &Holder)> {
        let chain = self.hosts[host as usize].chain(port);
        self.chained(chain).map(|(key, link)| (key, &link.holder))
    }

    fn chained(&self, chain: Chain) -> impl Iterator<Item = (PortKey, &Link)> {
        let mut next = chain.map(|(first, _)| first);
        iter::from_fn(move || {
            let key = next?;
            let link = self.holders.get(key)?;
            next = link.after;
            Some((key, link))
        })
    }

    /// Forgets all ports of a host: its power is gone.
    pub fn forget_host(&mut self, host: u32) {
        self.forget(host, |_| true);
    }

    /// Forgets what a process of a host bound and never used.
    pub fn forget_bound_by(&mut self, host: u32, process: ProcessId) {
        self.forget(
            host,
            |holder| matches!(holder.held, Held::Bound(by) if by == process),
        );
    }

    fn forget(&mut self, host: u32, which: impl Fn(&Holder) -> bool) {
        let pages = self.hosts[host as usize].pages.values();
        let chains = pages.flat_map(|page| page.chains);
        let forgotten: Vec<_> = chains
            .flat_map(|chain| self.chained(chain))
            .filter(|(_, link)| which(&link.holder))
            .map(|(key, _)| key)
            .collect();
        for key in forgotten {
            self.release(key);
        }
    }

    /// How many ports are held at `now`.
    pub fn count(&self, now: u64) -> usize {
        let is_past = |&&Reverse((until, key)): &&Reverse<(u64, PortKey)>| {
            until <= now && self.holders.get(key).is_some()
        };
        self.count - self.over.iter().filter(is_past).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_record::Seed;

    const HOSTS: u64 = 3;
    const MINUTE: u64 = 60;

    /// What is held, told by somebody who looks through all of it each time.
    #[derive(Default)]
    struct Model {
        held: Vec<(PortKey, u32, u16, Option<u64>)>,
    }

    impl Model {
        fn at(&self, host: u32, port: u16) -> Vec<PortKey> {
            let held = self.held.iter();
            held.filter(|(_, of, number, _)| (*of, *number) == (host, port))
                .map(|(key, ..)| *key)
                .collect()
        }
    }

    fn agree(ports: &Ports, model: &Model, now: u64) {
        for (host, port) in (0..HOSTS as u32).flat_map(|host| (60..70).map(move |p| (host, p))) {
            let seen: Vec<_> = ports.at(host, port).map(|(key, _)| key).collect();
            assert_eq!(seen, model.at(host, port), "port {port} of host {host}");
        }
        let is_past = |until: &Option<u64>| until.is_some_and(|until| until <= now);
        let held = model.held.iter().filter(|(.., until)| !is_past(until));
        assert_eq!(ports.count(now), held.count());
        let pages: usize = ports.hosts.iter().map(|host| host.pages.len()).sum();
        let mut held: Vec<_> = model.held.iter().map(|h| (h.1, place(h.2).0)).collect();
        held.sort_unstable();
        held.dedup();
        assert_eq!(
            pages,
            held.len(),
            "pages with nobody on them are given back"
        );
    }

    #[test]
    fn whoever_holds_a_port_is_found_there_in_the_order_of_coming() {
        let mut ports = Ports::new(HOSTS as usize);
        let mut model = Model::default();
        let mut stream = Seed(3).stream("ports");
        let mut most = 0;
        for now in 0..20_000 {
            let host = stream.below(HOSTS) as u32;
            let some = stream.below(model.held.len().max(1) as u64) as usize;
            match (stream.below(100), model.held.get(some).copied()) {
                (0, _) => {
                    ports.forget_host(host);
                    model.held.retain(|held| held.1 != host);
                }
                (1..30, Some((key, ..))) => {
                    ports.release(key);
                    ports.release(key);
                    model.held.retain(|held| held.0 != key);
                }
                (30..50, Some((key, _, port, None))) => {
                    let until = now + MINUTE;
                    ports.keep(key, ([10, 0, 0, 9], port).into(), until, now);
                    model.held[some].3 = Some(until);
                    model
                        .held
                        .retain(|(.., until)| until.is_none_or(|until| until > now));
                }
                _ => {
                    let port = 60 + stream.below(10) as u16;
                    let held = Held::Connected {
                        connection: now as u32,
                        side: 0,
                        chosen: true,
                    };
                    let at = ([10, 0, 0, 1], port).into();
                    let key = ports.hold(host, at, &Options::default(), held);
                    model.held.push((key, host, port, None));
                }
            }
            agree(&ports, &model, now);
            most = most.max(model.held.len());
        }
        assert!(most > 30, "at most {most} were held at a time");
    }
}
