//! Losing, and sending again what was lost: time-outs that double, holes that are filled, giving up.

use super::{
    connection::{NEVER, SERVER, Stall},
    transmission::PACKET,
};
use crate::{agenda::Due, clock, machine::Machine};
use std::io;
use windtunnel_record::{Event, Moment};

/// Linux's TCP_RTO_MIN.
const RTO_MIN: u64 = 200_000_000;
/// What Linux adds to the two round trips after which it probes (TCP_TIMEOUT_MIN_US).
const PROBE_MARGIN: u64 = 2_000_000;
/// Linux's TCP_RTO_MAX.
const RTO_MAX: u64 = 120_000_000_000;

/// How long `tcp_retries2` retransmissions at the least RTO take: after that long without an answer a
/// sender gives up, however long its own RTO is.
fn patience(retries2: u8) -> u64 {
    // After so many doublings the gap is the greatest.
    let doublings = (RTO_MAX / RTO_MIN).ilog2();
    let retries = u32::from(retries2);
    let doubling = ((2 << retries.min(doublings)) - 1) * RTO_MIN;
    doubling + u64::from(retries.saturating_sub(doublings)) * RTO_MAX
}

impl Machine {
    /// How long a round trip takes, with the time in queues as they are.
    pub(super) fn round_trip(&self, links: [usize; 2]) -> u64 {
        let now = clock::now();
        let typical = links.iter().map(|&number| {
            let link = self.network.link_ref(number);
            let wait = link.queue().map_or(0, |queue| queue.wait(now));
            link.typical + wait
        });
        typical.sum()
    }

    /// The retransmission time-out of a direction: a round trip, and the least that Linux allows for
    /// its variance.
    fn time_out(&self, links: [usize; 2]) -> u64 {
        RTO_MIN + self.round_trip(links)
    }

    /// How long a sender waits before it probes the end of what it sent (RFC 8985, 7.2): two round
    /// trips and a little, but a time-out for a lone packet, whose acknowledgement may be delayed.
    fn probe_after(&self, links: [usize; 2], outstanding: u64) -> u64 {
        let time_out = self.time_out(links);
        if outstanding > PACKET {
            time_out.min(2 * self.round_trip(links) + PROBE_MARGIN)
        } else {
            time_out
        }
    }

