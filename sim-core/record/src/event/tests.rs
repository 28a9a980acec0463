//! The canonical form of events, pinned and read back.

use super::*;
use crate::digest::Digester;

#[test]
fn the_canonical_form_is_pinned_byte_by_byte() {
    let mut bytes = Vec::new();
    let event = Event::Segment {
        connection: 7,
        back: true,
        offset: 300,
        length: 2,
        content: 0x0102_0304_0506_0708,
        last: false,
        arrives: Some(Moment::from_nanos(9)),
    };
    event.encode(Moment::from_nanos(5), &mut bytes);
    let expected: Vec<u8> = [
        &5u64.to_le_bytes()[..],
        &[12],
        &7u32.to_le_bytes(),
        &[1],
        &300u64.to_le_bytes(),
        &2u32.to_le_bytes(),
        &[8, 7, 6, 5, 4, 3, 2, 1],
        &[0],
        &[1],
        &9u64.to_le_bytes(),
    ]
    .concat();
    assert_eq!(bytes, expected);
}

#[test]
fn an_event_comes_back_from_its_canonical_form() {
    let fields = Fields::default()
        .with("tries", 3)
        .with("share", 0.25)
        .with("late", true)
        .with("why", "tired");
    let events = [
        Event::Stopped {
            host: 1,
            incarnation: 2,
            ending: Ending::OutOfMemory,
        },
        Event::FaultBegan {
            fault: "cut".into(),
            kind: "partition".into(),
            hosts: vec![3, 4, 5],
        },
        Event::NotConnected {
            connection: 7,
            refusal: Refusal::Abandoned,
        },
        Event::Segment {
            connection: 7,
            back: true,
            offset: 1 << 40,
            length: 1448,
            content: u64::MAX,
            last: false,
            arrives: Some(Moment::from_nanos(12)),
        },
        Event::Component {
            host: 0,
            component: "breaker".into(),
            instance: "back".into(),
            what: "opened".into(),
            fields,
        },
        Event::Settling {},
    ];
    let mut form = Vec::new();
    for (at, event) in (0..).zip(&events) {
        event.encode(Moment::from_nanos(at), &mut form);
    }
    let mut rest = form.as_slice();
    for (at, event) in (0..).zip(events) {
        let at = Moment::from_nanos(at);
        assert_eq!(Record::decode(&mut rest), Ok(Record { at, event }));
    }
    assert!(rest.is_empty());
    assert_eq!(
        Record::decode(&mut &form[..17]),
        Err(NotCanonical),
        "cut short"
    );
}

#[test]
fn a_digest_tells_order_instant_and_content_apart() {
    let digest = |events: &[(u64, u32)]| {
        let mut digester = Digester::new();
        for (at, host) in events {
            digester.absorb(Moment::from_nanos(*at), &Event::Paused { host: *host });
        }
        digester.digest()
    };
    let base = digest(&[(1, 2), (3, 4)]);
    assert_eq!(base, digest(&[(1, 2), (3, 4)]));
    for other in [
        &[(3, 4), (1, 2)][..],
        &[(1, 2), (3, 5)],
        &[(1, 2), (4, 4)],
        &[(1, 2)],
    ] {
        assert_ne!(base, digest(other));
    }
}
