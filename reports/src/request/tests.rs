//! Made-up runs of a few hosts in which two requests are under way at once.

use super::*;
use windtunnel_record::{HostInfo, Moment, Outcome};

const LOAD: u32 = 0;
const GATEWAY: u32 = 1;
const FIRST: u32 = 2;
const SECOND: u32 = 3;
const ONE: TraceId = TraceId(1);
const OTHER: TraceId = TraceId(2);

fn topology() -> Topology {
    let host = |name: &str| HostInfo {
        name: name.into(),
        service: name.into(),
        replica: 0,
        zone: "a".into(),
        role: "service".into(),
    };
    Topology {
        hosts: ["load", "gateway-0", "orders-0", "orders-1"]
            .map(host)
            .into(),
    }
}

/// Events by milliseconds, each under a letter.
#[derive(Default)]
struct Tape {
    events: Vec<Record>,
    letters: String,
}

impl Tape {
    fn put(&mut self, letter: char, at: u64, event: Event) {
        let at = Moment::from_nanos(at * 1_000_000);
        self.events.push(Record { at, event });
        self.letters.push(letter);
    }

    /// The letters of what is selected.
    fn of(&self, trace: TraceId) -> String {
        let Some(request) = Request::of(&self.events, &topology(), trace) else {
            return "nothing".into();
        };
        let letters = self.events.iter().zip(self.letters.chars());
        let selected = letters.filter(|(event, _)| {
            let mut chosen = request.events.iter();
            chosen.any(|chosen| std::ptr::eq(*chosen, *event))
        });
        selected.map(|(_, letter)| letter).collect()
    }
}

fn invoked(operation: u64) -> Event {
    Event::Invoked {
        operation,
        client: LOAD,
        name: "buy".into(),
        key: operation.to_string().into(),
    }
}

fn completed(operation: u64) -> Event {
    Event::Completed {
        operation,
        outcome: Outcome::Ok,
        detail: "200".into(),
    }
}

fn traced(operation: u64, trace: TraceId) -> Event {
    Event::Traced { operation, trace }
}

fn connecting(connection: u32, from: u32, to: u32) -> Event {
    let port = 80;
    Event::Connecting {
        connection,
        from,
        to,
        port,
    }
}

fn sent(host: u32, connection: u32, trace: TraceId) -> Event {
    let connection = Some(connection);
    Event::RequestSent {
        host,
        connection,
        trace,
    }
}

fn received(host: u32, connection: u32, trace: TraceId) -> Event {
    let connection = Some(connection);
    Event::RequestReceived {
        host,
        connection,
        trace,
    }
}

fn segment(connection: u32, back: bool, length: u32) -> Event {
    Event::Segment {
        connection,
        back,
        offset: 0,
        length,
        content: 0,
        last: length == 0,
        arrives: Some(Moment::from_nanos(1)),
    }
}

fn answered(host: u32, endpoint: &str, millis: f64, trace: TraceId) -> Event {
    Event::Component {
        host,
        component: "gateway".into(),
        instance: "gateway-0".into(),
        what: "answered".into(),
        fields: Fields::default()
            .with("endpoint", endpoint)
            .with("latency-ms", millis)
            .with("trace", trace.to_string()),
    }
}

#[test]
fn of_two_requests_at_once_each_has_its_own_packets_on_connections_that_both_use() {
    let mut tape = Tape::default();
    tape.put('a', 0, connecting(1, LOAD, GATEWAY));
    tape.put('b', 1, Event::Connected { connection: 1 });
    tape.put('c', 2, invoked(0));
    tape.put('d', 2, traced(0, ONE));
    tape.put('e', 2, sent(LOAD, 1, ONE));
    tape.put('f', 2, segment(1, false, 50));
    tape.put('A', 3, connecting(2, LOAD, GATEWAY));
    tape.put('B', 3, invoked(1));
    tape.put('C', 3, traced(1, OTHER));
    tape.put('D', 3, sent(LOAD, 2, OTHER));
    tape.put('E', 3, segment(2, false, 50));
    tape.put('g', 4, received(GATEWAY, 1, ONE));
    tape.put('F', 4, received(GATEWAY, 2, OTHER));
    tape.put('h', 5, segment(1, true, 20));
    tape.put('i', 6, completed(0));
    tape.put('G', 7, segment(2, true, 20));
    tape.put('H', 8, completed(1));
    // The same connection for another request, and the end of the other when it is idle.
    tape.put('x', 9, sent(LOAD, 1, TraceId(3)));
    tape.put('y', 9, segment(1, false, 50));
    tape.put('z', 99, segment(2, true, 0));
    tape.put('v', 100, sent(LOAD, 1, TraceId(4)));
    tape.put('w', 100, segment(1, false, 50));
    assert_eq!(tape.of(ONE), "abcdefghi");
    assert_eq!(tape.of(OTHER), "ABCDEFGH");
    assert_eq!(tape.of(TraceId(3)), "xy");
    assert_eq!(tape.of(TraceId(4)), "vw");
    assert_eq!(tape.of(TraceId(5)), "nothing");
}

