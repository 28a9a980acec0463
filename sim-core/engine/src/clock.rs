//! The clock that services read.
//!
//! The engine's clock moves only through its own event queue. `clock_gettime` is wrapped at link
//! time (`-Wl,--wrap=clock_gettime`, from the build script of each binary and test package), so that
//! the standard library's `Instant` and `SystemTime` show simulated time on a run's thread and real
//! time everywhere else.

mod own;

pub use own::HostClock;

use crate::process;
use std::{
    cell::{Cell, RefCell},
    sync::OnceLock,
    time::Instant,
};

/// Monotonic time begins here, as on a machine that has been up for some days: services may
/// subtract from `Instant::now()` without meeting zero.
const UPTIME_SECS: u64 = 1_000_000;
const NANOS_PER_SEC: u64 = 1_000_000_000;

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static NOW: Cell<u64> = const { Cell::new(0) };
    static EPOCH: Cell<u64> = const { Cell::new(0) };
    static ZERO: Cell<Option<Instant>> = const { Cell::new(None) };
    /// Whether any host has a clock of its own: nobody else pays for that.
    static OWN: Cell<bool> = const { Cell::new(false) };
    static CLOCKS: RefCell<Vec<HostClock>> = const { RefCell::new(Vec::new()) };
}

/// Gives hosts, by number, clocks of their own.
pub(crate) fn install(clocks: Vec<HostClock>) {
    OWN.set(true);
    CLOCKS.replace(clocks);
}

/// Whether any host of this run has a clock of its own.
pub(crate) fn are_own() -> bool {
    OWN.get()
}

/// Changes the clock of a host, and gives it after the change.
///
/// # Panics
/// If no host has a clock of its own.
pub(crate) fn change(host: u32, change: impl FnOnce(&mut HostClock)) {
    CLOCKS.with_borrow_mut(|clocks| change(&mut clocks[host as usize]));
}

/// The clock of the host on whose behalf code runs; the true one outside of hosts.
fn present() -> HostClock {
    process::current_host_of_clock()
        .and_then(|host| CLOCKS.with_borrow(|clocks| clocks.get(host as usize).copied()))
        .unwrap_or_default()
}

/// What the monotonic clock of the present host shows, in nanoseconds since the run began.
pub fn shown() -> u64 {
    if OWN.get() {
        present().shows(now())
    } else {
        now()
    }
}

/// The true instant at which the monotonic clock of the present host will show `shown`.
pub fn when(shown: u64) -> u64 {
    if OWN.get() {
        present().when(shown)
    } else {
        shown
    }
}

/// Nanoseconds of simulated time since the run began.
pub fn now() -> u64 {
    NOW.get()
}

/// Whether this thread carries a run.
pub fn is_running() -> bool {
    RUNNING.get()
}

pub(crate) fn set(now: u64) {
    NOW.set(now);
}

/// Starts simulated time on this thread at zero; `epoch` is what `SystemTime` shows then, in
/// nanoseconds since 1970.
///
/// # Errors
/// If the standard library's clock is not ours, because the program was linked without the wrap.
pub(crate) fn start(epoch: u64) -> Result<(), NotWrapped> {
    NOW.set(0);
    EPOCH.set(epoch);
    OWN.set(false);
    CLOCKS.take();
    RUNNING.set(true);
    let zero = Instant::now();
    NOW.set(NANOS_PER_SEC);
    let moved = Instant::now().checked_duration_since(zero);
    NOW.set(0);
    ZERO.set(Some(zero));
    if moved.map(|moved| moved.as_nanos()) == Some(u128::from(NANOS_PER_SEC)) {
        return Ok(());
    }
    RUNNING.set(false);
    Err(NotWrapped)
}

/// Sets what `SystemTime` shows at the start of the run, in nanoseconds since 1970.
pub(crate) fn set_epoch(epoch: u64) {
    EPOCH.set(epoch);
}

pub(crate) fn stop() {
    RUNNING.set(false);
}

/// The program was linked without the wrapped clock.
#[derive(Debug)]
pub struct NotWrapped;

/// What the monotonic clock of the host that made a standard instant showed at it, in nanoseconds
/// since the run began; instants before that count as its begin.
pub fn of_instant(instant: Instant) -> u64 {
    let zero = ZERO.get().expect("timers are used inside a run");
    u64::try_from(instant.saturating_duration_since(zero).as_nanos()).unwrap_or(u64::MAX)
}

/// What a clock of this kind shows, in nanoseconds.
fn reading(clock: libc::clockid_t) -> u64 {
    let (shown, ahead) = if OWN.get() {
        let own = present();
        (own.shows(NOW.get()), own.ahead())
    } else {
        (NOW.get(), 0)
    };
    match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI => {
            (EPOCH.get() + shown).saturating_add_signed(ahead)
        }
        // CPU-time clocks measure the machine, which must not be seen: they show the run's time.
        _ => UPTIME_SECS * NANOS_PER_SEC + shown,
    }
}

type ClockGettime = unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> libc::c_int;

/// The C library's function. Looked up instead of linked as `__real_clock_gettime`, so that a program
/// without the wrap still links and [`start`] can say what is missing.
fn real() -> ClockGettime {
    static REAL: OnceLock<ClockGettime> = OnceLock::new();
    *REAL.get_or_init(|| {
        // SAFETY: the name is a C string; what is found has the type that POSIX gives it.
        unsafe {
            let found = libc::dlsym(libc::RTLD_NEXT, c"clock_gettime".as_ptr());
            assert!(!found.is_null(), "the C library has no clock_gettime");
            std::mem::transmute::<*mut libc::c_void, ClockGettime>(found)
        }
    })
}

/// The wrapped `clock_gettime(2)`.
///
/// # Safety
/// `time` points to a writable `timespec`, as for the original.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn __wrap_clock_gettime(
    clock: libc::clockid_t,
    time: *mut libc::timespec,
) -> libc::c_int {
    if !RUNNING.get() {
        // SAFETY: the caller's promise is passed on unchanged.
        return unsafe { real()(clock, time) };
    }
    let nanos = reading(clock);
    // SAFETY: the caller promises a writable timespec.
    unsafe {
        time.write(libc::timespec {
            tv_sec: (nanos / NANOS_PER_SEC) as libc::time_t,
            tv_nsec: (nanos % NANOS_PER_SEC) as libc::c_long,
        });
    }
    0
}

/// `time(2)`, which the C library answers from a page of the kernel, past every trap.
///
/// # Safety
/// `answer` is null or points to a writable `time_t`, as for the original.
#[unsafe(no_mangle)]
unsafe extern "C" fn time(answer: *mut libc::time_t) -> libc::time_t {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it is a writable timespec; the other is the caller's promise.
    unsafe {
        __wrap_clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
        if let Some(answer) = answer.as_mut() {
            *answer = now.tv_sec;
        }
    }
    now.tv_sec
}
