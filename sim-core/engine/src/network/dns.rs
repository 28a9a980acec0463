//! The name service: who is asked for a name gives the addresses of its hosts, perhaps late, stale or
//! wrong, and each host remembers answers for a while.
//!
//! Without settings and faults a look-up takes no time and leaves no trace.

use super::address::{self, host_address};
use crate::{
    clock,
    machine::{Machine, inside},
    timer,
};
use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};
use windtunnel_record::{Event, Stream, dns::Misanswer};

/// An address that is nobody's (RFC 5737).
const NOWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// What is known of names.
#[derive(Default)]
pub(crate) struct Names {
    /// What each host remembers, by name.
    caches: BTreeMap<u32, BTreeMap<String, Remembered>>,
    streams: BTreeMap<u32, Box<Stream>>,
    /// Hosts that ever stopped; all others run.
    changes: BTreeMap<u32, Change>,
    /// Which hosts were left out when a fault began that makes answers stale.
    stale: BTreeMap<u32, Vec<u32>>,
}

#[derive(Clone)]
struct Remembered {
    answer: Answer,
    until: u64,
}

/// The last change of a host.
#[derive(Clone, Copy)]
struct Change {
    runs: bool,
    since: u64,
    /// Whether answers had it before.
    listed: bool,
}

impl Change {
    /// Whether answers have the host at `now`, if they follow changes after so long.
    fn is_listed(self, now: u64, after: u64) -> bool {
        if now >= self.since.saturating_add(after) {
            self.runs
        } else {
            self.listed
        }
    }
}

/// What a look-up gives.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Addresses(Vec<IpAddr>),
    NoSuchName,
    Nothing,
}

impl Answer {
    fn into_result(self, port: u16) -> io::Result<Vec<SocketAddr>> {
        let failed = |why| {
            let text = format!("failed to lookup address information: {why}");
            Err(io::Error::other(text))
        };
        match self {
            Self::Addresses(all) => Ok(all
                .into_iter()
                .map(|ip| SocketAddr::new(ip, port))
                .collect()),
            Self::NoSuchName => failed("Name or service not known"),
            Self::Nothing => failed("Temporary failure in name resolution"),
        }
    }

    /// In words, for the record.
    fn told(&self) -> String {
        match self {
            Self::Addresses(all) => {
                let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                all.join(" ")
            }
            Self::NoSuchName => "no such name".into(),
            Self::Nothing => "no answer".into(),
        }
    }
}

/// How a look-up begins.
enum Begun {
    Answered(io::Result<Vec<SocketAddr>>),
    /// The answer comes at this instant.
    Waits {
        host: u32,
        until: u64,
    },
}