    /// Begins to try again what was sent at `since`, unless that is being done.
    pub(super) fn begin_stall(&mut self, number: u32, side: u8, since: u64, passes_later: bool) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let links = connection.links;
        let pipe = &mut connection.pipes[side as usize];
        pipe.acknowledge(clock::now());
        let outstanding = pipe.sent - pipe.acknowledged;
        let after = self.probe_after(links, outstanding);
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &mut connection.pipes[side as usize];
        if let Some(stall) = &mut pipe.stall {
            stall.passes_later &= passes_later;
            return;
        }
        pipe.stalls += 1;
        let epoch = pipe.stalls;
        let next = (since + after).max(clock::now());
        pipe.stall = Some(Stall {
            since: NEVER,
            next,
            attempt: 0,
            epoch,
            passes_later,
            recovering: false,
        });
        self.agenda.enter(
            next,
            Due::Retransmit {
                connection: number,
                side,
                epoch,
            },
        );
    }

    /// A later segment told the sender of the hole: it is filled as soon as that is known.
    pub(super) fn fast_retransmit(&mut self, number: u32, side: u8, known: u64) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &mut connection.pipes[side as usize];
        let Some(stall) = pipe.stall.as_mut().filter(|stall| stall.next > known) else {
            return;
        };
        pipe.stalls += 1;
        stall.epoch = pipe.stalls;
        stall.next = known;
        stall.recovering = true;
        let epoch = stall.epoch;
        self.agenda.enter(
            known,
            Due::Retransmit {
                connection: number,
                side,
                epoch,
            },
        );
    }

    /// The time-out of a direction that waits for an answer.
    pub(crate) fn retransmit_due(&mut self, number: u32, side: u8, epoch: u32) {
        let now = clock::now();
        let patience = patience(self.network.spec.retries2);
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let links = connection.links;
        let [out, back] = [links[side as usize], links[1 - side as usize]];
        let peer = &connection.ends[1 - side as usize];
        let (peer_host, peer_gone, peer_dead) = (peer.host, peer.is_gone(), peer.dead);
        let own = &connection.ends[side as usize];
        let own_host = own.host;
        let pipe = &mut connection.pipes[side as usize];
        let Some(mut stall) = pipe.stall.filter(|stall| stall.epoch == epoch) else {
            return;
        };
        if own.dead || !self.power[own_host as usize] {
            return;
        }
        if now.saturating_sub(stall.since) >= patience {
            return self.give_up(number, side);
        }
        if stall.attempt > 0 {
            // The first try was the probe; Linux counts from the first time-out.
            stall.since = stall.since.min(now);
        }
        if self.sender_times_out(number, side, stall) {
            return;
        }
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &mut connection.pipes[side as usize];
        let unsent_only = pipe
            .flights
            .iter()
            .all(|flight| flight.own_arrival != NEVER)
            && pipe.acks.iter().all(|ack| ack.at != NEVER);
        let carries_data = pipe.sent > pipe.acknowledged;
        let powered = self.power[peer_host as usize];
        let passed = self.fate_of(number, side, out, now, 1, powered);
        let fault = passed.fault;
        let arrives = self.past_the_door(number, side, passed.arrives);
        let answered = arrives.filter(|_| !self.network.link_ref(back).is_cut());
        self.note(Event::Retransmission {
            connection: number,
            back: side == SERVER,
            attempt: stall.attempt + 1,
            arrives: arrives.map(Moment::from_nanos),
        });
        if arrives.is_none() {
            self.fault_hit(fault);
        }
        if let Some(arrives) = arrives {
            if peer_dead || (peer_gone && carries_data) {
                self.end_stall(number, side);
                return self.send_reset(number, 1 - side, arrives);
            }
            if !unsent_only {
                self.fill_hole(number, side, arrives, stall.recovering);
            }
        }
        let Some(answered) = answered else {
            return self.try_later(number, side, stall, unsent_only);
        };
        let seen = answered + self.network.link_ref(back).typical;
        let lost_left = self.acknowledge_what_arrived(number, side, seen);
        if lost_left {
            self.try_again_at(
                number,
                side,
                seen,
                Stall {
                    attempt: 0,
                    since: NEVER,
                    recovering: true,
                    ..stall
                },
            );
        } else {
            self.end_stall(number, side);
            self.arm_writer(number, side);
            self.transmit(number, side, now);
        }
    }

    /// Nobody answered. The probe is followed by a whole time-out, each try after it by twice the last
    /// gap; a closed window is probed at gaps that double from the start.
    pub(super) fn try_later(&mut self, number: u32, side: u8, stall: Stall, window_probe: bool) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let links = connection.links;
        let base = self.time_out(links);
        let doublings = stall.attempt + u32::from(window_probe);
        let wait = base.saturating_mul(1 << doublings.min(20)).min(RTO_MAX);
        let stall = Stall {
            attempt: stall.attempt + 1,
            recovering: false,
            passes_later: false,
            ..stall
        };
        self.try_again_at(number, side, clock::now() + wait, stall);
    }

    fn try_again_at(&mut self, number: u32, side: u8, next: u64, stall: Stall) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &mut connection.pipes[side as usize];
        pipe.stalls += 1;
        let epoch = pipe.stalls;
        pipe.stall = Some(Stall {
            next,
            epoch,
            ..stall
        });
        self.agenda.enter(
            next,
            Due::Retransmit {
                connection: number,
                side,
                epoch,
            },
        );
    }

    pub(super) fn end_stall(&mut self, number: u32, side: u8) {
        if let Some(connection) = self.network.connection(number) {
            connection.pipes[side as usize].stall = None;
        }
    }

    /// The first hole (or, once an answer has come, every hole) is filled at `arrives`.
    fn fill_hole(&mut self, number: u32, side: u8, arrives: u64, all: bool) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &mut connection.pipes[side as usize];
        for flight in pipe
            .flights
            .iter_mut()
            .filter(|flight| flight.own_arrival == NEVER)
        {
            flight.own_arrival = arrives;
            if !all {
                break;
            }
        }
        pipe.put_in_order();
        pipe.last_arrival = pipe.last_arrival.max(arrives);
        let next = pipe.next_arrival();
        if next != NEVER {
            self.arm_reader(number, 1 - side, next);
        }
    }

    /// The sender sees at `seen` how far the stream is gapless. True if something is still lost.
    pub(super) fn acknowledge_what_arrived(&mut self, number: u32, side: u8, seen: u64) -> bool {
        let Some(connection) = self.network.connection(number) else {
            return false;
        };
        let pipe = &mut connection.pipes[side as usize];
        let mut gapless = pipe.sent;
        let mut lost = false;
        for flight in pipe.flights.iter().rev() {
            if flight.own_arrival == NEVER {
                lost = true;
                gapless = flight.end;
            }
        }
        if lost {
            let first_lost = pipe
                .flights
                .iter()
                .find(|flight| flight.own_arrival == NEVER);
            gapless = first_lost.map_or(gapless, |flight| flight.end.saturating_sub(1));
        }
        for ack in pipe
            .acks
            .iter_mut()
            .filter(|ack| ack.at == NEVER && ack.end <= gapless)
        {
            ack.at = seen;
        }
        lost
    }

    pub(super) fn give_up(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        end.dead = true;
        end.error = Some(io::ErrorKind::TimedOut);
        connection.pipes[side as usize].stall = None;
        self.release_port(number, side);
        self.stop_receiving(number, side);
        self.wake_end(number, side);
    }

    /// What is on its way on a link that was cut is lost, acknowledgements too.
    pub(crate) fn lose_in_flight(&mut self, link: usize, fault: Option<u32>) {
        self.lose_datagrams(link, fault);
        let numbers: Vec<u32> = self.network.connections.live().collect();
        for number in numbers {
            let Some(connection) = self.network.connection(number) else {
                continue;
            };
            let links = connection.links;
            for side in 0..2u8 {
                if links[side as usize] == link && self.lose_flights(number, side) {
                    self.fault_hit(fault);
                }
                if links[1 - side as usize] == link {
                    self.lose_acks(number, side);
                }
            }
        }
    }

    /// Loses the segments of a direction that have not arrived. True if there were data among them.
    pub(super) fn lose_flights(&mut self, number: u32, side: u8) -> bool {
        self.lose_flights_after(number, side, clock::now())
    }

    /// Loses the segments of a direction that arrive after the instant `now`.
    pub(super) fn lose_flights_after(&mut self, number: u32, side: u8, now: u64) -> bool {
        let Some(connection) = self.network.connection(number) else {
            return false;
        };
        let pipe = &mut connection.pipes[side as usize];
        pipe.arrive(now);
        let Some(first) = pipe
            .flights
            .iter()
            .position(|flight| flight.own_arrival > now && flight.own_arrival != NEVER)
        else {
            return false;
        };
        let at = |place| pipe.flights.iter().nth(place);
        let since = at(first).map_or(now, |flight| flight.sent_at);
        let before = first.checked_sub(1).and_then(at);
        let start = before.map_or(pipe.arrived, |flight| flight.end);
        for flight in pipe.flights.iter_mut().skip(first) {
            if flight.own_arrival > now {
                flight.own_arrival = NEVER;
            }
            flight.arrives = NEVER;
        }
        let data = pipe.sent > start;
        for ack in pipe
            .acks
            .iter_mut()
            .filter(|ack| ack.end > start || ack.at > now)
        {
            ack.at = NEVER;
        }
        pipe.last_arrival = pipe.last_arrival.min(now);
        if let Some(sender) = &mut pipe.sender {
            sender.lose_after(now);
        }
        self.begin_stall(number, side, since, false);
        data
    }

    /// Loses the acknowledgements of a direction that have not been seen.
    fn lose_acks(&mut self, number: u32, side: u8) {
        let now = clock::now();
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &mut connection.pipes[side as usize];
        pipe.acknowledge(now);
        let Some(since) = pipe.acks.front().map(|ack| ack.sent_at) else {
            return;
        };
        for ack in pipe.acks.iter_mut() {
            ack.at = NEVER;
        }
        if let Some(sender) = &mut pipe.sender {
            sender.lose_after(now);
        }
        self.begin_stall(number, side, since, false);
    }
}
