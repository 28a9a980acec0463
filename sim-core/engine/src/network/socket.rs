//! One end of a connection, as a program holds it.

use super::{
    Options,
    connection::{EndOfStream, NEVER, SERVER},
    waits::{Ticket, Who},
};
use crate::{
    agenda::Due,
    clock, cpu,
    machine::{Machine, inside, with},
    task,
};
use std::{
    future::poll_fn,
    io::{self, IoSlice},
    net::{IpAddr, Shutdown, SocketAddr},
    task::{Context, Poll},
};
use tokio_real::io::ReadBuf;

/// An open connection. Dropping it closes it: FIN, or RST if bytes were left unread.
#[derive(Debug)]
pub struct Socket {
    pub(super) connection: u32,
    pub(super) side: u8,
}

impl Socket {
    pub(super) const fn new(connection: u32, side: u8) -> Self {
        Self { connection, side }
    }

    /// The address of this end.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.address(self.side)
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.address(1 - self.side)
    }

    fn address(&self, side: u8) -> io::Result<SocketAddr> {
        let found = with(|machine| {
            let connection = machine.network.connection(self.connection)?;
            let shown = connection.ends[side as usize].address;
            let own = &connection.ends[self.side as usize];
            Some(if own.v6 { mapped(shown) } else { shown })
        });
        found
            .flatten()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Reads what has arrived. Ready with nothing read at the end of the stream.
    ///
    /// Of the tasks that wait by this function, [`Self::poll_peek`] and [`Self::poll_read_ready`], the
    /// last one is woken, as in tokio.
    pub fn poll_read(&self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        inside(|machine| machine.poll_read(self, Who::Polled(cx.waker()), into, true))
    }

    /// Reads what has arrived, if anything has; nobody is woken later.
    pub fn try_read(&self, into: &mut ReadBuf<'_>) -> io::Result<()> {
        or_would_block(inside(|machine| {
            machine.poll_read(self, Who::Nobody, into, true)
        }))
    }

    /// Like [`Self::poll_read`], but leaves the bytes where they are.
    pub fn poll_peek(&self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        inside(|machine| machine.poll_read(self, Who::Polled(cx.waker()), into, false))
    }

    /// Like [`Self::poll_peek`], for any number of tasks at once.
    pub async fn peek(&self, into: &mut ReadBuf<'_>) -> io::Result<()> {
        let mut ticket = Ticket::at(self.place());
        poll_fn(|cx| {
            let who = Who::Future(&mut ticket.number, cx.waker());
            inside(|machine| machine.poll_read(self, who, into, false))
        })
        .await
    }

    /// Writes as much as the send buffer takes. TCP needs no flush: it is on its way.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let pieces = [IoSlice::new(bytes)];
        inside(|machine| machine.poll_write(self, Who::Polled(cx.waker()), &pieces))
    }

    /// Like [`Self::poll_write`], several pieces as one. If all of them are empty nothing is looked at,
    /// as `writev` has it.
    pub fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if pieces.iter().all(|piece| piece.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        inside(|machine| machine.poll_write(self, Who::Polled(cx.waker()), pieces))
    }

    /// Writes as much as the send buffer takes, if it takes any; nobody is woken later.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let pieces = [IoSlice::new(bytes)];
        or_would_block(inside(|machine| {
            machine.poll_write(self, Who::Nobody, &pieces)
        }))
    }

    /// Like [`Self::try_write`], several pieces as one. See [`Self::poll_write_vectored`].
    pub fn try_write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if pieces.iter().all(|piece| piece.is_empty()) {
            return Ok(0);
        }
        or_would_block(inside(|machine| {
            machine.poll_write(self, Who::Nobody, pieces)
        }))
    }

    /// The error that the next call would be told, which is then told no more.
    pub fn take_error(&self) -> Option<io::Error> {
        inside(|machine| {
            let connection = machine.network.connection(self.connection)?;
            let kind = connection.ends[self.side as usize].error.take();
            kind.map(Into::into)
        })
    }

    /// What is set on it.
    ///
    /// # Errors
    /// `NotConnected` if the connection is gone.
    pub fn options(&self) -> io::Result<Options> {
        inside(|machine| {
            let connection = machine.network.connection(self.connection);
            let connection = connection.ok_or(io::ErrorKind::NotConnected)?;
            Ok(connection.ends[self.side as usize].options)
        })
    }

    /// Sets what `change` changes. The sizes of its buffers stay as they were when it was made.
    ///
    /// # Errors
    /// `NotConnected` if the connection is gone, an error if the process has ended.
    pub fn set_options(&self, change: impl FnOnce(&mut Options)) -> io::Result<()> {
        inside(|machine| {
            machine.caller()?;
            let connection = machine.network.connection(self.connection);
            let connection = connection.ok_or(io::ErrorKind::NotConnected)?;
            let options = &mut connection.ends[self.side as usize].options;
            let delayed = !options.no_delay;
            change(options);
            if delayed && options.no_delay {
                machine.stop_waiting(self.connection, self.side, cpu::departure());
            }
            Ok(())
        })
    }

    /// Ends the outgoing direction from a destructor: without effect for a dead incarnation.
    pub fn end_stream(&self) {
        with(|machine| {
            if machine.caller_is_alive() {
                machine.queue_end_of_stream(self.connection, self.side, cpu::departure());
            }
        });
    }

    /// Ends a direction, or both.
    ///
    /// # Errors
    /// `NotConnected` if the connection is gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        inside(|machine| {
            machine.caller()?;
            let Some(connection) = machine.network.connection(self.connection) else {
                return Err(io::ErrorKind::NotConnected.into());
            };
            let end = &mut connection.ends[self.side as usize];
            if end.dead {
                return Err(io::ErrorKind::NotConnected.into());
            }
            if how != Shutdown::Write {
                end.read_shut = true;
                let waits = std::mem::take(&mut end.readers);
                machine.wake_all(waits);
            }
            if how != Shutdown::Read {
                machine.queue_end_of_stream(self.connection, self.side, cpu::departure());
            }
            Ok(())
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        with(|machine| {
            // What a dead incarnation held was settled when it died.
            if machine.caller_is_alive() {
                machine.close(self.connection, self.side);
            }
        });
    }
}

