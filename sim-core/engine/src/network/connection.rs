//! A connection: two ends and a pipe in each direction.

use crate::process::ProcessId;
use std::{collections::VecDeque, io, net::SocketAddr, task::Waker};
use windtunnel_record::Stream;

/// Never, as an instant.
pub(super) const NEVER: u64 = u64::MAX;

/// The side that connected.
pub(super) const CLIENT: u8 = 0;
/// The side that accepted.
pub(super) const SERVER: u8 = 1;

/// Both ends and both directions.
pub(super) struct Connection {
    pub ends: [End; 2],
    /// Bytes sent by each side.
    pub pipes: [Pipe; 2],
    /// The link on which each side sends.
    pub links: [usize; 2],
    pub opening: Opening,
    /// Whether the last data went from the client to the server: a request is open.
    pub request_open: bool,
}

/// How far the handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// The client waits for an answer.
    Connecting,
    /// The client's connect failed so.
    Failed(io::ErrorKind),
    /// The client has its answer.
    Established,
}

/// What a host's kernel knows of its end.
pub(super) struct End {
    pub host: u32,
    pub process: ProcessId,
    pub address: SocketAddr,
    /// Whether the program still holds it.
    pub open: bool,
    /// Whether the kernel has forgotten it: reset, timed out, or without power.
    pub dead: bool,
    /// What the next call will be told, once.
    pub error: Option<io::ErrorKind>,
    pub read_shut: bool,
    pub read_waker: Option<Waker>,
    pub write_waker: Option<Waker>,
    /// The instant at which the reader will be woken.
    pub read_armed: u64,
    /// The instant at which the writer will be woken.
    pub write_armed: u64,
}

impl End {
    pub fn new(host: u32, process: ProcessId, address: SocketAddr) -> Self {
        Self {
            host,
            process,
            address,
            open: true,
            dead: false,
            error: None,
            read_shut: false,
            read_waker: None,
            write_waker: None,
            read_armed: NEVER,
            write_armed: NEVER,
        }
    }

    /// Whether a segment that arrives here is answered by a reset.
    pub fn is_gone(&self) -> bool {
        self.dead || !self.open
    }
}

/// One direction: what was written and not yet read.
pub(super) struct Pipe {
    /// Bytes from `read` on, sent or not.
    pub bytes: VecDeque<u8>,
    /// How many bytes were read.
    pub read: u64,
    /// How many have arrived in order.
    pub arrived: u64,
    /// How many were put on the wire.
    pub sent: u64,
    /// How many were written.
    pub written: u64,
    /// How many the sender knows to have arrived.
    pub acknowledged: u64,
    pub flights: VecDeque<Flight>,
    pub acks: VecDeque<Ack>,
    pub end_of_stream: EndOfStream,
    /// Whether the end of the stream has arrived.
    pub end_arrived: bool,
    pub stall: Option<Stall>,
    pub stalls: u32,
    /// The latest arrival so far: a stream is in order.
    pub last_arrival: u64,
    /// Boxed, because it is taken out and put back for every segment.
    pub stream: Option<Box<Stream>>,
}

/// A segment that was sent.
pub(super) struct Flight {
    pub end: u64,
    pub last: bool,
    pub sent_at: u64,
    /// When it arrives; [`NEVER`] while it is lost.
    pub own_arrival: u64,
    /// When it can be read: not before what precedes it.
    pub arrives: u64,
}

/// An acknowledgement that the sender will see.
pub(super) struct Ack {
    pub end: u64,
    pub sent_at: u64,
    /// When it is seen; [`NEVER`] while it is lost.
    pub at: u64,
}

/// How far the end of the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndOfStream {
    Open,
    Queued,
    Sent,
}

/// Something was lost and is tried again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stall {
    /// When a time-out first sent something again in vain; [`NEVER`] before.
    pub since: u64,
    /// When it is tried next.
    pub next: u64,
    pub attempt: u32,
    /// Tells its timer from those of earlier stalls.
    pub epoch: u32,
    /// Whether later segments are still sent: a single loss, not silence.
    pub passes_later: bool,
    /// Whether an answer has come, so that everything lost is sent again at once.
    pub recovering: bool,
}

impl Pipe {
    pub fn new() -> Self {
        Self {
            bytes: VecDeque::new(),
            read: 0,
            arrived: 0,
            sent: 0,
            written: 0,
            acknowledged: 0,
            flights: VecDeque::new(),
            acks: VecDeque::new(),
            end_of_stream: EndOfStream::Open,
            end_arrived: false,
            stall: None,
            stalls: 0,
            last_arrival: 0,
            stream: None,
        }
    }

    /// Takes note of what has arrived by `now`.
    pub fn arrive(&mut self, now: u64) {
        while let Some(flight) = self.flights.front() {
            if flight.arrives > now {
                break;
            }
            self.arrived = flight.end;
            self.end_arrived |= flight.last;
            self.flights.pop_front();
        }
    }

    /// How many bytes can be read.
    pub fn readable(&self) -> usize {
        (self.arrived - self.read) as usize
    }

    /// When the next segment can be read.
    pub fn next_arrival(&self) -> u64 {
        self.flights.front().map_or(NEVER, |flight| flight.arrives)
    }

    /// Takes note of the acknowledgements seen by `now`.
    pub fn acknowledge(&mut self, now: u64) {
        while let Some(ack) = self.acks.front() {
            if ack.at > now {
                break;
            }
            self.acknowledged = ack.end;
            self.acks.pop_front();
        }
    }

    /// Forgets everything that has not arrived by `now`.
    pub fn cut_off(&mut self, now: u64) {
        self.arrive(now);
        self.flights.clear();
        self.acks.clear();
        self.stall = None;
        self.bytes.truncate((self.arrived - self.read) as usize);
        self.sent = self.arrived;
        self.written = self.arrived;
    }
}
