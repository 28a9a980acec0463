//! Sending on a link that carries only so much: as the acknowledgements come, and again what the queue
//! had no room for.

use super::{
    connection::{Flight, NEVER, SERVER, Stall},
    queue::{Queue, leaves_under},
    sender::{Sender, Sent},
    transmission::{BURST, PACKET},
    wire::Limit,
};
use crate::{agenda::Due, clock, machine::Machine};
use std::collections::VecDeque;
use windtunnel_record::{Event, Moment};

/// A burst takes at most this long on its link, as Linux sizes them.
const BURST_TIME: u64 = 1_000_000;

/// The largest burst on a link: short in time, and small beside the queue.
fn burst(limit: Option<Limit>) -> u64 {
    let Some(limit) = limit else { return BURST };
    let most = limit.rate.bytes_in(BURST_TIME).min(limit.room / 8);
    (most - most % PACKET).clamp(PACKET, BURST - BURST % PACKET)
}

impl Machine {
    /// Sends what may be sent of a direction.
    pub(crate) fn transmit(&mut self, number: u32, side: u8, depart: u64) {
        if !self.has_sender(number, side) {
            return self.transmit_as_windows_allow(number, side, depart);
        }
        self.look_at_acks(number, side);
        self.send_again_what_is_lost(number, side, depart);
        self.transmit_as_windows_allow(number, side, depart);
        self.arm_sender(number, side);
    }

    /// Whether a direction is sent under control. Begins or ends that as its link demands.
    fn has_sender(&mut self, number: u32, side: u8) -> bool {
        let Some(connection) = self.network.connection(number) else {
            return false;
        };
        let out = connection.links[side as usize];
        let has = connection.pipes[side as usize].sender.is_some();
        let limit = self.network.link_ref(out).queue();
        let limit = limit.map(Queue::limit);
        if !has && limit.is_none() {
            return false;
        }
        let Some(connection) = self.network.connection(number) else {
            return false;
        };
        let pipe = &mut connection.pipes[side as usize];
        match &mut pipe.sender {
            Some(sender) if limit.is_none() && sender.is_idle() => {
                pipe.sender = None;
                return false;
            }
            Some(sender) => sender.burst = burst(limit),
            None => {
                let mut sender = Sender::new(pipe.on_the_way());
                sender.burst = burst(limit);
                pipe.sender = Some(Box::new(sender));
            }
        }
        true
    }

    fn sender(&mut self, number: u32, side: u8) -> Option<&mut Sender> {
        let connection = self.network.connection(number)?;
        connection.pipes[side as usize].sender.as_deref_mut()
    }

    fn look_at_acks(&mut self, number: u32, side: u8) {
        let now = clock::now();
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let links = connection.links;
        let round_trip = self.round_trip(links);
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &mut connection.pipes[side as usize];
        let sent = pipe.sent;
        let Some(sender) = &mut pipe.sender else {
            return;
        };
        if sender.look(now, sent, round_trip) {
            pipe.stall = None;
            pipe.acknowledge(now);
        }
    }

    fn send_again_what_is_lost(&mut self, number: u32, side: u8, depart: u64) {
        while let Some(lost) = self.sender(number, side).and_then(Sender::next_lost) {
            if !self.send_again(number, side, depart, lost) {
                return;
            }
        }
    }