/// An address as a socket of IPv6 shows it.
pub(super) fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

fn or_would_block<T>(tried: Poll<io::Result<T>>) -> io::Result<T> {
    match tried {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Machine {
    fn poll_read(
        &mut self,
        socket: &Socket,
        mut who: Who<'_>,
        into: &mut ReadBuf<'_>,
        take: bool,
    ) -> Poll<io::Result<()>> {
        let now = clock::now();
        let (number, side) = (socket.connection, socket.side as usize);
        let Some(connection) = self.network.connection(number) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let end = &mut connection.ends[side];
        if end.read_shut {
            return Poll::Ready(Ok(()));
        }
        let pipe = &mut connection.pipes[1 - side];
        pipe.arrive(now);
        let count = pipe.readable().min(into.remaining());
        if count > 0 {
            let (front, rear) = pipe.bytes.as_slices();
            let from_front = count.min(front.len());
            into.put_slice(&front[..from_front]);
            into.put_slice(&rear[..count - from_front]);
            if take {
                if count == pipe.bytes.len() {
                    pipe.bytes.clear();
                } else {
                    pipe.bytes.drain(..count);
                }
                pipe.read += count as u64;
                let host = end.host;
                let blocked = pipe.written > pipe.sent && pipe.stall.is_none();
                cpu::charge_bytes(&self.hosts[host as usize].cores, count);
                if blocked {
                    self.open_window(number, 1 - socket.side);
                }
                if socket.side == SERVER
                    && self.is_cancelling()
                    && let Some(task) = task::current()
                {
                    self.request_read(task, number, host);
                }
            }
            return Poll::Ready(Ok(()));
        }
        if into.remaining() == 0 || pipe.end_arrived {
            return Poll::Ready(Ok(()));
        }
        let end = &mut connection.ends[side];
        match end.error {
            // Told to writers only: the reader saw the end of the stream before.
            Some(io::ErrorKind::BrokenPipe) => return Poll::Ready(Ok(())),
            Some(kind) => {
                end.error = None;
                return Poll::Ready(Err(kind.into()));
            }
            None if end.dead => return Poll::Ready(Ok(())),
            None => self.wait_to_read(socket, &mut who),
        }
        Poll::Pending
    }

    /// Registers a reader that found nothing.
    pub(super) fn wait_to_read(&mut self, socket: &Socket, who: &mut Who<'_>) {
        let (number, side) = (socket.connection, socket.side as usize);
        let waits = self.wait(who, |network| {
            let connection = network.connection(number)?;
            Some(&mut connection.ends[side].readers)
        });
        let Some(connection) = self.network.connection(number).filter(|_| waits) else {
            return;
        };
        let next = connection.pipes[1 - side].next_arrival();
        if next != NEVER {
            self.arm_reader(number, socket.side, next);
        }
    }

    /// Registers a writer that found no room.
    pub(super) fn wait_to_write(&mut self, socket: &Socket, who: &mut Who<'_>) {
        let (number, side) = (socket.connection, socket.side as usize);
        let waits = self.wait(who, |network| {
            let connection = network.connection(number)?;
            Some(&mut connection.ends[side].writers)
        });
        if waits {
            self.arm_writer(number, socket.side);
        }
    }

    fn poll_write(
        &mut self,
        socket: &Socket,
        mut who: Who<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let now = clock::now();
        if let Err(error) = self.caller() {
            return Poll::Ready(Err(error));
        }
        let (number, side) = (socket.connection, socket.side as usize);
        let Some(connection) = self.network.connection(number) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let end = &mut connection.ends[side];
        if let Some(kind) = end.error.take() {
            return Poll::Ready(Err(kind.into()));
        }
        let pipe = &mut connection.pipes[side];
        if end.dead || pipe.end_of_stream != EndOfStream::Open {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        if length == 0 {
            return Poll::Ready(Ok(0));
        }
        pipe.acknowledge(now);
        let room = end
            .send_room
            .saturating_sub(pipe.written - pipe.acknowledged);
        let count = length.min(room as usize);
        if count == 0 {
            self.wait_to_write(socket, &mut who);
            return Poll::Pending;
        }
        let mut left = count;
        for piece in pieces {
            let taken = piece.len().min(left);
            pipe.bytes.extend(&piece[..taken]);
            left -= taken;
        }
        pipe.written += count as u64;
        let host = end.host;
        cpu::charge_bytes(&self.hosts[host as usize].cores, count);
        self.transmit(number, socket.side, cpu::departure());
        if socket.side == SERVER
            && self.is_cancelling()
            && let Some(task) = task::current()
        {
            self.request_answered(task, number);
        }
        Poll::Ready(Ok(count))
    }

    /// The reader made room: the sender, which has more to send, learns of it.
    fn open_window(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &connection.pipes[side as usize];
        if pipe.sender.as_ref().is_some_and(|sender| !sender.shut) {
            return;
        }
        let unread = pipe.sent - pipe.read;
        let window = connection.ends[1 - side as usize].window;
        let back = connection.links[1 - side as usize];
        // A window is announced when it has grown by half, not for every byte.
        if unread > window / 2 {
            return;
        }
        let link = self.network.link_ref(back);
        if link.is_cut() {
            // The announcement is lost; the sender probes.
            return self.begin_stall(number, side, clock::now(), false);
        }
        let at = clock::now() + link.typical;
        self.agenda.enter(
            at,
            Due::WindowOpen {
                connection: number,
                side,
            },
        );
    }
}
