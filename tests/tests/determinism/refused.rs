//! What reaches for the machine past the C library's doors is refused by name, and told nothing.

use crate::{run, traps::complaint};
use std::{
    fs, io,
    net::TcpListener,
    process::Command,
    ptr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use windtunnel_record::{Event, RunRecord};

/// Runs a service that does `what` after a second, and states its result.
fn stating(what: fn() -> i64) -> RunRecord {
    run(1, move || async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        tracing::info!(target: "observe", what = "result", value = what());
    })
}

/// What the service stated.
fn result(run: &RunRecord) -> i64 {
    let mut facts = run.events.iter().filter_map(|record| match &record.event {
        Event::Observed { fields, .. } => fields.int("value"),
        _ => None,
    });
    facts.next().expect("the service stated a result")
}

/// Seconds since 1970 on the host's clock.
fn simulated_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_secs() as i64
}

/// Asserts that a clock read past the library is refused and shows simulated time.
#[track_caller]
fn refused_and_simulated(read: fn() -> i64) {
    let run = stating(read);
    let complaint = complaint(&run);
    assert!(
        complaint.contains("a raw system call for the time"),
        "{complaint}"
    );
    assert_eq!(result(&run), 0, "it shows what the host's clock shows");
}

#[test]
fn a_raw_clock_gettime_is_refused_and_shows_simulated_time() {
    refused_and_simulated(|| {
        let mut now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the call writes the timespec.
        let done =
            unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_REALTIME, &raw mut now) };
        now.tv_sec - simulated_seconds() + done
    });
}

#[test]
fn a_raw_gettimeofday_is_refused_and_shows_simulated_time() {
    refused_and_simulated(|| {
        let mut now = libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        };
        let no_zone = ptr::null_mut::<libc::timezone>();
        // SAFETY: the call writes the timeval.
        let done = unsafe { libc::syscall(libc::SYS_gettimeofday, &raw mut now, no_zone) };
        now.tv_sec - simulated_seconds() + done
    });
}

#[test]
fn a_raw_time_is_refused_and_shows_simulated_time() {
    refused_and_simulated(|| {
        let nowhere = ptr::null_mut::<libc::time_t>();
        // SAFETY: without an address the call only returns.
        unsafe { libc::syscall(libc::SYS_time, nowhere) - simulated_seconds() }
    });
}

#[test]
fn the_c_librarys_time_shows_simulated_time() {
    // SAFETY: without an address the call only returns.
    let run = stating(|| unsafe { libc::time(ptr::null_mut()) } - simulated_seconds());
    assert_eq!(result(&run), 0);
    assert_eq!(run.verdict(), "held", "{:?}", run.rules);
}

extern "C" fn nothing(_: *mut libc::c_void) -> *mut libc::c_void {
    ptr::null_mut()
}

#[test]
fn a_thread_of_the_c_library_cannot_be_started() {
    let run = stating(|| {
        let mut thread = 0;
        let none = ptr::null();
        // SAFETY: the function does nothing, and no attributes mean the usual ones.
        let done = unsafe { libc::pthread_create(&raw mut thread, none, nothing, ptr::null_mut()) };
        i64::from(done)
    });
    assert_eq!(result(&run), i64::from(libc::EPERM));
}

#[test]
fn a_process_of_the_machine_cannot_be_started() {
    let run = stating(|| match Command::new("true").status() {
        Ok(_) => 0,
        Err(error) => i64::from(error.kind() == io::ErrorKind::PermissionDenied),
    });
    assert_eq!(result(&run), 1, "no process was started");
}

#[test]
fn the_order_of_a_real_directory_is_refused_by_name() {
    let run = stating(|| match fs::read_dir(".") {
        Ok(entries) => entries.filter_map(Result::ok).count() as i64,
        Err(_) => 0,
    });
    assert_eq!(result(&run), 0, "no entry was shown");
    let complaint = complaint(&run);
    assert!(complaint.contains("listing a directory"), "{complaint}");
}

#[test]
fn a_socket_of_the_machine_is_refused_by_name() {
    let run = stating(|| TcpListener::bind("127.0.0.1:0").is_ok().into());
    assert_eq!(result(&run), 0, "nothing was opened");
    let complaint = complaint(&run);
    assert!(complaint.contains("opening a socket"), "{complaint}");
}

#[test]
fn the_harness_around_the_services_may_read_a_directory() {
    let describe = |tunnel: &mut windtunnel::Tunnel| {
        let entries = fs::read_dir(".").expect("the harness is no service");
        assert!(entries.count() > 0);
        crate::alone(tunnel, || async {});
    };
    let spec = windtunnel_record::RunSpec::new("alone", windtunnel_record::Seed(1));
    let run = windtunnel::execute(&spec, Default::default(), describe).expect("it runs");
    assert_eq!(run.verdict(), "held", "{:?}", run.rules);
}
