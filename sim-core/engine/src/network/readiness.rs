//! What a socket is ready for, as tokio tells it.

use super::{
    Socket,
    connection::EndOfStream,
    waits::{Place, Ticket, Who},
};
use crate::{
    clock,
    machine::{Machine, inside},
};
use std::{
    fmt,
    future::poll_fn,
    io, ops,
    task::{Context, Poll},
};

const READABLE: u8 = 1;
const WRITABLE: u8 = 2;
const READ_CLOSED: u8 = 4;
const WRITE_CLOSED: u8 = 8;
const ERROR: u8 = 16;

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Interest(u8);

impl Interest {
    /// That something can be read, or that reading is over.
    pub const READABLE: Self = Self(READABLE);
    /// That something can be written, or that writing is over.
    pub const WRITABLE: Self = Self(WRITABLE);
    /// That an error is to be told.
    pub const ERROR: Self = Self(ERROR);

    /// Whether it asks for reading.
    pub const fn is_readable(self) -> bool {
        self.0 & READABLE != 0
    }

    /// Whether it asks for writing.
    pub const fn is_writable(self) -> bool {
        self.0 & WRITABLE != 0
    }

    /// Whether it asks for errors.
    pub const fn is_error(self) -> bool {
        self.0 & ERROR != 0
    }

    /// Both.
    #[must_use]
    pub const fn add(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is left without `other`, if anything is.
    #[must_use]
    pub fn remove(self, other: Self) -> Option<Self> {
        let left = self.0 & !other.0;
        (left != 0).then_some(Self(left))
    }

    /// What answers it.
    const fn answers(self) -> Ready {
        let mut all = self.0;
        if self.is_readable() {
            all |= READ_CLOSED;
        }
        if self.is_writable() {
            all |= WRITE_CLOSED;
        }
        Ready(all)
    }
}

impl ops::BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.add(other)
    }
}

impl ops::BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (READABLE, "READABLE"),
            (WRITABLE, "WRITABLE"),
            (ERROR, "ERROR"),
        ];
        let set = names.iter().filter(|(bit, _)| self.0 & bit != 0);
        f.write_str(&set.map(|(_, name)| *name).collect::<Vec<_>>().join(" | "))
    }
}

/// What a socket is ready for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ready(u8);

impl Ready {
    /// Nothing.
    pub const EMPTY: Self = Self(0);
    /// Something can be read.
    pub const READABLE: Self = Self(READABLE);
    /// Something can be written.
    pub const WRITABLE: Self = Self(WRITABLE);
    /// Nothing more will come.
    pub const READ_CLOSED: Self = Self(READ_CLOSED);
    /// Nothing more can be sent.
    pub const WRITE_CLOSED: Self = Self(WRITE_CLOSED);
    /// An error is to be told.
    pub const ERROR: Self = Self(ERROR);
    /// All of these.
    pub const ALL: Self = Self(READABLE | WRITABLE | READ_CLOSED | WRITE_CLOSED | ERROR);

    /// Whether it is nothing.
    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// Whether a read would not wait.
    pub fn is_readable(self) -> bool {
        self.0 & (READABLE | READ_CLOSED) != 0
    }

    /// Whether a write would not wait.
    pub fn is_writable(self) -> bool {
        self.0 & (WRITABLE | WRITE_CLOSED) != 0
    }

    /// Whether nothing more will come.
    pub fn is_read_closed(self) -> bool {
        self.0 & READ_CLOSED != 0
    }

    /// Whether nothing more can be sent.
    pub fn is_write_closed(self) -> bool {
        self.0 & WRITE_CLOSED != 0
    }

    /// Whether an error is to be told.
    pub fn is_error(self) -> bool {
        self.0 & ERROR != 0
    }

    fn set(&mut self, bit: u8, when: bool) {
        if when {
            self.0 |= bit;
        }
    }
}

impl ops::BitOr for Ready {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl ops::BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl ops::BitAnd for Ready {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl ops::Sub for Ready {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("is_readable", &self.is_readable())
            .field("is_writable", &self.is_writable())
            .field("is_read_closed", &self.is_read_closed())
            .field("is_write_closed", &self.is_write_closed())
            .field("is_error", &self.is_error())
            .finish()
    }
}

impl Socket {
    /// Waits until the socket is ready for some of `interest`; says for what. Any number of tasks may
    /// wait at once. Cancellation-safe.
    ///
    /// # Errors
    /// `NotConnected` if the connection is gone.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        let mut ticket = Ticket::at(self.place());
        poll_fn(|cx| {
            let who = Who::Future(&mut ticket.number, cx.waker());
            inside(|machine| machine.poll_ready(self, interest, who))
        })
        .await
    }

    /// Ready when a read would not wait. One task waits at a time, as in [`Self::poll_read`].
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let who = Who::Polled(cx.waker());
        inside(|machine| machine.poll_ready(self, Interest::READABLE, who)).map_ok(drop)
    }

    /// Ready when a write would not wait. One task waits at a time, as in [`Self::poll_write`].
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let who = Who::Polled(cx.waker());
        inside(|machine| machine.poll_ready(self, Interest::WRITABLE, who)).map_ok(drop)
    }

    pub(super) const fn place(&self) -> Place {
        Place::Side {
            connection: self.connection,
            side: self.side,
        }
    }
}

impl Machine {
    fn poll_ready(
        &mut self,
        socket: &Socket,
        interest: Interest,
        mut who: Who<'_>,
    ) -> Poll<io::Result<Ready>> {
        let Some(ready) = self.readiness(socket) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let ready = ready & interest.answers();
        if !ready.is_empty() {
            return Poll::Ready(Ok(ready));
        }
        if interest.is_writable() {
            self.wait_to_write(socket, &mut who);
        }
        // Errors wake readers too.
        if interest != Interest::WRITABLE {
            self.wait_to_read(socket, &mut who);
        }
        Poll::Pending
    }

    fn readiness(&mut self, socket: &Socket) -> Option<Ready> {
        let now = clock::now();
        let side = socket.side as usize;
        let connection = self.network.connection(socket.connection)?;
        connection.pipes[1 - side].arrive(now);
        connection.pipes[side].acknowledge(now);
        let end = &connection.ends[side];
        let (incoming, outgoing) = (&connection.pipes[1 - side], &connection.pipes[side]);
        let over = end.error.is_some() || end.dead;
        let read_closed = over || incoming.end_arrived || end.read_shut;
        let write_closed = over || outgoing.end_of_stream != EndOfStream::Open;
        let room = outgoing.written - outgoing.acknowledged < end.send_room;
        let mut ready = Ready::EMPTY;
        ready.set(READABLE, read_closed || incoming.readable() > 0);
        ready.set(WRITABLE, write_closed || room);
        ready.set(READ_CLOSED, read_closed);
        // As epoll has it: hung up when both directions are over.
        ready.set(WRITE_CLOSED, over || read_closed && write_closed);
        ready.set(ERROR, end.error.is_some());
        Some(ready)
    }
}
