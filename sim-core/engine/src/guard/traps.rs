//! The traps themselves, for Linux on x86-64.

use super::{
    DIRECTORY, RANDOM_DEVICE, RAW_CLOCK, RAW_ENTROPY, REFUSED, SOCKET, TIME_STAMP_COUNTER,
};
use crate::clock;
use std::{
    ffi::CStr,
    mem,
    sync::{Once, OnceLock},
};

/// Marks, in an argument that the call does not use, the repetition of a trapped call.
const REPEATED: u32 = 0x57_74_6e_31;
/// The system calls behind which the state of the machine is.
const TRAPPED: [libc::c_long; 9] = [
    libc::SYS_getrandom,
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_clock_gettime,
    libc::SYS_gettimeofday,
    libc::SYS_time,
    libc::SYS_getdents,
    libc::SYS_getdents64,
    libc::SYS_socket,
];
/// Those that start a thread or a process. They fail without a handler: the C library makes them
/// with all signals blocked, and a signal that is blocked and forced ends the process.
const FAILING: [libc::c_long; 4] = [
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_fork,
    libc::SYS_vfork,
];
const PR_SET_TSC: libc::c_int = 26;
const PR_TSC_ENABLE: libc::c_int = 1;
const PR_TSC_SIGSEGV: libc::c_int = 2;

type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

fn refuse(what: u8) {
    REFUSED.set(REFUSED.get() | what);
}

/// Puts both handlers in place for the process, once.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        handle(libc::SIGSYS, on_trapped_call);
        let before = handle(libc::SIGSEGV, on_fault);
        let _ = BEFORE.set(before);
    });
}

static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

fn handle(signal: libc::c_int, handler: Handler) -> libc::sigaction {
    // SAFETY: both actions are plain data that the call reads and writes; the handlers below
    // touch only thread-locals without destructors and make direct system calls.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        let mut before: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        libc::sigaction(signal, &raw const action, &raw mut before);
        before
    }
}

extern "C" fn on_trapped_call(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes the interrupted context; its registers hold the call's arguments,
    // and what is stored in RAX becomes the call's result.
    unsafe {
        let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        let argument = |register: libc::c_int| registers[register as usize];
        // The harness around the services may do what they may not.
        let in_a_service = crate::process::current().is_some();
        let result = match argument(libc::REG_RAX) {
            libc::SYS_open if is_random_device(argument(libc::REG_RDI)) => {
                refused(RANDOM_DEVICE, libc::EACCES)
            }
            libc::SYS_openat if is_random_device(argument(libc::REG_RSI)) => {
                refused(RANDOM_DEVICE, libc::EACCES)
            }
            libc::SYS_getdents | libc::SYS_getdents64 if in_a_service => {
                refused(DIRECTORY, libc::EACCES)
            }
            libc::SYS_socket if in_a_service => refused(SOCKET, libc::EACCES),
            libc::SYS_clock_gettime | libc::SYS_gettimeofday | libc::SYS_time
                if clock::is_running() =>
            {
                tell_time(registers)
            }
            libc::SYS_getrandom => refused(RAW_ENTROPY, libc::ENOSYS),
            _ => repeat(registers),
        };
        registers[libc::REG_RAX as usize] = result;
    }
}

fn refused(what: u8, error: libc::c_int) -> i64 {
    refuse(what);
    -i64::from(error)
}

/// Whether the path at this address is that of a random device.
///
/// # Safety
/// It is the address of a path.
unsafe fn is_random_device(path: i64) -> bool {
    // SAFETY: the caller's promise.
    let path = unsafe { CStr::from_ptr(path as *const libc::c_char) }.to_bytes();
    path == b"/dev/urandom" || path == b"/dev/random"
}

/// Makes the trapped call, marked so that it is not trapped again.
///
/// # Safety
/// The registers are those of the trapped call, which has at most five arguments.
unsafe fn repeat(registers: &[libc::greg_t]) -> i64 {
    let argument = |register: libc::c_int| registers[register as usize];
    // SAFETY: the call is the one that the interrupted code makes.
    unsafe {
        let outcome = libc::syscall(
            argument(libc::REG_RAX),
            argument(libc::REG_RDI),
            argument(libc::REG_RSI),
            argument(libc::REG_RDX),
            argument(libc::REG_R10),
            argument(libc::REG_R8),
            u64::from(REPEATED),
        );
        if outcome < 0 {
            -i64::from(*libc::__errno_location())
        } else {
            outcome
        }
    }
}

