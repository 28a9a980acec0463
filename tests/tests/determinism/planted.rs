//! Eight kinds of nondeterminism, planted into a service. What no trap can see is caught by the two
//! runs of an audit, whose first differing event is the tainted one.

use crate::alone;
use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher},
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};
use windtunnel::{Audited, audit};
use windtunnel_record::{Event, Record};

/// Audits a service that states what the seed determines, then what `tainted` gives, then something
/// that the seed determines again.
#[track_caller]
fn audited(tainted: fn() -> i64) -> Audited {
    audit(0..3, move |tunnel| {
        alone(tunnel, move || async move {
            for step in 0..3 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                tracing::info!(target: "observe", what = "calm", step);
            }
            tracing::info!(target: "observe", what = "tainted", value = tainted());
            tokio::time::sleep(Duration::from_millis(10)).await;
            tracing::info!(target: "observe", what = "calm again");
        })
    })
}

fn stated(record: Option<&Record>) -> &str {
    match record.map(|record| &record.event) {
        Some(Event::Observed { name, .. }) => name,
        other => panic!("no fact: {other:?}"),
    }
}

/// Asserts that an audit catches what `tainted` brings in, and points at it.
#[track_caller]
fn caught(tainted: fn() -> i64) {
    let audited = audited(tainted);
    let found = audited
        .differing()
        .first()
        .expect("a seed with two digests");
    assert_ne!(found.digests[0], found.digests[1]);
    let difference = &found.difference;
    assert_eq!(
        stated(difference.one.first()),
        "tainted",
        "{}",
        found.told()
    );
    assert_eq!(
        stated(difference.other.first()),
        "tainted",
        "{}",
        found.told()
    );
    assert_eq!(stated(difference.before.last()), "calm", "{}", found.told());
    assert_eq!(difference.at().as_nanos(), 30_000_000, "{}", found.told());
    let told = found.told();
    assert!(told.contains("the courses part at 0.030s"), "{told}");
    assert!(told.contains("> other 0.030s service"), "{told}");
}

#[test]
fn a_service_in_which_nothing_is_planted_holds() {
    let audited = audited(|| 7);
    assert_eq!(audited.digests().len(), 3, "{audited:?}");
    audited.held();
}

#[test]
fn the_first_line_of_a_failed_audit_says_where_the_courses_part() {
    let audited = audited(|| COUNTER.fetch_add(1, Ordering::Relaxed));
    let held = std::panic::AssertUnwindSafe(|| audited.held());
    let payload = std::panic::catch_unwind(held).expect_err("it does not hold");
    let said = payload.downcast_ref::<String>().expect("words");
    assert!(said.contains("gave two digests"), "{said}");
    assert!(said.contains("the courses part at 0.030s"), "{said}");
}

/// Runs in this process so far.
static COUNTER: AtomicI64 = AtomicI64::new(0);

#[test]
fn a_process_wide_counter_is_caught() {
    caught(|| COUNTER.fetch_add(1, Ordering::Relaxed));
}

#[test]
fn an_address_that_is_stated_is_caught() {
    caught(|| (&raw const COUNTER).addr() as i64);
}

#[test]
fn an_address_on_the_heap_is_caught() {
    caught(|| (&raw const *Box::new(0_u64)).addr() as i64);
}

/// Hashes as fast hashers do that take their key from an address.
struct AddressSeeded;

impl BuildHasher for AddressSeeded {
    type Hasher = Mixing;

    fn build_hasher(&self) -> Mixing {
        Mixing((&raw const COUNTER).addr() as u64)
    }
}

struct Mixing(u64);

impl Hasher for Mixing {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.0 ^= self.0 >> 29;
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The order of twelve keys as one number.
fn order(keys: impl Iterator<Item = i64>) -> i64 {
    keys.fold(0, |order, key| order * 31 % 1_000_000_007 + key)
}

#[test]
fn the_order_of_a_map_whose_hasher_takes_its_key_from_an_address_is_caught() {
    caught(|| {
        let mut map = HashMap::with_hasher(AddressSeeded);
        map.extend((0..12).map(|key| (key, ())));
        order(map.into_keys())
    });
}

#[test]
fn the_order_of_a_map_of_std_is_drawn_from_the_seed() {
    let audited = audited(|| {
        let mut map: HashMap<i64, ()> = HashMap::new();
        map.extend((0..12).map(|key| (key, ())));
        order(map.into_keys())
    });
    let digests = audited.digests();
    assert_eq!(digests.len(), 3, "{audited:?}");
    assert_ne!(digests[0].1, digests[1].1, "it is drawn at all");
}

#[test]
fn the_value_of_an_environment_variable_is_caught() {
    let (name, value) = std::env::vars().next().expect("there is an environment");
    assert!(!name.is_empty() && !value.is_empty());
    caught(|| std::env::var("HOME").map_or(0, |home| home.len() as i64));
}

#[test]
fn the_size_of_the_environment_is_caught() {
    caught(|| {
        std::env::vars_os()
            .map(|(_, value)| value.len())
            .sum::<usize>() as i64
    });
}

#[test]
fn entropy_of_the_c_library_is_answered_from_the_seed() {
    let audited = audited(|| {
        let mut value = [0_u8; 8];
        // SAFETY: the call writes at most eight bytes into the array.
        let filled = unsafe { libc::getrandom(value.as_mut_ptr().cast(), 8, 0) };
        assert_eq!(filled, 8);
        i64::from_le_bytes(value)
    });
    let digests = audited.digests();
    assert_eq!(digests.len(), 3, "{audited:?}");
    assert_ne!(digests[0].1, digests[1].1, "it is drawn at all");
}

#[test]
fn gettimeofday_of_the_c_library_is_repeatable() {
    let audited = audited(|| {
        let mut now = libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        };
        // SAFETY: the call writes the timeval and wants no zone.
        let done = unsafe { libc::gettimeofday(&raw mut now, std::ptr::null_mut()) };
        assert_eq!(done, 0);
        now.tv_sec * 1_000_000 + now.tv_usec
    });
    assert_eq!(audited.digests().len(), 3, "{audited:?}");
}

#[test]
fn the_generator_that_the_c_library_keeps_in_a_static_is_caught() {
    // SAFETY: the call has no preconditions.
    caught(|| unsafe { libc::rand() }.into());
}

#[test]
fn the_random_bytes_that_the_kernel_gives_each_process_are_caught() {
    caught(|| {
        // SAFETY: the kernel puts sixteen bytes there for every process.
        unsafe { (libc::getauxval(libc::AT_RANDOM) as *const i64).read_unaligned() }
    });
}

#[test]
fn the_number_of_the_process_is_caught() {
    caught(|| std::process::id().into());
}
