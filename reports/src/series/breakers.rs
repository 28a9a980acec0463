//! In which state each circuit breaker was, and when.

use crate::vocabulary::{BreakerState, breaker_change};
use serde::Serialize;
use std::collections::BTreeMap;
use windtunnel_record::{Event, Moment, RunRecord};

/// A time in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BreakerSpan {
    /// When the state was entered.
    pub from: Moment,
    /// When it was left, or the run ended.
    pub to: Moment,
    /// The state.
    pub state: BreakerState,
}

/// One breaker through the run. Times in which its process did not run are left out; a process
/// starts with its breakers closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakerTrack {
    /// The host it lives on.
    pub host: String,
    /// Which one on that host.
    pub instance: String,
    /// The states in order of time.
    pub spans: Vec<BreakerSpan>,
}

impl BreakerTrack {
    /// Host and instance in one name.
    pub fn name(&self) -> String {
        if self.instance.is_empty() {
            self.host.clone()
        } else if self.instance.starts_with(&self.host) {
            self.instance.clone()
        } else {
            format!("{}: {}", self.host, self.instance)
        }
    }
}

/// The state a breaker is in since when, if its process runs.
type Current = Option<(Moment, BreakerState)>;

#[derive(Default)]
struct Open {
    current: Current,
    spans: Vec<BreakerSpan>,
}

impl Open {
    fn enter(&mut self, at: Moment, next: Option<BreakerState>) {
        if let Some((from, state)) = self.current {
            if next == Some(state) {
                return;
            }
            if at > from {
                self.spans.push(BreakerSpan {
                    from,
                    to: at,
                    state,
                });
            }
        }
        self.current = next.map(|state| (at, state));
    }
}

/// The breakers of a run that changed their state at least once, by host and instance.
pub fn breakers(run: &RunRecord) -> Vec<BreakerTrack> {
    let mut tracks: BTreeMap<(u32, &str), Open> = BTreeMap::new();
    for record in &run.events {
        if let Some((host, instance, _)) = breaker_change(&record.event) {
            tracks.entry((host, instance)).or_default().current =
                Some((Moment::START, BreakerState::Closed));
        }
    }
    for record in &run.events {
        let ended = match &record.event {
            Event::Stopped { host, .. } => Some((*host, None)),
            Event::Started { host, incarnation } if *incarnation > 0 => {
                Some((*host, Some(BreakerState::Closed)))
            }
            _ => None,
        };
        if let Some((host, next)) = ended {
            for (_, open) in tracks
                .range_mut((host, "")..)
                .take_while(|(key, _)| key.0 == host)
            {
                open.enter(record.at, next);
            }
        } else if let Some((host, instance, state)) = breaker_change(&record.event)
            && let Some(open) = tracks.get_mut(&(host, instance))
        {
            open.enter(record.at, Some(state));
        }
    }
    let end = Moment::START + run.simulated;
    tracks
        .into_iter()
        .map(|((host, instance), mut open)| {
            open.enter(end, None);
            BreakerTrack {
                host: run.topology.name(host).into(),
                instance: instance.into(),
                spans: open.spans,
            }
        })
        .collect()
}
