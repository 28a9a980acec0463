//! The process itself: addresses that do not differ from start to start.

use std::{env, os::unix::process::CommandExt, process::Command};

/// Set in the process that was started again, so that it happens once.
const STARTED_AGAIN: &str = "WINDTUNNEL_STARTED_AGAIN";

/// Starts this program again with address randomisation off, unless it is off or cannot be switched
/// off, which is said once on standard error. Returns only in the process that goes on.
pub fn without_address_randomisation() {
    // SAFETY: asks for the present personality and changes nothing.
    let present = unsafe { libc::personality(0xffff_ffff) };
    let off = libc::ADDR_NO_RANDOMIZE;
    if present >= 0 && present & off != 0 {
        return;
    }
    if env::var_os(STARTED_AGAIN).is_some() || present < 0 {
        eprintln!("note: address randomisation cannot be switched off on this system");
        return;
    }
    // SAFETY: sets a flag of this process, which takes effect with the next exec.
    if unsafe { libc::personality((present | off) as libc::c_ulong) } < 0 {
        eprintln!("note: address randomisation cannot be switched off on this system");
        return;
    }
    let Ok(program) = env::current_exe() else {
        return;
    };
    let error = Command::new(program)
        .args(env::args_os().skip(1))
        .env(STARTED_AGAIN, "1")
        .exec();
    eprintln!("note: failed to start again without address randomisation: {error}");
}
