//! Who reaches whom under each shape of a partition.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};
use tokio::{
    net::UdpSocket,
    time::{Duration, Instant, sleep_until},
};
use windtunnel::record::{Event, RunRecord, RunSpec, Seed, Span};
use windtunnel::{
    Fault, Settings, Tunnel, bridge, everything, execute, isolate_one, majority_ring, secs, swizzle,
};

/// How many hosts there are.
const HOSTS: u32 = 5;

/// Which datagram of this second of the run came from whom to whom. Datagrams need no answer, so that
/// each direction is seen by itself.
type Seen = Arc<Mutex<BTreeSet<(u64, u32, u32)>>>;

/// Every host sends every other a datagram at each of `seconds`.
async fn try_all(own: u32, seconds: Vec<u64>, seen: Seen) {
    let start = Instant::now();
    let socket = Arc::new(UdpSocket::bind("0.0.0.0:53").await.expect("free"));
    let receiver = socket.clone();
    tokio::spawn(async move {
        let mut room = [0; 12];
        while receiver.recv(&mut room).await.is_ok() {
            let (second, from) = room.split_at(8);
            let second = u64::from_le_bytes(second.try_into().expect("eight bytes"));
            let from = u32::from_le_bytes(from.try_into().expect("four bytes"));
            let mut seen = seen.lock().expect("nobody panics");
            seen.insert((second, from, own));
        }
    });
    for second in seconds {
        sleep_until(start + Duration::from_secs(second)).await;
        let told = [&second.to_le_bytes()[..], &own.to_le_bytes()[..]].concat();
        for other in (0..HOSTS).filter(|other| *other != own) {
            let to = format!("node-{other}:53");
            socket.send_to(&told, to).await.expect("taken");
        }
    }
    std::future::pending().await
}

fn run(seed: u64, fault: Fault, seconds: &[u64]) -> (BTreeSet<(u64, u32, u32)>, RunRecord) {
    let seen = Seen::default();
    let kept = seen.clone();
    let seconds = seconds.to_vec();
    let settings = Settings {
        keep_packets: false,
        log: None,
    };
    let spec = RunSpec::new("shapes", Seed(seed));
    let record = execute(&spec, settings, move |tunnel: &mut Tunnel| {
        tunnel.load_for(secs(60)).settle_for(Span::ZERO);
        for number in 0..HOSTS {
            let (seen, seconds) = (seen.clone(), seconds.clone());
            tunnel
                .host(&format!("node-{number}"))
                .run(move || try_all(number, seconds.clone(), seen.clone()));
        }
        tunnel.fault(fault);
    });
    let seen = kept.lock().expect("the run is over").clone();
    (seen, record.expect("the run can be made"))
}

/// Whom a host reaches at a second; itself counted.
fn reached(seen: &BTreeSet<(u64, u32, u32)>, second: u64, from: u32) -> BTreeSet<u32> {
    let others = seen
        .iter()
        .filter(|(at, own, _)| (*at, *own) == (second, from));
    others.map(|(_, _, other)| *other).chain([from]).collect()
}

fn all_hosts() -> BTreeSet<u32> {
    (0..HOSTS).collect()
}

#[test]
fn an_isolated_host_reaches_nobody_and_all_others_each_other() {
    let mut isolated = BTreeSet::new();
    for seed in 0..8 {
        let fault = isolate_one(everything()).at(secs(5)).lasting(secs(10));
        let (seen, _) = run(seed, fault, &[2, 7, 20]);
        let alone = |host: &u32| reached(&seen, 7, *host).len() == 1;
        let found: Vec<u32> = (0..HOSTS).filter(alone).collect();
        let [one] = found[..] else {
            panic!("{found:?}");
        };
        isolated.insert(one);
        let mut others = all_hosts();
        others.remove(&one);
        for host in &others {
            assert_eq!(reached(&seen, 7, *host), others);
        }
        for host in 0..HOSTS {
            assert_eq!(reached(&seen, 2, host), all_hosts(), "before");
            assert_eq!(reached(&seen, 20, host), all_hosts(), "after");
        }
    }
    assert!(isolated.len() > 2, "it is drawn: {isolated:?}");
}

#[test]
fn a_bridge_reaches_both_halves_which_do_not_reach_each_other() {
    let fault = bridge(everything()).at(secs(5)).lasting(secs(10));
    let (seen, _) = run(1, fault, &[7]);
    let views: Vec<BTreeSet<u32>> = (0..HOSTS).map(|host| reached(&seen, 7, host)).collect();
    let full = views.iter().position(|view| *view == all_hosts());
    let bridge = full.expect("one reaches everybody") as u32;
    let halves: BTreeSet<&BTreeSet<u32>> =
        views.iter().filter(|view| **view != all_hosts()).collect();
    let halves: Vec<_> = halves.into_iter().collect();
    let [one, other] = halves[..] else {
        panic!("{halves:?}");
    };
    assert_eq!((one.len(), other.len()), (3, 3));
    let both: Vec<u32> = one.intersection(other).copied().collect();
    assert_eq!(both, [bridge]);
}

#[test]
fn in_a_majority_ring_each_reaches_a_majority_and_no_two_the_same() {
    let fault = majority_ring(everything()).at(secs(5)).lasting(secs(10));
    let (seen, _) = run(1, fault, &[7]);
    let views: BTreeSet<BTreeSet<u32>> = (0..HOSTS).map(|host| reached(&seen, 7, host)).collect();
    assert_eq!(views.len(), 5, "{views:?}");
    assert!(views.iter().all(|view| view.len() == 3), "{views:?}");
}

#[test]
fn a_swizzle_cuts_hosts_off_one_by_one_and_heals_them_in_another_order() {
    let fault = || swizzle(everything()).at(secs(5)).lasting(secs(45));
    // It cuts at 5, 8, 11, 14 and 17 s, and heals at 38, 41, 44, 47 and 50 s.
    let seconds = [3, 6, 9, 12, 15, 30, 39, 42, 45, 48, 52];
    let (seen, record) = run(1, fault(), &seconds);
    let most = |second: u64| {
        let views = (0..HOSTS).map(|host| reached(&seen, second, host).len());
        views.max().expect("there are hosts")
    };
    let found: Vec<usize> = seconds.into_iter().map(most).collect();
    assert_eq!(found, [5, 4, 3, 2, 1, 1, 1, 2, 3, 4, 5]);
    let order = |which: bool| -> Vec<u32> {
        let steps = record
            .events
            .iter()
            .filter_map(|record| match record.event {
                Event::Swizzled { host, cut, .. } if cut == which => Some(host),
                _ => None,
            });
        steps.collect()
    };
    let (cut, healed) = (order(true), order(false));
    assert_eq!(cut.len(), 5);
    assert_eq!(healed.len(), 4, "the last one is healed by the end");
    assert_ne!(cut[..4], healed[..]);
}