/// Looks a name up: a literal address, `localhost`, a host's name, or a service's name, which gives
/// all its replicas in order.
///
/// # Errors
/// If nothing has this name, or a `dns` fault says so.
///
/// Cancellation: dropping the future gives the look-up up; nothing is remembered of it.
///
/// # Panics
/// Outside a task of a simulated host.
pub async fn resolve(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Some(ip) = address::literal(name) {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    match inside(|machine| machine.begin_look_up(name, port)) {
        Begun::Answered(answer) => answer,
        Begun::Waits { host, until } => {
            if until > clock::now() {
                timer::until(until).await;
            }
            inside(|machine| machine.end_look_up(host, name)).into_result(port)
        }
    }
}

impl Machine {
    fn begin_look_up(&mut self, name: &str, port: u16) -> Begun {
        let host = match self.caller() {
            Ok((_, host)) => host,
            Err(error) => return Begun::Answered(Err(error)),
        };
        let dns = self.network.spec.dns;
        let meant = address::hosts_called(&self.topology, name);
        if dns.is_none() && !self.is_misanswering() {
            if meant.is_empty() {
                let text =
                    format!("failed to lookup address information: no host is called `{name}`");
                return Begun::Answered(Err(io::Error::other(text)));
            }
            let found = meant.into_iter().map(host_address);
            return Begun::Answered(Answer::Addresses(found.collect()).into_result(port));
        }
        let now = clock::now();
        let cache = self.network.names.caches.get(&host);
        let known = cache.and_then(|cache| cache.get(name));
        if let Some(known) = known.filter(|known| known.until > now) {
            let answer = known.answer.clone();
            self.note_look_up(host, name, &answer, true);
            return Begun::Answered(answer.into_result(port));
        }
        let mut until = now;
        let mut stream = self.name_stream(host);
        if let Some(latency) = dns.and_then(|dns| dns.latency) {
            until += latency.sample(&mut stream).as_nanos();
        }
        for (fault, how) in self.misanswers(host, &meant) {
            if let Misanswer::Slow(by) = how {
                until += by.sample(&mut stream).as_nanos();
                self.fault_hit(Some(fault));
            }
        }
        self.network.names.streams.insert(host, stream);
        Begun::Waits { host, until }
    }

    fn name_stream(&mut self, host: u32) -> Box<Stream> {
        let kept = self.network.names.streams.remove(&host);
        kept.unwrap_or_else(|| {
            let name = format!("dns/{}", self.topology.name(host));
            Box::new(self.network.packet_stream(&name))
        })
    }

    fn end_look_up(&mut self, host: u32, name: &str) -> Answer {
        let now = clock::now();
        let answer = self.answer(host, name, now);
        if let Some(dns) = self.network.spec.dns {
            let keep = match answer {
                Answer::Addresses(_) => dns.ttl,
                _ => dns.negative_ttl,
            };
            let until = now + keep.as_nanos();
            if until > now && self.caller().is_ok() {
                let answer = answer.clone();
                let cache = self.network.names.caches.entry(host).or_default();
                cache.insert(name.to_owned(), Remembered { answer, until });
            }
        }
        self.note_look_up(host, name, &answer, false);
        answer
    }

    /// What the name service says at `now`. The first fault that touches the answer counts.
    fn answer(&mut self, host: u32, name: &str, now: u64) -> Answer {
        let meant = address::hosts_called(&self.topology, name);
        for (fault, how) in self.misanswers(host, &meant) {
            let answer = match how {
                Misanswer::Slow(_) => continue,
                Misanswer::Stale => {
                    let names = &self.network.names;
                    let left_out = names.stale.get(&fault).cloned().unwrap_or_default();
                    listed(&meant, |host| !left_out.contains(&host))
                }
                Misanswer::Wrong(hosts) => listed(&hosts.resolve(&self.topology), |_| true),
                Misanswer::Nowhere => Answer::Addresses(vec![NOWHERE.into()]),
                Misanswer::Nxdomain => Answer::NoSuchName,
                Misanswer::Fails => Answer::Nothing,
            };
            self.fault_hit(Some(fault));
            return answer;
        }
        let left_out = self.left_out(now);
        listed(&meant, |host| !left_out.contains(&host))
    }

    /// The hosts that answers do not have at `now`.
    fn left_out(&self, now: u64) -> Vec<u32> {
        let follows = self.network.spec.dns.and_then(|dns| dns.follows);
        let Some(after) = follows else {
            return Vec::new();
        };
        let changes = self.network.names.changes.iter();
        let out = changes.filter(|(_, change)| !change.is_listed(now, after.as_nanos()));
        out.map(|(host, _)| *host).collect()
    }

    fn note_look_up(&mut self, host: u32, name: &str, answer: &Answer, remembered: bool) {
        self.note(Event::LookedUp {
            host,
            name: name.into(),
            answer: answer.told().into(),
            remembered,
        });
    }

    /// The process of a host started or stopped.
    pub(crate) fn names_follow(&mut self, host: u32, runs: bool) {
        let follows = self.network.spec.dns.and_then(|dns| dns.follows);
        let Some(after) = follows else { return };
        let now = clock::now();
        let before = self.network.names.changes.get(&host);
        if before.is_none() && runs {
            return;
        }
        let listed = before.is_none_or(|change| change.is_listed(now, after.as_nanos()));
        let change = Change {
            runs,
            since: now,
            listed,
        };
        self.network.names.changes.insert(host, change);
    }

    /// A host without power forgets what it knew of names.
    pub(super) fn forget_names(&mut self, host: u32) {
        self.network.names.caches.remove(&host);
    }

    /// From now on the answers of a fault are those of this instant.
    pub(crate) fn keep_names(&mut self, fault: u32) {
        let left_out = self.left_out(clock::now());
        self.network.names.stale.insert(fault, left_out);
    }

    /// See [`Self::keep_names`].
    pub(crate) fn let_go_of_names(&mut self, fault: u32) {
        self.network.names.stale.remove(&fault);
    }
}

/// An answer with those of `meant` that are listed.
fn listed(meant: &[u32], is_listed: impl Fn(u32) -> bool) -> Answer {
    let found = meant.iter().copied().filter(|host| is_listed(*host));
    let found: Vec<IpAddr> = found.map(host_address).collect();
    if found.is_empty() {
        Answer::NoSuchName
    } else {
        Answer::Addresses(found)
    }
}