    /// Sends a segment once more. False if it met a reset.
    fn send_again(&mut self, number: u32, side: u8, depart: u64, lost: Sent) -> bool {
        let Some(connection) = self.network.connection(number) else {
            return false;
        };
        let links = connection.links;
        let [out, back] = [links[side as usize], links[1 - side as usize]];
        let peer = &connection.ends[1 - side as usize];
        let (peer_host, peer_gone, peer_dead) = (peer.host, peer.is_gone(), peer.dead);
        let powered = self.power[peer_host as usize];
        let length = lost.length().max(1);
        let passed = self.fate_of(number, side, out, depart, length, powered);
        let arrives = self.past_the_door(number, side, passed.arrives);
        self.note(Event::Retransmission {
            connection: number,
            back: side == SERVER,
            attempt: lost.attempt + 1,
            arrives: arrives.map(Moment::from_nanos),
        });
        if arrives.is_none() {
            self.fault_hit(passed.fault);
        }
        if let Some(at) = arrives
            && (peer_dead || peer_gone && lost.length() > 0)
        {
            self.send_reset(number, 1 - side, at);
            return false;
        }
        let back_is_cut = self.network.link_ref(back).is_cut();
        let typical = self.network.link_ref(back).typical;
        let Some(connection) = self.network.connection(number) else {
            return false;
        };
        let pipe = &mut connection.pipes[side as usize];
        let arrives = arrives.map(|at| at.max(pipe.last_arrival));
        let answered = arrives.filter(|_| !back_is_cut);
        let seen = answered.map_or(NEVER, |at| at + typical);
        if let Some(sender) = &mut pipe.sender {
            sender.sent(Sent {
                sent_at: depart,
                seen,
                attempt: lost.attempt + 1,
                ..lost
            });
        }
        if let Some(at) = arrives {
            pipe.fill(&lost, at, passed.leaves);
            let next = pipe.next_arrival();
            if next != NEVER {
                self.arm_reader(number, 1 - side, next);
            }
        }
        if answered.is_some() {
            self.acknowledge_what_arrived(number, side, seen);
            self.arm_writer(number, side);
        }
        true
    }

    /// Takes down a segment that was just sent for the first time.
    pub(super) fn sent_under_control(&mut self, number: u32, side: u8, sent: Sent) {
        if let Some(sender) = self.sender(number, side) {
            sender.sent(sent);
        }
    }

    /// Sees to it that the sender looks at its next acknowledgement if that may change anything, or
    /// begins to wait for a time-out if none is to come.
    fn arm_sender(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &mut connection.pipes[side as usize];
        let Some(sender) = pipe
            .sender
            .as_deref_mut()
            .filter(|sender| !sender.is_idle())
        else {
            return;
        };
        let next = sender.next_seen();
        if next == NEVER {
            let since = sender.last_sent_at();
            return self.begin_stall(number, side, since, true);
        }
        if pipe.stall.is_some_and(|stall| stall.passes_later) {
            pipe.stall = None;
        }
        if !sender.held_back && !sender.has_losses() || sender.armed <= next {
            return;
        }
        sender.armed = next;
        let due = Due::Acknowledged {
            connection: number,
            side,
        };
        self.agenda.enter(next.max(clock::now()), due);
    }

    /// An acknowledgement is seen that a sender waited for.
    pub(crate) fn acknowledged_due(&mut self, number: u32, side: u8) {
        let now = clock::now();
        if let Some(sender) = self.sender(number, side)
            && sender.armed <= now
        {
            sender.armed = NEVER;
            self.transmit(number, side, now);
        }
    }

    /// The time-out of a sender that is not going to hear anything. The first one probes with what was
    /// sent last; every later one counts all as lost. False if it has nothing to send again.
    pub(super) fn sender_times_out(&mut self, number: u32, side: u8, stall: Stall) -> bool {
        let now = clock::now();
        let Some(connection) = self.network.connection(number) else {
            return false;
        };
        let pipe = &mut connection.pipes[side as usize];
        let sent = pipe.sent;
        let Some(sender) = pipe
            .sender
            .as_deref_mut()
            .filter(|sender| !sender.is_idle())
        else {
            return false;
        };
        let again = if stall.attempt == 0 {
            sender.last_sent()
        } else {
            sender.time_out(sent);
            sender.next_lost()
        };
        let again = again.expect("it is not idle");
        if !self.send_again(number, side, now, again) {
            self.end_stall(number, side);
            return true;
        }
        let heard = self
            .sender(number, side)
            .is_some_and(|sender| sender.next_seen() != NEVER);
        if heard {
            self.end_stall(number, side);
            self.arm_sender(number, side);
        } else {
            self.try_later(number, side, stall, false);
        }
        true
    }

