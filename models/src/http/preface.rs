//! Which protocol a client begins to speak: HTTP/2 with its preface, or HTTP/1.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Io;
use crate::tls::{HTTP1, HTTP2};

/// What every HTTP/2 connection begins with (RFC 9113, section 3.4); no HTTP/1 request does.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
}

impl Spoken {
    /// As a handshake names it.
    pub(super) const fn name(self) -> &'static [u8] {
        match self {
            Self::Http1 => HTTP1,
            Self::Http2 => HTTP2,
        }
    }
}

/// Reads until it is known what is spoken, at most 24 bytes, and gives the stream back as if nothing had
/// been read. A connection that ends before that is HTTP/1, whose server knows what to say to it.
pub(super) async fn listen<S>(mut stream: S) -> io::Result<(Spoken, Begun<S>)>
where
    S: AsyncRead + Unpin,
{
    let mut begun = [0; PREFACE.len()];
    let mut read = 0;
    let mut spoken = Spoken::Http2;
    while read < PREFACE.len() {
        let more = stream.read(&mut begun[read..]).await?;
        read += more;
        if more == 0 || begun[..read] != PREFACE[..read] {
            spoken = Spoken::Http1;
            break;
        }
    }
    let first = Bytes::copy_from_slice(&begun[..read]);
    let stream = Io::new(stream);
    Ok((spoken, Begun { first, stream }))
}

pin_project! {
    /// A stream of which the beginning was read.
    #[derive(Debug)]
    pub(super) struct Begun<S> {
        first: Bytes,
        #[pin]
        stream: Io<S>,
    }
}

impl<S: AsyncRead> hyper::rt::Read for Begun<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        if this.first.is_empty() {
            return this.stream.poll_read(cx, buf);
        }
        let count = this.first.len().min(buf.remaining());
        buf.put_slice(&this.first[..count]);
        this.first.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S> hyper::rt::Write for Begun<S>
where
    Io<S>: hyper::rt::Write,
{
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn spoken(parts: &[&[u8]]) -> Spoken {
        let (mut client, server) = tokio::io::duplex(64);
        let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.to_vec()).collect();
        let speaks = async move {
            for part in parts {
                client.write_all(&part).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let ((), heard) = futures_util::future::join(speaks, listen(server)).await;
        heard.unwrap().0
    }

    #[tokio::test]
    async fn the_preface_is_known_in_any_pieces_and_nothing_else_is() {
        assert_eq!(spoken(&[PREFACE]).await, Spoken::Http2);
        assert_eq!(
            spoken(&[b"PRI * H", b"TTP/2.0\r\n\r", b"\nSM\r\n\r\n"]).await,
            Spoken::Http2
        );
        assert_eq!(spoken(&[b"P", b"OST / HTTP/1.1\r\n"]).await, Spoken::Http1);
        assert_eq!(spoken(&[b"GET / HTTP/1.1\r\n\r\n"]).await, Spoken::Http1);
        // It ended before it was known.
        assert_eq!(spoken(&[b"PRI * HTTP/2.0"]).await, Spoken::Http1);
        assert_eq!(spoken(&[]).await, Spoken::Http1);
    }
}
