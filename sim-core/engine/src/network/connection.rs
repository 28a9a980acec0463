//! A connection: two ends and a pipe in each direction.

use super::{
    NetworkSpec, Options, few::Few, holders::PortKey, nagle::Small, sender::Sender, waits::Waits,
};
use crate::process::ProcessId;
use std::{collections::VecDeque, io, net::SocketAddr};
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
    pub greeting: Greeting,
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

/// How far the server's kernel is with a connection that was not accepted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greeting {
    /// It has seen no SYN, or refused it.
    None,
    /// It waits for the client's acknowledgement; `unheard` if one was lost or found no room.
    HalfOpen { listener: u32, unheard: bool },
    /// The connection is open, or was.
    Over,
}

/// What a host's kernel knows of its end. What every segment touches stands first, in as few lines of
/// the processor's cache as it takes.
#[repr(C, align(64))]
pub(super) struct End {
    pub host: u32,
    pub process: ProcessId,
    /// Whether the program still holds it.
    pub open: bool,
    /// Whether the kernel has forgotten it: reset, timed out, or without power.
    pub dead: bool,
    pub read_shut: bool,
    /// Whether its program answers soon, so that its kernel holds back acknowledgements.
    pub interactive: bool,
    /// What the next call will be told, once.
    pub error: Option<io::ErrorKind>,
    /// The instant at which the reader will be woken.
    pub read_armed: u64,
    /// The instant at which the writer will be woken.
    pub write_armed: u64,
    /// How many bytes its kernel holds that are not acknowledged.
    pub send_room: u64,
    /// How many bytes its kernel holds that are not read.
    pub window: u64,
    pub readers: Waits,
    pub writers: Waits,
    pub options: Options,
    pub address: SocketAddr,
    /// Whether its socket is one of IPv6, which shows IPv4 addresses as mapped ones.
    pub v6: bool,
    /// The hold on its port.
    pub port: Option<PortKey>,
    /// When it last had a sign of its peer, as far as keep-alive probes know.
    pub heard: u64,
    /// How many probes have not been answered.
    pub probes: u32,
}

impl End {
    pub fn new(host: u32, process: ProcessId, address: SocketAddr) -> Self {
        let options = Options::default();
        Self {
            host,
            process,
            address,
            v6: false,
            port: None,
            open: true,
            dead: false,
            error: None,
            read_shut: false,
            options,
            heard: 0,
            probes: 0,
            interactive: false,
            send_room: 0,
            window: 0,
            readers: Waits::default(),
            writers: Waits::default(),
            read_armed: NEVER,
            write_armed: NEVER,
        }
    }

    /// Takes over `options`.
    pub fn set_up(&mut self, options: Options, spec: &NetworkSpec) {
        self.options = options;
        self.send_room = options.send_room(spec);
        self.window = options.window(spec);
    }

    /// Whether a segment that arrives here is answered by a reset.
    pub fn is_gone(&self) -> bool {
        self.dead || !self.open
    }
}

/// One direction: what was written and not yet read. What every segment touches stands first.
#[repr(C, align(64))]
pub(super) struct Pipe {
    /// How many bytes were read.
    pub read: u64,
    /// How many have arrived in order.
    pub arrived: u64,
    /// When the last of them did, as far as somebody looked; [`NEVER`] before the first.
    pub arrived_at: u64,
    /// When the last of that was sent.
    pub heard_sent_at: u64,
    /// How many were put on the wire.
    pub sent: u64,
    /// How many were written.
    pub written: u64,
    /// How many the sender knows to have arrived.
    pub acknowledged: u64,
    /// When it last learned more of that, as far as somebody looked.
    pub acknowledged_at: u64,
    /// Bytes from `read` on, sent or not.
    pub bytes: VecDeque<u8>,
    pub flights: Few<Flight, 1>,
    /// The latest arrival so far: a stream is in order.
    pub last_arrival: u64,
    /// What it has in mind when its link carries only so much.
    pub sender: Option<Box<Sender>>,
    pub stalls: u32,
    pub end_of_stream: EndOfStream,
    /// Whether the end of the stream has arrived.
    pub end_arrived: bool,
    /// What decides the fate of its packets.
    pub stream: Option<Stream>,
    /// Two and no more when requests and answers take turns: the answer to one may come before the
    /// acknowledgement of it is seen.
    pub acks: Few<Ack, 2>,
    pub small: Small,
    pub stall: Option<Stall>,
    /// When the end of the stream was sent.
    pub end_sent_at: u64,
    /// When it arrived.
    pub end_arrived_at: u64,
}

/// A segment that was sent.
#[derive(Clone, Copy, Default)]
pub(super) struct Flight {
    pub end: u64,
    pub last: bool,
    pub sent_at: u64,
    /// When it has left the queue in front of its link.
    pub leaves: u64,
    /// When it arrives; [`NEVER`] while it is lost.
    pub own_arrival: u64,
    /// When it can be read: not before what precedes it.
    pub arrives: u64,
}

/// An acknowledgement that the sender will see.
#[derive(Clone, Copy, Default)]
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

// What is fetched before it is needed counts on it.
const _: () = assert!(std::mem::offset_of!(Pipe, small) == 5 * 64);

impl Pipe {
    pub fn new() -> Self {
        Self {
            bytes: VecDeque::new(),
            read: 0,
            arrived: 0,
            arrived_at: NEVER,
            heard_sent_at: 0,
            sent: 0,
            written: 0,
            acknowledged: 0,
            acknowledged_at: 0,
            flights: Few::new(),
            acks: Few::new(),
            end_of_stream: EndOfStream::Open,
            end_sent_at: NEVER,
            end_arrived: false,
            end_arrived_at: NEVER,
            stall: None,
            stalls: 0,
            small: Small::default(),
            last_arrival: 0,
            sender: None,
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
            self.arrived_at = flight.arrives;
            self.heard_sent_at = flight.sent_at;
            if flight.last {
                self.end_arrived = true;
                self.end_arrived_at = flight.arrives;
            }
            self.flights.pop_front();
        }
    }

    /// Finds out anew when each segment under way can be read.
    pub fn put_in_order(&mut self) {
        let mut in_order = 0;
        for flight in self.flights.iter_mut() {
            in_order = if flight.own_arrival == NEVER || in_order == NEVER {
                NEVER
            } else {
                flight.own_arrival.max(in_order)
            };
            flight.arrives = in_order;
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

    /// When the end of the stream arrives, as far as that is known; [`NEVER`] while it is lost.
    pub fn end_arrives(&self) -> u64 {
        let under_way = self.flights.back().filter(|flight| flight.last);
        under_way.map_or(self.end_arrived_at, |flight| flight.arrives)
    }

    /// Takes note of the acknowledgements seen by `now`.
    pub fn acknowledge(&mut self, now: u64) {
        while let Some(ack) = self.acks.front() {
            if ack.at > now {
                break;
            }
            self.acknowledged = ack.end;
            self.acknowledged_at = ack.at;
            self.acks.pop_front();
        }
    }

    /// Forgets everything that has not arrived by `now`.
    pub fn cut_off(&mut self, now: u64) {
        self.arrive(now);
        self.flights.clear();
        self.acks.clear();
        self.sender = None;
        self.stall = None;
        self.bytes.truncate((self.arrived - self.read) as usize);
        self.sent = self.arrived;
        self.written = self.arrived;
    }
}
