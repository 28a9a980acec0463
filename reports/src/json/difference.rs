//! The first difference between two runs, in words.

use crate::words::Narrator;
use serde::{Deserialize, Serialize};
use windtunnel_record::{Difference, Event, Record};

/// The first event in which two runs differ, with what was before and after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToldDifference {
    /// How many events both have in common before it.
    pub position: u64,
    /// When it happened, in milliseconds since the start: at the earlier of both events.
    pub at_ms: f64,
    /// The same, exact to the nanosecond: `41.203s`.
    pub at: String,
    /// Where: the host of the earlier event, or of both if they happened at one instant; none where
    /// an event concerns the whole run.
    pub hosts: Vec<String>,
    /// The last events that both have in common.
    pub before: Vec<ToldEvent>,
    /// The one's events from the difference on; none if it was over.
    pub one: Vec<ToldEvent>,
    /// The other's events from the difference on; none if it was over.
    pub other: Vec<ToldEvent>,
}

/// An event in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToldEvent {
    /// When, exact to the nanosecond: `41.203s`.
    pub at: String,
    /// What, in a sentence.
    pub says: String,
}

impl ToldDifference {
    /// Tells `found` with the names that each run has for its hosts and connections.
    pub fn of(found: &Difference, one: &Narrator<'_>, other: &Narrator<'_>) -> Self {
        let mut hosts: Vec<String> = Vec::new();
        for (narrator, record) in [(one, found.one.first()), (other, found.other.first())] {
            let earliest = record.filter(|record| record.at == found.at());
            hosts.extend(earliest.and_then(|record| narrator.place(&record.event)));
        }
        hosts.dedup();
        let mut told = Self {
            position: found.position as u64,
            at_ms: found.at().as_nanos() as f64 / 1e6,
            at: found.at().to_string(),
            hosts,
            before: tell_all(&found.before, one),
            one: tell_all(&found.one, one),
            other: tell_all(&found.other, other),
        };
        told.tell_apart(found);
        told
    }

    /// Sentences leave things out. Where two different events read alike, they are told in full.
    fn tell_apart(&mut self, found: &Difference) {
        let pairs = found.one.iter().zip(&found.other);
        let told = self.one.iter_mut().zip(&mut self.other);
        for ((one, other), (told_one, told_other)) in pairs.zip(told) {
            if told_one == told_other && one != other {
                told_one.says += &in_full(&one.event);
                told_other.says += &in_full(&other.event);
            }
        }
    }
}

fn in_full(event: &Event) -> String {
    let fields = serde_json::to_string(event).unwrap_or_default();
    format!(" {fields}")
}

fn tell_all(records: &[Record], narrator: &Narrator<'_>) -> Vec<ToldEvent> {
    let tell = |Record { at, event }: &Record| ToldEvent {
        at: at.to_string(),
        says: narrator.tell(event),
    };
    records.iter().map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_record::{HostInfo, Moment, Topology};

    fn host(name: &str) -> HostInfo {
        HostInfo {
            name: name.into(),
            service: name.into(),
            replica: 0,
            zone: String::new(),
            role: "service".into(),
        }
    }

    fn at(millis: u64, event: Event) -> Record {
        Record {
            at: Moment::from_nanos(millis * 1_000_000),
            event,
        }
    }

    fn segment(content: u64) -> Event {
        Event::Segment {
            connection: 3,
            back: true,
            offset: 0,
            length: 2,
            content,
            last: false,
            arrives: None,
        }
    }

    #[test]
    fn events_that_read_alike_are_told_in_full_and_the_sender_is_named() {
        let topology = Topology {
            hosts: vec![host("front"), host("back")],
        };
        let connecting = Event::Connecting {
            connection: 3,
            from: 0,
            to: 1,
            port: 80,
        };
        let one = [at(1, connecting.clone()), at(2, segment(17))];
        let other = [at(1, connecting), at(2, segment(18))];
        let found = Difference::between(&one, &other, 3).expect("they differ");
        let told = ToldDifference::of(
            &found,
            &Narrator::of(&topology, &one),
            &Narrator::of(&topology, &other),
        );
        assert_eq!((told.position, told.at_ms), (1, 2.0));
        assert_eq!(told.hosts, ["back"]);
        assert!(told.one[0].says.contains(r#""content":17"#), "{told:?}");
        assert!(told.other[0].says.contains(r#""content":18"#), "{told:?}");
    }
}
