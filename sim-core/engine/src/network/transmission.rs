//! Sending: what may go, how it fares, and who is told when.

use super::{
    connection::{Ack, CLIENT, EndOfStream, Flight, NEVER, Pipe, SERVER},
    sender::Sent,
};
use crate::{clock, machine::Machine};
use windtunnel_record::{Event, Moment, Stream};
use xxhash_rust::xxh3::xxh3_64;

/// The largest burst sent as one segment (Linux's segmentation offload).
pub(super) const BURST: u64 = 64 << 10;
/// The payload of one packet on the wire.
pub(super) const PACKET: u64 = 1448;
/// The headers of a packet: Ethernet, IPv4, TCP with time stamps.
pub(super) const HEADERS: u64 = 66;

/// What became of a segment.
pub(super) struct Passed {
    /// When it arrives; absent if it does not.
    pub arrives: Option<u64>,
    /// When it left the queue in front of the link.
    pub leaves: u64,
    /// The fault that had a hand in it.
    pub fault: Option<u32>,
}

impl Machine {
    /// Sends as far as the windows reach, and not behind silence.
    pub(super) fn transmit_as_windows_allow(&mut self, number: u32, side: u8, depart: u64) {
        loop {
            let Some(connection) = self.network.connection(number) else {
                return;
            };
            if connection.ends[side as usize].dead {
                return;
            }
            let window = connection.ends[1 - side as usize].window;
            let no_delay = connection.ends[side as usize].options.no_delay;
            let incoming = &mut connection.pipes[1 - side as usize];
            incoming.arrive(clock::now());
            let heard = incoming.heard_sent_at;
            let pipe = &mut connection.pipes[side as usize];
            if pipe.stall.is_some_and(|stall| !stall.passes_later) {
                return;
            }
            let open = (pipe.read + window).saturating_sub(pipe.sent);
            let mut length = (pipe.written - pipe.sent).min(open).min(BURST);
            if let Some(sender) = &mut pipe.sender {
                sender.shut = open < pipe.written - pipe.sent;
                let admitted = sender.admits(length);
                sender.held_back = admitted == 0 && length > 0;
                length = admitted;
            }
            let nothing_left = pipe.sent + length == pipe.written;
            let last = nothing_left && pipe.end_of_stream == EndOfStream::Queued;
            if length == 0 && !last {
                return;
            }
            if !no_delay && nothing_left && !last {
                let now_length = pipe.unless_small(length, clock::now(), heard);
                if now_length == 0 {
                    return self.await_acknowledgement(number, side, depart);
                }
                self.send_segment(number, side, depart, now_length, false);
                continue;
            }
            self.send_segment(number, side, depart, length, last);
        }
    }

