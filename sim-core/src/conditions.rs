//! What the second process of an audit is like: nothing in it is as in the first, and none of it may
//! have a say in a run.

use std::{env, ffi::OsStr, os::unix::process::CommandExt, process::Command};

/// Variables by which the system finds libraries, programs and places for temporary files, and those
/// of the build: a process needs them.
const NEEDED: [&str; 7] = [
    "PATH",
    "TMPDIR",
    "LD_",
    "GLIBC_",
    "RUST",
    "CARGO",
    "WINDTUNNEL_",
];

/// Gives `command` an environment in which every variable that a process can do without has another
/// value than here, and which is some pages larger.
pub fn change_environment(command: &mut Command) {
    let is_needed = |name: &OsStr| {
        let name = name.to_string_lossy();
        NEEDED.iter().any(|needed| name.starts_with(needed))
    };
    for (name, _) in env::vars_os().filter(|(name, _)| !is_needed(name)) {
        command.env(&name, "changed-for-the-second-run");
    }
    command.env("PADDING_OF_THE_SECOND_RUN", "x".repeat(9_973));
}

/// Starts `command` with randomised addresses, or without. Where that is refused nothing is lost but
/// that.
pub(crate) fn randomise_addresses(command: &mut Command, on: bool) {
    // SAFETY: between fork and exec only two system calls without memory are made.
    unsafe {
        command.pre_exec(move || {
            let present = libc::personality(0xffff_ffff);
            let off = libc::ADDR_NO_RANDOMIZE;
            let wanted = if on { present & !off } else { present | off };
            if present >= 0 {
                libc::personality(wanted as libc::c_ulong);
            }
            Ok(())
        });
    }
}
