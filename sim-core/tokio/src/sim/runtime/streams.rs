//! Standard streams: output goes to the run's log, input is empty.

use crate::sim::io::{AsyncRead, AsyncWrite, ReadBuf};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use windtunnel_engine::observe;

/// Standard input, which has ended.
#[derive(Debug)]
pub struct Stdin(());

/// Standard input.
pub fn stdin() -> Stdin {
    Stdin(())
}

impl AsyncRead for Stdin {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

macro_rules! output {
    ($(#[$doc:meta])* $type:ident, $function:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type(());

        $(#[$doc])*
        pub fn $function() -> $type {
            $type(())
        }

        impl AsyncWrite for $type {
            fn poll_write(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                observe::output(bytes);
                Poll::Ready(Ok(bytes.len()))
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }
    };
}
output!(
    /// Standard output.
    Stdout,
    stdout
);
output!(
    /// Standard error.
    Stderr,
    stderr
);