    /// How much a link carries has changed: what waits in front of it leaves earlier or later.
    pub(crate) fn limit_changed(&mut self, link: usize) {
        let now = clock::now();
        if self.network.link_ref(link).conditions().is_none() {
            return;
        }
        let conditions = self.network.link_mut(link).conditions_mut();
        let old = conditions.queue.as_ref().map(Queue::limit);
        let empty_at = conditions.queue.as_ref().map_or(0, Queue::empty_at);
        let limit = conditions.wire.limit();
        let new = limit.map(|(limit, _)| limit);
        if old == new {
            return self.network.link_mut(link).forget_idle_conditions();
        }
        let moved = |leaves: u64| leaves_under(old, new, now, leaves);
        conditions.queue = limit.map(|(limit, fault)| Queue::new(limit, fault, moved(empty_at)));
        self.network.link_mut(link).forget_idle_conditions();
        self.shift_datagrams(link, old, new);
        let numbers: Vec<u32> = self.network.connections.live().collect();
        for number in numbers {
            for side in 0..2u8 {
                let Some(connection) = self.network.connection(number) else {
                    break;
                };
                if connection.links[side as usize] == link {
                    self.shift_flights(number, side, &moved);
                }
            }
        }
    }

    fn shift_flights(&mut self, number: u32, side: u8, moved: &impl Fn(u64) -> u64) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let back = connection.links[1 - side as usize];
        let typical = self.network.link_ref(back).typical;
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &mut connection.pipes[side as usize];
        pipe.shift(moved, typical);
        let next = pipe.next_arrival();
        if let Some(sender) = &mut pipe.sender {
            sender.armed = NEVER;
        }
        if next != NEVER {
            self.arm_reader(number, 1 - side, next);
        }
        self.arm_writer(number, side);
        self.arm_sender(number, side);
    }
}

impl super::connection::Pipe {
    /// What was sent and is not acknowledged yet, as a sender knows it.
    fn on_the_way(&mut self) -> VecDeque<Sent> {
        self.acknowledge(clock::now());
        let mut start = self.acknowledged;
        let known = self.acks.iter().map(|ack| {
            let sent = Sent {
                start,
                end: ack.end,
                last: false,
                sent_at: ack.sent_at,
                seen: ack.at,
                attempt: 0,
            };
            start = ack.end;
            sent
        });
        known.collect()
    }

    /// A segment that was lost arrives at last.
    fn fill(&mut self, lost: &Sent, at: u64, leaves: u64) {
        let missing = |flight: &&mut Flight| {
            flight.own_arrival == NEVER && flight.end > lost.start && flight.end <= lost.end
                || flight.last && lost.last && flight.own_arrival == NEVER
        };
        for flight in self.flights.iter_mut().filter(missing) {
            flight.own_arrival = at;
            flight.leaves = leaves;
        }
        self.last_arrival = self.last_arrival.max(at);
        self.put_in_order();
    }

    /// What is under way leaves the queue at other instants.
    fn shift(&mut self, moved: &impl Fn(u64) -> u64, back: u64) {
        let mut latest = 0;
        for flight in self.flights.iter_mut() {
            let leaves = moved(flight.leaves);
            if flight.own_arrival != NEVER {
                let late = flight.own_arrival - flight.leaves.min(flight.own_arrival);
                if leaves != flight.leaves {
                    flight.own_arrival = leaves + late;
                }
                latest = flight.own_arrival.max(latest);
            }
            flight.leaves = leaves;
        }
        self.last_arrival = if latest == 0 {
            self.last_arrival
        } else {
            latest
        };
        self.put_in_order();
        let flights = &self.flights;
        let at = |end: u64| flights.iter().find(|flight| flight.end == end);
        for ack in self.acks.iter_mut().filter(|ack| ack.at != NEVER) {
            if let Some(flight) = at(ack.end).filter(|flight| flight.arrives != NEVER) {
                ack.at = flight.arrives + back;
            }
        }
        if let Some(sender) = &mut self.sender {
            sender.shift(|sent| match at(sent.end) {
                Some(flight) if flight.own_arrival != NEVER => flight.own_arrival + back,
                _ => sent.seen,
            });
        }
    }
}
