//! The process in which runs are carried out: with addresses that do not differ from start to start, or
//! do, and with an allocator that suits one busy thread. For the `main` of a program; a run needs neither.

mod allocator;

pub use allocator::Allocator;

use std::{env, os::unix::process::CommandExt, process::Command};

/// Set in the process that was started again, so that it happens once.
pub const STARTED_AGAIN: &str = "WINDTUNNEL_STARTED_AGAIN";

/// What the GNU C library is told as it starts; other libraries do not look at it.
const TUNABLES: &str = "GLIBC_TUNABLES";

/// Runs allocate and free small things by the million, all on one thread. A thread keeps a hundred of
/// each size that it freed: were it two thousand, a worker that goes from seed to seed would take more
/// memory for a thousand seeds. There is one heap, which grows by whole huge pages: those of other
/// threads would grow by small pieces, to which no huge page is given. What is large lies in it too, up to
/// 32 MiB, which is the most that can be asked for, and as much is kept between two runs.
const ALLOCATOR: &str = "glibc.malloc.hugetlb=1:glibc.malloc.tcache_count=100:\
    glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=33554432:\
    glibc.malloc.trim_threshold=33554432";

/// Starts this program again with address randomisation off, unless it is off or cannot be switched
/// off, which is said once on standard error. Returns only in the process that goes on.
pub fn without_address_randomisation() {
    start_again(|present| present | libc::ADDR_NO_RANDOMIZE);
}

/// The same with address randomisation on, as most programs run: for the double run of an audit.
pub fn with_address_randomisation() {
    start_again(|present| present & !libc::ADDR_NO_RANDOMIZE);
}

fn start_again(wanted: impl Fn(i32) -> i32) {
    // SAFETY: asks for the present personality and changes nothing.
    let present = unsafe { libc::personality(0xffff_ffff) };
    if present >= 0 && wanted(present) == present {
        return;
    }
    const CANNOT: &str = "note: address randomisation cannot be changed on this system";
    if env::var_os(STARTED_AGAIN).is_some() || present < 0 {
        eprintln!("{CANNOT}");
        return;
    }
    // SAFETY: sets a flag of this process, which takes effect with the next exec.
    if unsafe { libc::personality(wanted(present) as libc::c_ulong) } < 0 {
        eprintln!("{CANNOT}");
        return;
    }
    let Ok(program) = env::current_exe() else {
        return;
    };
    let mut again = Command::new(program);
    again.args(env::args_os().skip(1)).env(STARTED_AGAIN, "1");
    if env::var_os(TUNABLES).is_none() {
        again.env(TUNABLES, ALLOCATOR);
    }
    let error = again.exec();
    eprintln!("note: failed to start again with other addresses: {error}");
}
