//! One end of a connection, as a program holds it.

use super::connection::{EndOfStream, NEVER, SERVER};
use crate::{
    agenda::Due,
    clock, cpu,
    machine::{Machine, inside, with},
    task,
};
use std::{
    io,
    net::{Shutdown, SocketAddr},
    task::{Context, Poll, Waker},
};
use tokio_real::io::ReadBuf;

/// An open connection. Dropping it closes it: FIN, or RST if bytes were left unread.
#[derive(Debug)]
pub struct Socket {
    connection: u32,
    side: u8,
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
            let mut address = connection.ends[side as usize].address;
            if address.ip().is_unspecified() {
                address.set_ip(super::host_address(connection.ends[side as usize].host));
            }
            Some(address)
        });
        found
            .flatten()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Reads what has arrived. Ready with nothing read at the end of the stream.
    pub fn poll_read(&self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        inside(|machine| machine.poll_read(self, cx.waker(), into, true))
    }

    /// Like [`Self::poll_read`], but leaves the bytes where they are.
    pub fn poll_peek(&self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        inside(|machine| machine.poll_read(self, cx.waker(), into, false))
    }

    /// Writes as much as the send buffer takes. TCP needs no flush: it is on its way.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        inside(|machine| machine.poll_write(self, cx.waker(), bytes))
    }

    /// Ready when a read would not wait.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside(|machine| machine.poll_readable(self, cx.waker()))
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
                let waker = end.read_waker.take();
                machine.wake(waker);
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

impl Machine {
    fn poll_read(
        &mut self,
        socket: &Socket,
        waker: &Waker,
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
                pipe.bytes.drain(..count);
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
        self.wait_to_read(socket, waker)
    }

    /// Registers a reader that found nothing, or tells it why nothing will come.
    fn wait_to_read(&mut self, socket: &Socket, waker: &Waker) -> Poll<io::Result<()>> {
        let mut retired = Vec::new();
        let (number, side) = (socket.connection, socket.side as usize);
        let Some(connection) = self.network.connection(number) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let end = &mut connection.ends[side];
        match end.error {
            // Told to writers only: the reader saw the end of the stream before.
            Some(io::ErrorKind::BrokenPipe) => return Poll::Ready(Ok(())),
            Some(kind) => {
                end.error = None;
                return Poll::Ready(Err(kind.into()));
            }
            None if end.dead => return Poll::Ready(Ok(())),
            None => Self::register(&mut retired, &mut end.read_waker, waker),
        }
        let next = connection.pipes[1 - side].next_arrival();
        self.retired().append(&mut retired);
        if next != NEVER {
            self.arm_reader(number, socket.side, next);
        }
        Poll::Pending
    }

    fn poll_readable(&mut self, socket: &Socket, waker: &Waker) -> Poll<io::Result<()>> {
        let now = clock::now();
        let (number, side) = (socket.connection, socket.side as usize);
        let Some(connection) = self.network.connection(number) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let pipe = &mut connection.pipes[1 - side];
        pipe.arrive(now);
        let end = &connection.ends[side];
        if pipe.readable() > 0 || pipe.end_arrived || end.error.is_some() || end.dead {
            return Poll::Ready(Ok(()));
        }
        self.wait_to_read(socket, waker)
    }

    fn poll_write(
        &mut self,
        socket: &Socket,
        waker: &Waker,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let now = clock::now();
        if let Err(error) = self.caller() {
            return Poll::Ready(Err(error));
        }
        let room_in_kernel = self.network.spec.send_buffer as u64;
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
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        pipe.acknowledge(now);
        let room = room_in_kernel.saturating_sub(pipe.written - pipe.acknowledged);
        let count = bytes.len().min(room as usize);
        if count == 0 {
            let mut retired = Vec::new();
            Self::register(&mut retired, &mut end.write_waker, waker);
            self.retired().append(&mut retired);
            self.arm_writer(number, socket.side);
            return Poll::Pending;
        }
        pipe.bytes.extend(&bytes[..count]);
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
        let window = pipe.sent - pipe.read;
        let back = connection.links[1 - side as usize];
        // A window is announced when it has grown by half, not for every byte.
        if window > self.network.spec.receive_buffer as u64 / 2 {
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

    /// Sees to it that the reader of a side is woken at `at`, if somebody waits there.
    pub(super) fn arm_reader(&mut self, number: u32, side: u8, at: u64) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        if end.read_waker.is_some() && end.read_armed > at {
            end.read_armed = at;
            self.agenda.enter(
                at,
                Due::Readable {
                    connection: number,
                    side,
                },
            );
        }
    }

    /// Sees to it that the writer of a side is woken when the next acknowledgement is seen.
    pub(super) fn arm_writer(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let at = connection.pipes[side as usize]
            .acks
            .front()
            .map_or(NEVER, |ack| ack.at);
        let end = &mut connection.ends[side as usize];
        if end.write_waker.is_some() && at != NEVER && end.write_armed > at {
            end.write_armed = at;
            self.agenda.enter(
                at.max(clock::now()),
                Due::Writable {
                    connection: number,
                    side,
                },
            );
        }
    }

    pub(crate) fn readable_due(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        end.read_armed = NEVER;
        let waker = end.read_waker.take();
        self.wake(waker);
    }

    pub(crate) fn writable_due(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        end.write_armed = NEVER;
        let waker = end.write_waker.take();
        self.wake(waker);
    }
}
