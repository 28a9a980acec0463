//! Two network namespaces, the veth pair that joins them, and what is dropped on its way.

use crate::{
    behaviour::Patience,
    plan::{Act, Host, Way},
};
use std::{
    fs,
    io::Write,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    process::{Command, Stdio, id},
    sync::atomic::{AtomicU32, Ordering},
};

/// How the names of our namespaces begin; the process that made them follows.
const PREFIX: &str = "windtunnel-";

/// Two namespaces with a device `wire` in each. Dropped, they are gone.
pub struct Wire {
    names: [String; 2],
    /// The acts under way, by their place in the plan.
    acts: Vec<(usize, Act)>,
}

/// The address of a host on its wire: every wire is a world of its own.
pub const fn address(host: Host) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 99, 0, host as u8 + 1))
}

fn hardware(host: Host) -> String {
    format!("02:00:00:00:00:0{}", host as u8 + 1)
}

impl Wire {
    /// Makes the namespaces and joins them. Neighbours are known for good, so that no cut is seen by
    /// the resolution of addresses.
    pub fn new(patience: Patience) -> Result<Self, String> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let wire = Self {
            names: Host::BOTH.map(|host| format!("{PREFIX}{}-{number}-{}", id(), host.name())),
            acts: Vec::new(),
        };
        for name in &wire.names {
            ip(&format!("netns add {name}"))?;
        }
        let [client, server] = &wire.names;
        ip(&format!(
            "link add wire netns {client} type veth peer name wire netns {server}"
        ))?;
        for host in Host::BOTH {
            wire.set_up(host, patience)?;
        }
        for (host, peer) in [(Host::Client, Host::Server), (Host::Server, Host::Client)] {
            let (name, to, at) = (wire.namespace(host), address(peer), hardware(peer));
            ip(&format!(
                "-n {name} neigh replace {to} lladdr {at} dev wire nud permanent"
            ))?;
        }
        Ok(wire)
    }

    fn set_up(&self, host: Host, patience: Patience) -> Result<(), String> {
        let name = self.namespace(host);
        for words in [
            format!("addr add {}/24 dev wire", address(host)),
            format!("link set wire address {}", hardware(host)),
            "link set wire up".into(),
            "link set lo up".into(),
        ] {
            ip(&format!("-n {name} {words}"))?;
        }
        let Patience {
            syn_retries,
            syn_linear,
            retries2,
            keep_alive: [idle, interval, probes],
        } = patience;
        // Reno, because the machine's own choice may pace what we measure.
        let settings = format!(
            "cd /proc/sys/net/ipv4 && echo {syn_retries} >tcp_syn_retries \
             && echo {syn_linear} >tcp_syn_linear_timeouts && echo {retries2} >tcp_retries2 \
             && echo {idle} >tcp_keepalive_time && echo {interval} >tcp_keepalive_intvl \
             && echo {probes} >tcp_keepalive_probes \
             && echo reno >tcp_congestion_control"
        );
        run("ip", &["netns", "exec", name, "sh", "-c", &settings], "")?;
        let table = "add table netdev wire\n\
             add chain netdev wire arrivals { type filter hook ingress device \"wire\" priority 0; }\n";
        self.nft(host, table)
    }

    pub fn namespace(&self, host: Host) -> &str {
        &self.names[host as usize]
    }

    /// An act begins that drops packets.
    pub fn begin(&mut self, number: usize, act: Act) -> Result<(), String> {
        self.acts.push((number, act));
        self.apply()
    }

    /// From now on the wire carries so many megabits a second that way, or as many as it can.
    pub fn narrow(&self, way: Way, mbit: Option<u64>) -> Result<(), String> {
        for receiver in way.receivers() {
            let name = self.namespace(receiver.peer());
            let words = match mbit {
                Some(rate) => {
                    format!("replace dev wire root tbf rate {rate}mbit burst 16kb limit 100000")
                }
                None => "del dev wire root".into(),
            };
            let all = format!("-n {name} qdisc {words}");
            run("tc", &all.split(' ').collect::<Vec<_>>(), "")?;
        }
        Ok(())
    }

    /// It ends.
    pub fn end(&mut self, number: usize) -> Result<(), String> {
        self.acts.retain(|(other, _)| *other != number);
        self.apply()
    }

    /// Makes the rules at both ends those of the acts under way, each set at one instant.
    fn apply(&self) -> Result<(), String> {
        for host in Host::BOTH {
            let mut rules = String::from("flush chain netdev wire arrivals\n");
            for (_, act) in &self.acts {
                let (way, condition) = match *act {
                    Act::Cut(way) => (way, String::new()),
                    Act::Lose(way, 1.0..) => (way, String::new()),
                    Act::Lose(way, rate) => {
                        let lost = (rate * 10_000.0) as u32;
                        (way, format!("numgen random mod 10000 < {lost}"))
                    }
                    // Longer than an acknowledgement without data.
                    Act::LoseOne(way) => {
                        let next = "meta length > 52 limit rate 1/day burst 1 packets";
                        (way, next.into())
                    }
                    Act::PowerLoss(_) => (Way::Both, String::new()),
                    Act::Kill(_) | Act::Stop(_) | Act::Narrow(..) => continue,
                };
                if way.receivers().contains(&host) {
                    rules += &format!("add rule netdev wire arrivals {condition} drop\n");
                }
            }
            self.nft(host, &rules)?;
        }
        Ok(())
    }

    fn nft(&self, host: Host, rules: &str) -> Result<(), String> {
        let name = self.namespace(host);
        run("ip", &["netns", "exec", name, "nft", "-f", "-"], rules).map(drop)
    }

    /// The host's kernel forgets its connections. What it would say about that is cut off by then.
    pub fn forget_connections(&self, host: Host) -> Result<(), String> {
        let name = self.namespace(host);
        let ss = |arguments: &[&str]| {
            let all = [&["netns", "exec", name, "ss", "-H", "-t", "-n"], arguments].concat();
            run("ip", &all, "")
        };
        ss(&["-K"])?;
        let left = ss(&[])?;
        if left.trim().is_empty() {
            Ok(())
        } else {
            Err(format!("`ss -K` leaves connections alone here: {left}"))
        }
    }

    /// Removes what a process left behind that was killed.
    pub fn clear_abandoned() {
        for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            let maker = name
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.split('-').next());
            if maker.is_some_and(|maker| !Path::new("/proc").join(maker).exists()) {
                let _ = ip(&format!("netns del {name}"));
            }
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

fn ip(words: &str) -> Result<(), String> {
    run("ip", &words.split(' ').collect::<Vec<_>>(), "").map(drop)
}

/// Runs a program that must succeed; what it printed.
fn run(program: &str, arguments: &[&str], input: &str) -> Result<String, String> {
    let say = |what: &str| format!("`{program} {}`: {what}", arguments.join(" "));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| say(&error.to_string()))?;
    let mut stdin = child.stdin.take().expect("it is piped");
    // A program that ends early says why on its own.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child
        .wait_with_output()
        .map_err(|error| say(&error.to_string()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(say(String::from_utf8_lossy(&output.stderr).trim()))
    }
}
