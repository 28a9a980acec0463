//! What can happen in a run. One type, read by checkers, reports and digests alike.

pub use crate::fields::{Fields, Text, Value};

use crate::{
    canonical::{Canonical, Decode, NotCanonical, Sink},
    history::Outcome,
    quantity::Moment,
    trace::TraceId,
};
use serde::{Deserialize, Serialize};

/// An event and its instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it happened.
    pub at: Moment,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// How an incarnation of a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Ending {
    /// Its `main` returned.
    Returned = 1,
    /// It was killed; the host's kernel stayed up.
    Crashed = 2,
    /// Its host lost power.
    PowerLost = 3,
    /// The run ended.
    RunEnded = 4,
    /// It was killed because it used more memory than its host has.
    OutOfMemory = 5,
}

/// Why a connect did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Refusal {
    /// Nobody listens on that port.
    Refused = 1,
    /// No answer within all attempts.
    TimedOut = 2,
    /// No such host on the path.
    Unreachable = 3,
    /// The caller gave up.
    Abandoned = 4,
}

macro_rules! events {
    ($(
        $(#[$doc:meta])*
        $tag:literal $name:ident { $( $(#[$field_doc:meta])* $field:ident : $type:ty ),* $(,)? }
    )*) => {
        /// Something that happened. Hosts and connections are meant by number.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
        pub enum Event {
            $( $(#[$doc])* $name { $( $(#[$field_doc])* $field : $type ),* }, )*
        }

        impl Event {
            /// Writes the canonical form with the instant in front.
            pub fn encode(&self, at: Moment, sink: &mut impl Sink) {
                at.encode(sink);
                match self {
                    $( Self::$name { $( $field ),* } => {
                        sink.put(&[$tag]);
                        $( $field.encode(sink); )*
                    } )*
                }
            }
        }

        impl Decode for Record {
            fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
                let at = Moment::decode(source)?;
                let event = match u8::decode(source)? {
                    $( $tag => Event::$name { $( $field: <$type>::decode(source)? ),* }, )*
                    _ => return Err(NotCanonical),
                };
                Ok(Self { at, event })
            }
        }
    };
}

/// The numbers of a choice without fields, each written as one byte.
macro_rules! numbered {
    ($choice:ty: $($one:ident),*) => {
        impl Decode for $choice {
            fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
                let number = u8::decode(source)?;
                let all = [$(Self::$one),*];
                let found = all.into_iter().find(|one| *one as u8 == number);
                found.ok_or(NotCanonical)
            }
        }

        // One that is missing above does not compile.
        const _: fn($choice) = |one| match one {
            $(<$choice>::$one)|* => {}
        };
    };
}
numbered!(Ending: Returned, Crashed, PowerLost, RunEnded, OutOfMemory);
numbered!(Refusal: Refused, TimedOut, Unreachable, Abandoned);
numbered!(Outcome: Ok, Fail, Unknown);

impl Canonical for Ending {
    fn encode(&self, sink: &mut impl Sink) {
        sink.put(&[*self as u8]);
    }
}

impl Canonical for Refusal {
    fn encode(&self, sink: &mut impl Sink) {
        sink.put(&[*self as u8]);
    }
}

impl Canonical for Outcome {
    fn encode(&self, sink: &mut impl Sink) {
        sink.put(&[*self as u8]);
    }
}

events! {
    /// A process started on a host.
    1 Started {
        /// The host.
        host: u32,
        /// Which life of that host's process, from 0.
        incarnation: u32,
    }
    /// A process ended.
    2 Stopped {
        /// The host.
        host: u32,
        /// Which life of that host's process.
        incarnation: u32,
        /// How it ended.
        ending: Ending,
    }
    /// A process was frozen.
    3 Paused {
        /// The host.
        host: u32,
    }
    /// A frozen process goes on.
    4 Resumed {
        /// The host.
        host: u32,
    }
    /// A task of a process panicked.
    5 Panicked {
        /// The host.
        host: u32,
        /// Where the task was spawned: `file:line:column`.
        spawned: Text,
        /// The panic message.
        message: Text,
    }
    /// A fault began.
    6 FaultBegan {
        /// Its id.
        fault: Text,
        /// Its kind.
        kind: Text,
        /// The hosts it touches.
        hosts: Vec<u32>,
    }
    /// A fault ended.
    7 FaultEnded {
        /// Its id.
        fault: Text,
    }
    /// A fault touched a request in flight for the first time.
    8 FaultHit {
        /// Its id.
        fault: Text,
        /// Its kind.
        kind: Text,
    }
    /// A connection attempt began.
    9 Connecting {
        /// The connection.
        connection: u32,
        /// The host that connects.
        from: u32,
        /// The host it connects to.
        to: u32,
        /// The port there.
        port: u16,
    }
    /// The attempt succeeded.
    10 Connected {
        /// The connection.
        connection: u32,
    }
    /// The attempt failed.
    11 NotConnected {
        /// The connection.
        connection: u32,
        /// Why.
        refusal: Refusal,
    }
    /// Bytes of a stream were put on the wire.
    12 Segment {
        /// The connection.
        connection: u32,
        /// False from the side that connected, true from the side that accepted.
        back: bool,
        /// The position of the first byte in its direction.
        offset: u64,
        /// How many bytes; 0 for a bare end of stream.
        length: u32,
        /// XXH3-64 of the bytes.
        content: u64,
        /// Whether the end of the stream follows them.
        last: bool,
        /// When it arrives; absent if it is lost.
        arrives: Option<Moment>,
    }
    /// A direction of a connection tries again what was lost.
    13 Retransmission {
        /// The connection.
        connection: u32,
        /// False from the side that connected.
        back: bool,
        /// Which attempt, from 1.
        attempt: u32,
        /// When it arrives; absent if it is lost again.
        arrives: Option<Moment>,
    }
    /// A reset was put on the wire.
    14 Reset {
        /// The connection.
        connection: u32,
        /// False from the side that connected.
        back: bool,
        /// When it arrives; absent if it is lost.
        arrives: Option<Moment>,
    }
    /// A disk was written, synced, renamed or removed from.
    15 Disk {
        /// The host.
        host: u32,
        /// `write`, `sync`, `rename`, `remove`, `create-dir`, `truncate`.
        action: Text,
        /// The path.
        path: Text,
        /// How many bytes.
        bytes: u64,
        /// XXH3-64 of the bytes.
        content: u64,
    }
    /// What a disk lost with the power.
    16 DiskLost {
        /// The host.
        host: u32,
        /// The path.
        path: Text,
        /// How many bytes of unsynced data are gone or torn.
        bytes: u64,
    }
    /// A client began an operation.
    17 Invoked {
        /// The operation, numbered from 0 in the run.
        operation: u64,
        /// The client's host.
        client: u32,
        /// What is done: `checkout`.
        name: Text,
        /// On what: an order, an item.
        key: Text,
    }
    /// An operation ended.
    18 Completed {
        /// The operation.
        operation: u64,
        /// What the client knows of it.
        outcome: Outcome,
        /// A status, a value or an error in short.
        detail: Text,
    }
    /// A service stated a fact (`tracing` target `observe`).
    19 Observed {
        /// The host.
        host: u32,
        /// What: `charged`.
        name: Text,
        /// Of whom and how much.
        fields: Fields,
    }
    /// A component reported a decision or a change of state through its hook.
    20 Component {
        /// The host.
        host: u32,
        /// The pattern: `breaker`, `gateway`, `saga`.
        component: Text,
        /// Which one: `orders->payments-1`.
        instance: Text,
        /// What: `opened`, `answered`.
        what: Text,
        /// The details.
        fields: Fields,
    }
    /// A gauge was read by the harness.
    21 Sampled {
        /// The host.
        host: u32,
        /// Which gauge: `queue-depth`.
        gauge: Text,
        /// Its value.
        value: i64,
    }
    /// The load ended; the settle phase without faults begins.
    22 Settling {}
    /// A limit stopped the run.
    23 Limit {
        /// Which, and what was going on.
        what: Text,
    }
    /// Something that cannot be simulated faithfully was attempted.
    24 Refused {
        /// The host, if one was running.
        host: u32,
        /// What it was, by name.
        what: Text,
    }
    /// A datagram was sent.
    25 Datagram {
        /// The host that sent it.
        from: u32,
        /// From which port.
        from_port: u16,
        /// The host that has the address; absent if none has.
        to: Option<u32>,
        /// To which port.
        to_port: u16,
        /// How many bytes.
        length: u32,
        /// The hash of the bytes that arrive.
        content: u64,
        /// Whether it is the second one of a datagram that was duplicated.
        copy: bool,
        /// When it arrives; absent if it is lost.
        arrives: Option<Moment>,
    }
    /// A datagram found the receive buffer full.
    26 DatagramDropped {
        /// The host.
        host: u32,
        /// The port.
        port: u16,
        /// How many bytes.
        length: u32,
    }
    /// A datagram came to a port that nobody has, and its sender is told.
    27 PortUnreachable {
        /// The host.
        host: u32,
        /// The port.
        port: u16,
    }
    /// A name was looked up, where there is a name service or a fault of one.
    28 LookedUp {
        /// The host that asked.
        host: u32,
        /// The name.
        name: Text,
        /// The addresses, `no such name` or `no answer`.
        answer: Text,
        /// Whether the host remembered it.
        remembered: bool,
    }
    /// A fault that cuts hosts off one by one cut one off, or healed it.
    29 Swizzled {
        /// The fault.
        fault: Text,
        /// The host.
        host: u32,
        /// Whether it was cut off.
        cut: bool,
    }
    /// An operation on a disk failed.
    40 DiskFailed {
        /// The host.
        host: u32,
        /// `read`, `write`, `sync`, `create-dir`, or `write-back` for what the kernel did by itself.
        operation: Text,
        /// The path.
        path: Text,
        /// `EIO` or `ENOSPC`.
        error: Text,
        /// How many bytes that were written will never be on the medium.
        lost: u64,
    }
    /// A process wanted one descriptor more than it may have.
    41 DescriptorRefused {
        /// The host.
        host: u32,
        /// `open`, `duplicate`, `connect`, `listen`, `accept`, or `bind` of UDP.
        operation: Text,
        /// How many it may have.
        limit: u32,
    }
    /// A process used more memory than its host has, and is killed.
    42 OutOfMemory {
        /// The host.
        host: u32,
        /// How many bytes it used.
        used: u64,
        /// How many it may use.
        limit: u64,
    }
    /// A `cancel` fault dropped what served a request.
    50 Cancelled {
        /// The host that served it.
        host: u32,
        /// The fault.
        fault: Text,
        /// The connection on which the request had come.
        connection: u32,
        /// At which await after its first bytes were read.
        at_await: u32,
        /// `request` or `connection`.
        dropped: Text,
    }
    /// A side of a connection on which nothing is said asked whether its peer is still there.
    60 Probe {
        /// The connection.
        connection: u32,
        /// False from the side that connected.
        back: bool,
        /// Which probe without an answer, from 1.
        attempt: u32,
        /// When it arrives; absent if it is lost.
        arrives: Option<Moment>,
    }
    /// The requests of an operation, and what they cause, carry this trace id.
    70 Traced {
        /// The operation.
        operation: u64,
        /// The trace id.
        trace: TraceId,
    }
    /// A client handed a request to a connection.
    71 RequestSent {
        /// The client's host.
        host: u32,
        /// The connection; absent if it was over already.
        connection: Option<u32>,
        /// The request's trace id.
        trace: TraceId,
    }
    /// A service began to serve a request.
    72 RequestReceived {
        /// The service's host.
        host: u32,
        /// The connection on which it came; absent if it was over already.
        connection: Option<u32>,
        /// The request's trace id.
        trace: TraceId,
    }
}

impl Event {
    /// Whether it is one of the many that only a packet trace keeps.
    pub const fn is_packet(&self) -> bool {
        matches!(
            self,
            Self::Segment { .. }
                | Self::Retransmission { .. }
                | Self::Disk { .. }
                | Self::Datagram { .. }
        )
    }
}

#[cfg(test)]
mod tests;
