//! Strict reading of HTTP/1: bytes that two parsers could read as two different requests go no further.
//!
//! hyper reads as RFC 9112 asks a recipient to, which repairs some ambiguities: of a request with both
//! `Transfer-Encoding` and `Content-Length` it drops the length, where whoever stands in front may have
//! gone by it. A gateway must refuse those (section 6.1), and by then cannot see them any more. So the
//! bytes are looked at on their way to hyper. In place of the first byte that breaks the letter of the
//! grammar, and of all that come after it, hyper gets a NUL, the end of a head and the end of the stream:
//! what it makes of that is its refusal of a bad request, and the connection is not used again.

mod grammar;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use pin_project_lite::pin_project;

use grammar::Grammar;

/// No head or body can contain this; hyper looks into a head only when it is complete.
const NONSENSE: &[u8] = b"\0\r\n\r\n";

pin_project! {
    /// A stream whose requests are read by the letter.
    #[derive(Debug)]
    pub(super) struct Strict<S> {
        #[pin]
        stream: S,
        grammar: Grammar,
        // What is left to say instead of what came; none as long as all was sound.
        instead: Option<&'static [u8]>,
        // Set by whoever takes the connection over for another protocol.
        is_other: Arc<AtomicBool>,
    }
}

impl<S> Strict<S> {
    /// Reads strictly until `is_other` is set.
    pub(super) fn new(stream: S, is_other: Arc<AtomicBool>) -> Self {
        Self {
            stream,
            grammar: Grammar::default(),
            instead: None,
            is_other,
        }
    }
}

impl<S: Read> Read for Strict<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        if this.is_other.load(Ordering::Relaxed) {
            return this.stream.poll_read(cx, buf);
        }
        if let Some(instead) = this.instead {
            say(instead, &mut buf);
            return Poll::Ready(Ok(()));
        }
        // SAFETY: the slice is handed to `ReadBuf::uninit`, which never de-initialises what it
        // is given and only counts bytes that were written.
        let mut read = ReadBuf::uninit(unsafe { buf.as_mut() });
        ready!(this.stream.poll_read(cx, read.unfilled()))?;
        let count = read.filled().len();
        let sound = match this.grammar.read(read.filled()) {
            Ok(()) => count,
            Err(sound) => sound.min(count),
        };
        // SAFETY: `count` bytes at the front of the cursor were just initialised by the read, and `sound`
        // are no more than that.
        unsafe { buf.advance(sound) };
        if sound < count {
            say(this.instead.insert(NONSENSE), &mut buf);
        }
        Poll::Ready(Ok(()))
    }
}

/// Puts as much of `text` into `buf` as there is room for, and keeps the rest.
fn say(text: &mut &'static [u8], buf: &mut ReadBufCursor<'_>) {
    let (now, later) = text.split_at(text.len().min(buf.remaining()));
    buf.put_slice(now);
    *text = later;
}

impl<S: Write> Write for Strict<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write_vectored(cx, buffers)
    }
}