#[test]
fn an_attempt_that_was_given_up_has_the_packets_that_come_late_and_the_reset() {
    let mut tape = Tape::default();
    tape.put('a', 0, sent(GATEWAY, 1, ONE));
    tape.put('b', 0, segment(1, false, 50));
    tape.put('c', 5, answered(GATEWAY, "orders-0:80", 5.0, ONE));
    tape.put('d', 6, sent(GATEWAY, 2, ONE));
    tape.put('e', 6, segment(2, false, 50));
    tape.put('f', 7, segment(1, true, 20));
    let reset = Event::Reset {
        connection: 1,
        back: false,
        arrives: None,
    };
    tape.put('g', 7, reset);
    tape.put('h', 8, segment(2, true, 20));
    tape.put('i', 8, answered(GATEWAY, "orders-1:80", 2.0, ONE));
    tape.put('x', 90, segment(2, true, 0));
    assert_eq!(tape.of(ONE), "abcdefghi");
}

#[test]
fn a_connection_that_failed_belongs_to_the_try_that_began_and_ended_with_it() {
    let mut tape = Tape::default();
    let failed = |connection| Event::NotConnected {
        connection,
        refusal: windtunnel_record::event::Refusal::TimedOut,
    };
    tape.put('x', 9, connecting(9, GATEWAY, FIRST));
    tape.put('y', 10, connecting(8, GATEWAY, SECOND));
    tape.put('a', 10, connecting(1, GATEWAY, FIRST));
    tape.put('A', 10, connecting(2, GATEWAY, FIRST));
    tape.put('z', 10, connecting(3, GATEWAY, FIRST));
    for (connection, letter) in [(3, 'z'), (2, 'B'), (1, 'b'), (9, 'x'), (8, 'y')] {
        tape.put(letter, 20, failed(connection));
    }
    tape.put('c', 20, answered(GATEWAY, "orders-0:80", 10.0, ONE));
    tape.put('C', 20, answered(GATEWAY, "orders-0:80", 10.0, OTHER));
    tape.put('w', 21, answered(GATEWAY, "orders-0:80", 11.0, TraceId(3)));
    assert_eq!(tape.of(ONE), "abc");
    assert_eq!(tape.of(OTHER), "ABC");
    assert_eq!(tape.of(TraceId(3)), "w");
}

#[test]
fn what_becomes_of_the_hosts_is_told_while_the_request_is_under_way() {
    let stopped = |host| Event::Stopped {
        host,
        incarnation: 0,
        ending: windtunnel_record::event::Ending::PowerLost,
    };
    let mut tape = Tape::default();
    tape.put('x', 0, stopped(FIRST));
    tape.put('a', 1, invoked(0));
    tape.put('b', 1, traced(0, ONE));
    tape.put('c', 2, received(FIRST, 7, ONE));
    tape.put('y', 3, stopped(SECOND));
    tape.put('d', 4, stopped(FIRST));
    tape.put('e', 5, completed(0));
    tape.put('z', 6, stopped(FIRST));
    assert_eq!(tape.of(ONE), "abcde");
}

#[test]
fn a_fact_belongs_to_the_request_that_it_names() {
    let stated = |trace: TraceId| Event::Observed {
        host: FIRST,
        name: "charged".into(),
        fields: Fields::default().with("trace", trace.to_string()),
    };
    let mut tape = Tape::default();
    tape.put('a', 0, stated(ONE));
    tape.put('A', 0, stated(OTHER));
    assert_eq!((tape.of(ONE), tape.of(OTHER)), ("a".into(), "A".into()));
}