    fn send_segment(&mut self, number: u32, side: u8, depart: u64, length: u64, last: bool) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let links = connection.links;
        let [out, back] = [links[side as usize], links[1 - side as usize]];
        let peer = &connection.ends[1 - side as usize];
        let (peer_host, peer_gone) = (peer.host, peer.is_gone());
        let pipe = &mut connection.pipes[side as usize];
        let offset = pipe.sent;
        let content = content_hash(pipe, offset, length);
        pipe.sent += length;
        if last {
            pipe.end_of_stream = EndOfStream::Sent;
            pipe.end_sent_at = depart;
        }
        let end = pipe.sent;
        if length > 0 {
            pipe.sent_small(length);
            connection.request_open = side == CLIENT;
            self.note_answer(number, side, depart);
        }
        let powered = self.power[peer_host as usize];
        let passed = self.fate_of(number, side, out, depart, length, powered);
        let fault = passed.fault;
        let arrives = self.past_the_door(number, side, passed.arrives);
        let shut_out = passed.arrives.is_some() && arrives.is_none();
        self.note(Event::Segment {
            connection: number,
            back: side == SERVER,
            offset,
            length: length as u32,
            content,
            last,
            arrives: arrives.map(Moment::from_nanos),
        });
        if length > 0 {
            self.fault_hit(fault);
            self.fault_hit_host(peer_host);
        }
        if let Some(arrives) = arrives
            && peer_gone
            && length > 0
        {
            // Nobody is there: the peer's kernel answers with a reset.
            self.send_reset(number, 1 - side, arrives);
        }
        let back_is_cut = self.network.link_ref(back).is_cut();
        let back_typical = self.network.link_ref(back).typical;
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &mut connection.pipes[side as usize];
        let own_arrival = arrives.map_or(NEVER, |at| at.max(pipe.last_arrival));
        let behind_a_loss = pipe
            .flights
            .iter()
            .any(|flight| flight.own_arrival == NEVER);
        let in_order = if behind_a_loss { NEVER } else { own_arrival };
        if own_arrival != NEVER {
            pipe.last_arrival = own_arrival;
        }
        pipe.small_arrives(end, in_order);
        pipe.flights.push_back(Flight {
            end,
            last,
            sent_at: depart,
            leaves: passed.leaves,
            own_arrival,
            arrives: in_order,
        });
        let seen = if own_arrival == NEVER || behind_a_loss || back_is_cut {
            NEVER
        } else {
            own_arrival + back_typical
        };
        pipe.acks.push_back(Ack {
            end,
            sent_at: depart,
            at: seen,
        });
        if pipe.sender.is_some() {
            let told = own_arrival != NEVER && !back_is_cut;
            let sent = Sent {
                start: offset,
                end,
                last,
                sent_at: depart,
                seen: if told {
                    own_arrival + back_typical
                } else {
                    NEVER
                },
                attempt: 0,
            };
            self.sent_under_control(number, side, sent);
        } else if own_arrival != NEVER && behind_a_loss && !back_is_cut {
            self.fast_retransmit(number, side, own_arrival + back_typical);
        } else if seen == NEVER {
            let silence = arrives.is_none() && (fault_is_cut(self, out) || !powered || shut_out)
                || back_is_cut;
            self.begin_stall(number, side, depart, !silence);
        }
        if own_arrival != NEVER {
            self.carry_acknowledgement(number, side, own_arrival);
        }
        if in_order != NEVER {
            self.arm_reader(number, 1 - side, in_order);
        }
        // A writer may wait for room that this segment's acknowledgement will make.
        self.arm_writer(number, side);
    }

    /// When a segment is taken: not at all if it finds the backlog of a half-open connection full.
    pub(super) fn past_the_door(&mut self, number: u32, side: u8, at: Option<u64>) -> Option<u64> {
        at.filter(|&at| side == SERVER || self.data_open(number, at))
    }

    /// What becomes of a segment of `length` bytes. One with a wrong bit is thrown away by its
    /// receiver, and a second one of it as well.
    pub(super) fn fate_of(
        &mut self,
        number: u32,
        side: u8,
        link: usize,
        depart: u64,
        length: u64,
        powered: bool,
    ) -> Passed {
        let mut stream = self.take_stream(number, side);
        let packets = length.div_ceil(PACKET);
        let bytes = length + packets.max(1) * HEADERS;
        let link = self.network.link_mut(link);
        let fate = link.fate(depart, packets, bytes, &mut stream);
        if let Some(connection) = self.network.connection(number) {
            connection.pipes[side as usize].stream = Some(stream);
        }
        Passed {
            arrives: fate.arrives.filter(|_| powered && !fate.corrupt),
            leaves: fate.leaves,
            fault: fate.fault,
        }
    }

    /// The stream of a direction's packets, named after its ends.
    pub(super) fn take_stream(&mut self, number: u32, side: u8) -> Stream {
        let connection = self
            .network
            .connection(number)
            .expect("the caller holds it");
        if let Some(stream) = connection.pipes[side as usize].stream.take() {
            return stream;
        }
        let [one, other] = &connection.ends;
        let (from, to) = if side == 0 {
            (one, other)
        } else {
            (other, one)
        };
        let name = format!(
            "net/{}:{}>{}:{}",
            self.topology.name(from.host),
            from.address.port(),
            self.topology.name(to.host),
            to.address.port()
        );
        self.network.packet_stream(&name)
    }
}

fn fault_is_cut(machine: &Machine, link: usize) -> bool {
    machine.network.link_ref(link).is_cut()
}

/// The hash of `length` bytes of a direction from `offset` on.
fn content_hash(pipe: &Pipe, offset: u64, length: u64) -> u64 {
    if length == 0 {
        return 0;
    }
    let start = (offset - pipe.read) as usize;
    let (front, rear) = pipe.bytes.as_slices();
    let end = start + length as usize;
    if end <= front.len() {
        xxh3_64(&front[start..end])
    } else if start >= front.len() {
        xxh3_64(&rear[start - front.len()..end - front.len()])
    } else {
        let mut both = Vec::with_capacity(length as usize);
        both.extend_from_slice(&front[start..]);
        both.extend_from_slice(&rear[..end - front.len()]);
        xxh3_64(&both)
    }
}