/// Answers a system call for the time from simulated time.
///
/// # Safety
/// The registers are those of such a call.
unsafe fn tell_time(registers: &[libc::greg_t]) -> i64 {
    refuse(RAW_CLOCK);
    let argument = |register: libc::c_int| registers[register as usize];
    let (call, first) = (argument(libc::REG_RAX), argument(libc::REG_RDI));
    // SAFETY: the addresses are those that the interrupted code wants its answer at.
    unsafe {
        if call == libc::SYS_clock_gettime {
            let answer = argument(libc::REG_RSI) as *mut libc::timespec;
            return clock::__wrap_clock_gettime(first as libc::clockid_t, answer).into();
        }
        let mut now: libc::timespec = mem::zeroed();
        clock::__wrap_clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
        if call == libc::SYS_time {
            if let Some(answer) = (first as *mut libc::time_t).as_mut() {
                *answer = now.tv_sec;
            }
            return now.tv_sec;
        }
        if let Some(answer) = (first as *mut libc::timeval).as_mut() {
            *answer = libc::timeval {
                tv_sec: now.tv_sec,
                tv_usec: now.tv_nsec / 1_000,
            };
        }
        0
    }
}

extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the instruction pointer of the interrupted context points to readable code; the
    // two opcodes are told apart before anything is changed.
    unsafe {
        let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        let code = registers[libc::REG_RIP as usize] as *const u8;
        if clock::is_running() && !code.is_null() && code.read() == 0x0f {
            let (second, third) = (code.add(1).read(), code.add(2).read());
            let length = match (second, third) {
                (0x31, _) => 2,
                (0x01, 0xf9) => 3,
                _ => 0,
            };
            if length > 0 {
                refuse(TIME_STAMP_COUNTER);
                let ticks = clock::now() as i64;
                registers[libc::REG_RAX as usize] = ticks & 0xffff_ffff;
                registers[libc::REG_RDX as usize] = (ticks >> 32) & 0xffff_ffff;
                if length == 3 {
                    registers[libc::REG_RCX as usize] = 0;
                }
                registers[libc::REG_RIP as usize] += length;
                return;
            }
        }
        pass_on(signal, info, context);
    }
}

/// Hands a fault that is none of ours to whoever handled it before (std's guard pages).
///
/// # Safety
/// The arguments are those of the handler.
unsafe fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let before = BEFORE
        .get()
        .filter(|before| before.sa_sigaction > libc::SIG_IGN);
    match before {
        // SAFETY: the address was installed as a three-argument handler by std.
        Some(before) if before.sa_flags & libc::SA_SIGINFO != 0 => unsafe {
            mem::transmute::<usize, Handler>(before.sa_sigaction)(signal, info, context);
        },
        // SAFETY: restoring the default lets the repeated instruction end the process.
        _ => unsafe {
            libc::signal(signal, libc::SIG_DFL);
        },
    }
}

/// Traps the calls of [`TRAPPED`] on this thread for good, lets those of [`FAILING`] fail, and the time-stamp counter until [`release`].
pub fn arm() {
    install();
    let load = |offset: usize| filter(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0);
    let equal = |value: i64, yes, no| {
        filter(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            value as usize,
            yes,
            no,
        )
    };
    let answer = |value: u32| filter(libc::BPF_RET | libc::BPF_K, value as usize, 0, 0);
    let mut program = vec![load(mem::offset_of!(libc::seccomp_data, nr))];
    // A match leads over the comparisons that are left and the answers before its own.
    for (index, &call) in FAILING.iter().enumerate() {
        let left = FAILING.len() + TRAPPED.len() - 1 - index;
        program.push(equal(call, left as u8 + 1, 0));
    }
    for (index, &call) in TRAPPED.iter().enumerate() {
        program.push(equal(call, (TRAPPED.len() - 1 - index) as u8 + 2, 0));
    }
    program.extend([
        answer(libc::SECCOMP_RET_ALLOW),
        answer(libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        load(mem::offset_of!(libc::seccomp_data, args) + 5 * 8),
        equal(i64::from(REPEATED), 0, 1),
        answer(libc::SECCOMP_RET_ALLOW),
        answer(libc::SECCOMP_RET_TRAP),
    ]);
    let program = libc::sock_fprog {
        len: program.len() as libc::c_ushort,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the filter is well-formed plain data that outlives the call; both settings affect
    // this thread alone. Where they are refused the run goes on without traps.
    unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 {
            let mode = libc::SECCOMP_SET_MODE_FILTER;
            libc::syscall(libc::SYS_seccomp, mode, 0, &raw const program);
        }
        libc::prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
    }
}

/// Lets this thread read the time-stamp counter again.
pub fn release() {
    // SAFETY: a setting of this thread without memory.
    unsafe {
        libc::prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
    }
}

fn filter(code: u32, k: usize, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k: k as u32,
    }
}
