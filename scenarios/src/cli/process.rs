//! The process itself: addresses that do not differ from start to start, or do.

use std::{env, os::unix::process::CommandExt, process::Command};

/// Set in the process that was started again, so that it happens once.
pub const STARTED_AGAIN: &str = "WINDTUNNEL_STARTED_AGAIN";

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
    let error = Command::new(program)
        .args(env::args_os().skip(1))
        .env(STARTED_AGAIN, "1")
        .exec();
    eprintln!("note: failed to start again with other addresses: {error}");
}
