//! Reading and writing without waiting, in all the shapes that tokio offers, and the calls that tell
//! when to try: the same for a stream and for its halves.

use crate::sim::io::ReadBuf;
use bytes::BufMut;
use std::{
    io::{self, IoSliceMut},
    task::{Context, Poll},
};
use windtunnel_engine::network::Socket;

/// Reads into one slice.
pub(super) fn try_read(socket: &Socket, buf: &mut [u8]) -> io::Result<usize> {
    let mut into = ReadBuf::new(buf);
    socket.try_read(&mut into)?;
    Ok(into.filled().len())
}

/// Reads into several slices, one after the other.
pub(super) fn try_read_vectored(socket: &Socket, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let mut total = 0;
    for buf in bufs.iter_mut().filter(|buf| !buf.is_empty()) {
        match try_read(socket, buf) {
            Ok(count) => {
                total += count;
                if count < buf.len() {
                    break;
                }
            }
            // What was read before is told first.
            Err(_) if total > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

/// Reads into a buffer that grows.
pub(super) fn try_read_buf<B: BufMut>(socket: &Socket, buf: &mut B) -> io::Result<usize> {
    let chunk = buf.chunk_mut();
    // SAFETY: the slice is only ever written to, by `ReadBuf`, which keeps account of that.
    let mut into = ReadBuf::uninit(unsafe { chunk.as_uninit_slice_mut() });
    socket.try_read(&mut into)?;
    let count = into.filled().len();
    // SAFETY: so many bytes were written at the beginning of the chunk.
    unsafe { buf.advance_mut(count) };
    Ok(count)
}

/// Reads without taking the bytes away.
pub(super) async fn peek(socket: &Socket, buf: &mut [u8]) -> io::Result<usize> {
    let mut into = ReadBuf::new(buf);
    socket.peek(&mut into).await?;
    Ok(into.filled().len())
}

/// See [`peek`].
pub(super) fn poll_peek(
    socket: &Socket,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<usize>> {
    let before = buf.filled().len();
    let polled = socket.poll_peek(cx, buf);
    polled.map_ok(|()| buf.filled().len() - before)
}

/// What a type that can read offers besides `AsyncRead`. `$field` leads to its [`Socket`].
macro_rules! reading {
    ($type:ty $(, $field:tt)*) => {
        impl $type {
            /// Reads without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if nothing has arrived; those of a read.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                transfer::try_read(&self.$($field.)*socket, buf)
            }

            /// Reads into several buffers without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if nothing has arrived; those of a read.
            pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                transfer::try_read_vectored(&self.$($field.)*socket, bufs)
            }

            /// Reads without waiting into what is left of `buf`'s room.
            ///
            /// # Errors
            /// `WouldBlock` if nothing has arrived; those of a read.
            pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
                transfer::try_read_buf(&self.$($field.)*socket, buf)
            }

            /// Waits until a read would not wait; several tasks may. Cancellation-safe.
            ///
            /// # Errors
            /// If the connection is gone.
            pub async fn readable(&self) -> io::Result<()> {
                self.$($field.)*socket.ready(Interest::READABLE).await.map(drop)
            }

            /// Reads without taking the bytes away. Of the tasks that wait by this function and by
            /// `poll_read`, the last one is woken.
            pub fn poll_peek(
                &self,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<usize>> {
                transfer::poll_peek(&self.$($field.)*socket, cx, buf)
            }
        }
    };
}

/// What a type that can write offers besides `AsyncWrite`.
macro_rules! writing {
    ($type:ty $(, $field:tt)*) => {
        impl $type {
            /// Writes without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if the send buffer is full; those of a write.
            pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
                self.$($field.)*socket.try_write(buf)
            }

            /// Writes several pieces without waiting.
            ///
            /// # Errors
            /// `WouldBlock` if the send buffer is full; those of a write.
            pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.$($field.)*socket.try_write_vectored(bufs)
            }

            /// Waits until a write would not wait; several tasks may. Cancellation-safe.
            ///
            /// # Errors
            /// If the connection is gone.
            pub async fn writable(&self) -> io::Result<()> {
                self.$($field.)*socket.ready(Interest::WRITABLE).await.map(drop)
            }
        }
    };
}

/// What a stream and all of its halves offer.
macro_rules! either {
    ($type:ty $(, $field:tt)*) => {
        impl $type {
            /// Waits until it is ready for some of `interest`; several tasks may. Unlike tokio's, the
            /// answer is what is the case now, not what was when somebody last looked.
            /// Cancellation-safe.
            ///
            /// # Errors
            /// If the connection is gone.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.$($field.)*socket.ready(interest).await
            }

            /// The other end's address.
            ///
            /// # Errors
            /// If the process has ended.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                self.$($field.)*socket.peer_addr()
            }

            /// This end's address.
            ///
            /// # Errors
            /// If the process has ended.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.$($field.)*socket.local_addr()
            }
        }
    };
}

pub(super) use {either, reading, writing};
