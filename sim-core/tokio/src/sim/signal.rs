//! Being asked to stop: what the `restart` fault sends.

use std::io;
use windtunnel_engine::process;

/// Completes when the process is asked to stop.
///
/// # Errors
/// Never here; the signature is tokio's.
pub async fn ctrl_c() -> io::Result<()> {
    process::termination().await;
    Ok(())
}

/// The signals of Unix that are modelled.
pub mod unix {
    use std::{future::pending, io};
    use windtunnel_engine::process;

    /// A kind of signal.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct SignalKind {
        terminates: bool,
    }

    impl SignalKind {
        /// SIGTERM.
        pub const fn terminate() -> Self {
            Self { terminates: true }
        }

        /// SIGINT.
        pub const fn interrupt() -> Self {
            Self { terminates: true }
        }

        /// SIGHUP, which nothing sends in a simulation.
        pub const fn hangup() -> Self {
            Self { terminates: false }
        }
    }

    /// Waits for signals of one kind.
    #[derive(Debug)]
    pub struct Signal {
        kind: SignalKind,
        received: bool,
    }

    /// Listens for signals of this kind.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn signal(kind: SignalKind) -> io::Result<Signal> {
        Ok(Signal {
            kind,
            received: false,
        })
    }

    impl Signal {
        /// The next signal; each process gets at most one.
        pub async fn recv(&mut self) -> Option<()> {
            if self.received || !self.kind.terminates {
                return pending().await;
            }
            process::termination().await;
            self.received = true;
            Some(())
        }
    }
}
