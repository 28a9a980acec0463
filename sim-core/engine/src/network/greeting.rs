//! The server's half of the handshake: what is half open, and the way into the queue of a listener.

use super::{
    connection::{CLIENT, Greeting, SERVER},
    handshake::SECOND,
};
use crate::{
    agenda::{Due, Step},
    clock,
    machine::Machine,
};

/// How often a server repeats its SYN-ACK (Linux `tcp_synack_retries`).
const SYN_ACK_RETRIES: u8 = 5;

impl Machine {
    /// The server's kernel takes note of a SYN.
    pub(super) fn greet(&mut self, number: u32, listener: u32) {
        let state = &self.network.listeners[&listener];
        let (process, options, v6) = (state.process, state.options, state.address.is_ipv6());
        if let Some(connection) = self.network.connection(number) {
            connection.greeting = Greeting::HalfOpen {
                listener,
                unheard: false,
            };
            let server = &mut connection.ends[SERVER as usize];
            server.open = true;
            server.process = process;
            server.v6 = v6;
        }
        self.own_port(number, SERVER, None, options);
    }

    /// The server did not take the acknowledgement: it repeats its SYN-ACK until it gives up.
    pub(super) fn ack_lost(&mut self, number: u32, attempt: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let Greeting::HalfOpen { unheard, .. } = &mut connection.greeting else {
            return;
        };
        *unheard = true;
        let step = if attempt < SYN_ACK_RETRIES {
            Step::SendAck {
                attempt: attempt + 1,
            }
        } else {
            Step::HalfOpenOver
        };
        self.agenda.enter(
            clock::now() + (SECOND << attempt),
            Due::Handshake {
                connection: number,
                step,
            },
        );
    }

    pub(super) fn ack_arrives(&mut self, number: u32, attempt: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let server = &connection.ends[SERVER as usize];
        let (host, gone) = (server.host, server.is_gone());
        let (link, greeting) = (connection.links[CLIENT as usize], connection.greeting);
        if !self.power[host as usize] || self.network.link_ref(link).is_cut() {
            return self.ack_lost(number, attempt);
        }
        if gone {
            // Nobody knows of it any more.
            return self.send_reset(number, SERVER, clock::now());
        }
        let Greeting::HalfOpen { listener, .. } = greeting else {
            return;
        };
        let Some(listener) = self.network.listeners.get_mut(&listener) else {
            return;
        };
        if listener.is_full() {
            // The kernel drops it: the client believes that it is connected, and its data are lost
            // until there is room. Those that come with it are as well.
            self.lose_flights_after(number, CLIENT, clock::now().saturating_sub(1));
            return self.ack_lost(number, attempt);
        }
        listener.queue.push_back(number);
        let waits = std::mem::take(&mut listener.waits);
        self.wake_all(waits);
        if let Some(connection) = self.network.connection(number) {
            connection.greeting = Greeting::Over;
        }
        self.begin_keep_alive(number, SERVER);
    }

    /// Data of the client are about to arrive at `at`. They open what is half open, if an
    /// acknowledgement was lost before. False if they are lost because the backlog is full.
    pub(super) fn data_open(&mut self, number: u32, at: u64) -> bool {
        let Some(connection) = self.network.connection(number) else {
            return true;
        };
        let Greeting::HalfOpen {
            listener,
            unheard: true,
        } = connection.greeting
        else {
            return true;
        };
        if self
            .network
            .listeners
            .get(&listener)
            .is_some_and(|listener| listener.is_full())
        {
            return false;
        }
        let step = Step::Ack {
            attempt: SYN_ACK_RETRIES,
            sent: at,
        };
        self.agenda.enter(
            at,
            Due::Handshake {
                connection: number,
                step,
            },
        );
        true
    }

    /// Nobody will complete a connection that is half open: the server forgets it in time.
    pub(super) fn expect_nobody(&mut self, number: u32) {
        let all: u64 = (0..=SYN_ACK_RETRIES).map(|attempt| SECOND << attempt).sum();
        let step = Step::HalfOpenOver;
        self.agenda.enter(
            clock::now() + all,
            Due::Handshake {
                connection: number,
                step,
            },
        );
    }

    /// The server repeated its SYN-ACK in vain.
    pub(super) fn half_open_over(&mut self, number: u32) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        if let Greeting::HalfOpen { .. } = connection.greeting {
            self.drop_half_open_end(number);
        }
    }

    /// A listener is gone, and with it what was half open there: silently, as on Linux.
    pub(super) fn drop_half_open(&mut self, host: u32, listener: u32) {
        let numbers: Vec<u32> = self.network.connections.of_host(host).collect();
        for number in numbers {
            let greeting = self.network.connection(number).map(|it| it.greeting);
            if let Some(Greeting::HalfOpen { listener: of, .. }) = greeting
                && of == listener
            {
                self.drop_half_open_end(number);
            }
        }
    }

    pub(super) fn drop_half_open_end(&mut self, number: u32) {
        if let Some(connection) = self.network.connection(number) {
            connection.greeting = Greeting::Over;
            connection.ends[SERVER as usize].open = false;
        }
        self.kill_end(number, SERVER);
        self.forget_if_over(number);
    }
}
