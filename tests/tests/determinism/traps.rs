//! What brings the machine's own state into a run is refused by name, in the rule `sealed`, which
//! every run has.

use crate::run;
use std::{hint::black_box, time::Duration};
use windtunnel_record::RunRecord;

/// What the rule `sealed` says of a run that broke it.
pub fn complaint(run: &RunRecord) -> String {
    let rule = run.rules.iter().find(|rule| rule.id == "sealed");
    let rule = rule.expect("every run is judged by it");
    assert!(rule.fails(), "{:?}", rule.verdict);
    rule.witness().expect("a violation has one").says.clone()
}

#[test]
fn a_run_that_does_nothing_of_the_kind_is_sealed() {
    let calm = run(1, || async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _: u64 = std::collections::HashMap::<u64, u64>::new().values().sum();
    });
    assert_eq!(calm.verdict(), "held", "{:?}", calm.rules);
}

#[test]
fn a_raw_getrandom_system_call_is_refused_by_name() {
    let run = run(1, || async {
        let mut bytes = [0_u8; 8];
        // SAFETY: the call writes at most eight bytes into the array.
        let filled = unsafe { libc::syscall(libc::SYS_getrandom, bytes.as_mut_ptr(), 8, 0) };
        assert_eq!((filled, bytes), (-1, [0; 8]), "nothing comes through");
    });
    let complaint = complaint(&run);
    assert!(
        complaint.contains("raw getrandom system call"),
        "{complaint}"
    );
}

#[test]
fn dev_urandom_is_refused_by_name() {
    let run = run(1, || async {
        let opened = std::fs::File::open("/dev/urandom");
        assert!(opened.is_err(), "nothing comes through");
    });
    let complaint = complaint(&run);
    assert!(complaint.contains("/dev/urandom"), "{complaint}");
}

#[test]
fn the_time_stamp_counter_is_refused_by_name_and_shows_simulated_time() {
    let once = || {
        run(1, || async {
            // SAFETY: reading the counter touches no memory.
            let ticks = unsafe { core::arch::x86_64::_rdtsc() };
            tracing::info!(target: "observe", what = "ticked", ticks);
        })
    };
    let (one, two) = (once(), once());
    let complaint = complaint(&one);
    assert!(complaint.contains("time-stamp counter"), "{complaint}");
    assert_eq!(one.digest, two.digest, "the counter told no real time");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it is what is to be refused")]
fn std_thread_spawn_is_refused_by_name() {
    let run = run(1, || async {
        drop(black_box(std::thread::spawn(|| ())));
    });
    let told = format!("{:?}", run.rules);
    assert_eq!(run.verdict(), "violated");
    assert!(told.contains("std::thread::spawn is refused"), "{told}");
}

#[test]
fn a_task_on_real_tokio_is_refused_by_name_and_place() {
    let run = run(1, || async {
        drop(tokio_real::spawn(async {}));
    });
    let complaint = complaint(&run);
    assert!(
        complaint.contains("tokio::spawn of the real tokio") && complaint.contains("traps.rs"),
        "{complaint}"
    );
}
