//! What the operating system tells a program about its machine: how many cores, and its name. Inside a
//! process of a run it is told about its simulated host.
//!
//! The C library's functions are wrapped at link time, like the clock ([`crate::clock`]).

use crate::{machine::with, process};
use std::{ffi::CStr, sync::OnceLock};

/// How many cores the host has on whose behalf code runs.
fn cores() -> Option<usize> {
    let host = process::current_host()?;
    with(|machine| machine.hosts[host as usize].cores.count())
}

/// The C library's own function of that name.
///
/// # Safety
/// `F` is the type of that function.
unsafe fn original<F: Copy>(name: &CStr, slot: &OnceLock<usize>) -> F {
    const { assert!(size_of::<F>() == size_of::<usize>()) };
    let address = slot.get_or_init(|| {
        // SAFETY: the name is a C string.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
        assert!(!found.is_null(), "the C library has no {name:?}");
        found.addr()
    });
    // SAFETY: the caller says that the type is right; the sizes are equal.
    unsafe { std::mem::transmute_copy(address) }
}

/// `sched_getaffinity(2)`, which `std::thread::available_parallelism` asks.
///
/// # Safety
/// `set` points to `size` writable bytes, as for the original.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_sched_getaffinity(
    pid: libc::pid_t,
    size: libc::size_t,
    set: *mut libc::cpu_set_t,
) -> libc::c_int {
    type Original =
        unsafe extern "C" fn(libc::pid_t, libc::size_t, *mut libc::cpu_set_t) -> libc::c_int;
    static ORIGINAL: OnceLock<usize> = OnceLock::new();
    let Some(cores) = cores() else {
        // SAFETY: the type is that of POSIX, and the caller's promise is passed on.
        return unsafe { original::<Original>(c"sched_getaffinity", &ORIGINAL)(pid, size, set) };
    };
    let bytes = cores.div_ceil(8);
    if size < bytes {
        // SAFETY: errno is this thread's.
        unsafe { *libc::__errno_location() = libc::EINVAL };
        return -1;
    }
    // SAFETY: the caller promises so many writable bytes, of which these are the first.
    unsafe {
        let set = std::slice::from_raw_parts_mut(set.cast::<u8>(), size);
        set.fill(0);
        for core in 0..cores {
            set[core / 8] |= 1 << (core % 8);
        }
    }
    0
}

/// `sysconf(3)`, which tells the number of processors among other things.
///
/// # Safety
/// As for the original, which asks for nothing.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_sysconf(name: libc::c_int) -> libc::c_long {
    type Original = unsafe extern "C" fn(libc::c_int) -> libc::c_long;
    static ORIGINAL: OnceLock<usize> = OnceLock::new();
    // Everything else may be asked for while the engine's door is open: by an allocator, say.
    let asked = [libc::_SC_NPROCESSORS_ONLN, libc::_SC_NPROCESSORS_CONF].contains(&name);
    match asked.then(cores).flatten() {
        Some(cores) => cores as libc::c_long,
        // SAFETY: the type is that of POSIX.
        None => unsafe { original::<Original>(c"sysconf", &ORIGINAL)(name) },
    }
}

/// `gethostname(2)`.
///
/// # Safety
/// `name` points to `size` writable bytes, as for the original.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_gethostname(
    name: *mut libc::c_char,
    size: libc::size_t,
) -> libc::c_int {
    type Original = unsafe extern "C" fn(*mut libc::c_char, libc::size_t) -> libc::c_int;
    static ORIGINAL: OnceLock<usize> = OnceLock::new();
    let Some(own) = process::current_host_name() else {
        // SAFETY: the type is that of POSIX, and the caller's promise is passed on.
        return unsafe { original::<Original>(c"gethostname", &ORIGINAL)(name, size) };
    };
    let kept = own.len().min(size);
    // SAFETY: the caller promises so many writable bytes.
    unsafe {
        std::ptr::copy_nonoverlapping(own.as_ptr().cast(), name, kept);
        if kept == size {
            *libc::__errno_location() = libc::ENAMETOOLONG;
            return -1;
        }
        name.add(kept).write(0);
    }
    0
}
