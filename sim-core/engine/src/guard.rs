//! Catches, by name, what would let the machine's state into a run: raw entropy, the time-stamp
//! counter, threads, tasks on a real runtime.
//!
//! The run's thread carries a seccomp filter that traps the raw `getrandom` call and every opening
//! of a file, and has reading of the time-stamp counter switched off. The signal handlers refuse
//! `/dev/urandom` and `/dev/random` and the raw call, answer the counter from simulated time, and
//! leave a note that becomes an [`Event::Refused`]. Where the operating system offers none of this,
//! [`arm`] does nothing and the double run of an audit is what remains.

use crate::{machine::Machine, process::ProcessId};
use std::{
    cell::{Cell, RefCell},
    panic,
    sync::Once,
};
use windtunnel_record::Event;

thread_local! {
    static REFUSED: Cell<u8> = const { Cell::new(0) };
    static PANIC_SITE: RefCell<Option<String>> = const { RefCell::new(None) };
    static PANICS_SHOWN: Cell<bool> = const { Cell::new(false) };
    static STRAY: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

const RAW_ENTROPY: u8 = 1;
const RANDOM_DEVICE: u8 = 2;
const TIME_STAMP_COUNTER: u8 = 4;

const NAMES: [(u8, &str); 3] = [
    (
        RAW_ENTROPY,
        "a raw getrandom system call (take chance from an injected generator)",
    ),
    (
        RANDOM_DEVICE,
        "opening /dev/urandom (take chance from an injected generator)",
    ),
    (
        TIME_STAMP_COUNTER,
        "reading the time-stamp counter (use tokio::time or std's clocks)",
    ),
];

impl Machine {
    /// Turns the notes of the signal handlers into events.
    pub fn note_refusals(&mut self, process: ProcessId) {
        let refused = REFUSED.replace(0);
        let stray = STRAY.with(|stray| std::mem::take(&mut *stray.borrow_mut()));
        if refused == 0 && stray.is_empty() {
            return;
        }
        let host = self.processes[process as usize].host;
        for (flag, name) in NAMES {
            if refused & flag != 0 {
                self.note(Event::Refused {
                    host,
                    what: name.into(),
                });
            }
        }
        for what in stray {
            self.note(Event::Refused { host, what });
        }
    }
}

/// Somebody spawned a task on the real runtime that encloses a run; it will never be polled.
pub(crate) fn stray_spawn(location: &str) {
    let what = format!(
        "tokio::spawn of the real tokio at {location} (spawn through the drop-in, or hand the \
         library our executor)"
    );
    STRAY.with(|stray| stray.borrow_mut().push(what));
}

/// Whether what panics on this run's thread say goes to standard error besides the record.
pub(crate) fn show_panics(shown: bool) {
    PANICS_SHOWN.set(shown);
}

/// Remembers where panics on threads that carry a run happened. They are events there, and shown
/// only where the harness asks for it: a storm may provoke thousands.
pub(crate) fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if crate::clock::is_running() && crate::process::current().is_some() {
                let site = info
                    .location()
                    .map(|at| format!("{}:{}", at.file(), at.line()));
                PANIC_SITE.with(|slot| *slot.borrow_mut() = site);
                if !PANICS_SHOWN.get() {
                    return;
                }
            }
            before(info);
        }));
    });
}

/// The message of a caught panic with its place, in our words where we caused it.
pub(crate) fn explain_panic(message: String) -> String {
    let site = PANIC_SITE
        .with(|slot| slot.borrow_mut().take())
        .unwrap_or_default();
    if site.contains("/std/src/sys/") && site.contains("thread") {
        return "std::thread::spawn is refused inside a run: tasks run one at a time (use \
                tokio::spawn)"
            .into();
    }
    let place = site.rsplit('/').next().unwrap_or_default();
    if place.is_empty() {
        message
    } else {
        format!("{message} (at {place})")
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod traps {
    //! The traps themselves, for Linux on x86-64.

    use super::{RANDOM_DEVICE, RAW_ENTROPY, REFUSED, TIME_STAMP_COUNTER};
    use crate::clock;
    use std::{
        ffi::CStr,
        mem,
        sync::{Once, OnceLock},
    };

    /// Marks, in an argument that the call does not use, the repetition of a trapped call.
    const REPEATED: u32 = 0x57_74_6e_31;
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

    extern "C" fn on_trapped_call(
        _: libc::c_int,
        _: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: the kernel passes the interrupted context; its registers hold the call's
        // arguments, and what is stored in RAX becomes the call's result.
        unsafe {
            let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
            let call = registers[libc::REG_RAX as usize];
            let argument = |register: libc::c_int| registers[register as usize];
            let result = match call {
                libc::SYS_openat | libc::SYS_open => {
                    let path = if call == libc::SYS_open {
                        argument(libc::REG_RDI)
                    } else {
                        argument(libc::REG_RSI)
                    };
                    let path = CStr::from_ptr(path as *const libc::c_char).to_bytes();
                    if path == b"/dev/urandom" || path == b"/dev/random" {
                        refuse(RANDOM_DEVICE);
                        -i64::from(libc::EACCES)
                    } else {
                        let outcome = libc::syscall(
                            call,
                            argument(libc::REG_RDI),
                            argument(libc::REG_RSI),
                            argument(libc::REG_RDX),
                            argument(libc::REG_R10),
                            0,
                            u64::from(REPEATED),
                        );
                        if outcome < 0 {
                            -i64::from(*libc::__errno_location())
                        } else {
                            outcome
                        }
                    }
                }
                _ => {
                    refuse(RAW_ENTROPY);
                    -i64::from(libc::ENOSYS)
                }
            };
            registers[libc::REG_RAX as usize] = result;
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

    /// Traps `getrandom`, `open` and `openat` on this thread for good, and the time-stamp counter
    /// until [`release`].
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
        let mut program = [
            load(mem::offset_of!(libc::seccomp_data, nr)),
            equal(libc::SYS_getrandom, 5, 0),
            equal(libc::SYS_openat, 1, 0),
            equal(libc::SYS_open, 0, 2),
            load(mem::offset_of!(libc::seccomp_data, args) + 5 * 8),
            equal(i64::from(REPEATED), 0, 1),
            answer(libc::SECCOMP_RET_ALLOW),
            answer(libc::SECCOMP_RET_TRAP),
        ];
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
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) use traps::{arm, release};

/// No traps on this system.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) fn arm() {}

/// No traps on this system.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) fn release() {}
