//! Where two courses part: the first event in which two runs differ, with its surroundings.

use crate::{event::Record, quantity::Moment};
use serde::{Deserialize, Serialize};

/// The first difference between two lists of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// How many events both have in common before it.
    pub position: usize,
    /// The last of those.
    pub before: Vec<Record>,
    /// The one's events from the difference on; none if it was over.
    pub one: Vec<Record>,
    /// The other's events from the difference on; none if it was over.
    pub other: Vec<Record>,
}

impl Difference {
    /// The first difference between `one` and `other`, with at most `context` events before it and
    /// at most so many of each from it on. None if the lists are the same, event for event in the
    /// canonical form, which is what digests compare.
    pub fn between(one: &[Record], other: &[Record], context: usize) -> Option<Self> {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let same = |(one, other): &(&Record, &Record)| {
            left.clear();
            right.clear();
            one.event.encode(one.at, &mut left);
            other.event.encode(other.at, &mut right);
            left == right
        };
        let position = one.iter().zip(other).take_while(same).count();
        if position == one.len() && position == other.len() {
            return None;
        }
        let from_there = |events: &[Record]| {
            let rest = events[position..].iter();
            rest.take(context.max(1)).cloned().collect()
        };
        Some(Self {
            position,
            before: one[position.saturating_sub(context)..position].to_vec(),
            one: from_there(one),
            other: from_there(other),
        })
    }

    /// When it happened: at the earlier of both events.
    pub fn at(&self) -> Moment {
        let firsts = self.one.first().into_iter().chain(self.other.first());
        firsts.map(|record| record.at).min().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;

    fn paused(hosts: &[u32]) -> Vec<Record> {
        let record = |(at, &host): (usize, &u32)| Record {
            at: Moment::from_nanos(at as u64),
            event: Event::Paused { host },
        };
        hosts.iter().enumerate().map(record).collect()
    }

    #[test]
    fn equal_lists_do_not_differ() {
        assert_eq!(
            Difference::between(&paused(&[1, 2]), &paused(&[1, 2]), 5),
            None
        );
        assert_eq!(Difference::between(&[], &[], 5), None);
    }

    #[test]
    fn the_first_differing_event_is_found_with_what_was_before_and_after() {
        let (one, other) = (paused(&[1, 2, 3, 4, 5]), paused(&[1, 2, 3, 9, 5, 6]));
        let found = Difference::between(&one, &other, 2).expect("they differ");
        assert_eq!(found.position, 3);
        assert_eq!(found.before, one[1..3]);
        assert_eq!(found.one, one[3..5]);
        assert_eq!(found.other, other[3..5]);
        assert_eq!(found.at(), Moment::from_nanos(3));
    }

    #[test]
    fn a_run_that_goes_on_when_the_other_is_over_differs_there() {
        let (one, other) = (paused(&[1, 2]), paused(&[1, 2, 3]));
        let found = Difference::between(&one, &other, 9).expect("they differ");
        assert_eq!((found.position, found.one.len()), (2, 0));
        assert_eq!(found.other[0].event, Event::Paused { host: 3 });
    }

    #[test]
    fn an_instant_alone_is_a_difference() {
        let one = paused(&[1]);
        let mut other = one.clone();
        other[0].at = Moment::from_nanos(7);
        assert!(Difference::between(&one, &other, 0).is_some());
    }
}
