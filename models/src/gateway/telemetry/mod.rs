//! What a gateway counts, and how it is read: rate, errors and duration per route and per upstream.
//!
//! It prevents that an operator has to guess. It can cause two failures of its own: labels that strangers
//! choose (a path, a host) make a new series for each of their requests, until memory ends; and counters
//! behind a lock are a bottleneck in front of everything. So series have the names of the configuration
//! only, and at most a fixed number of them; and counting is an addition to an atomic number.
//!
//! [`Telemetry`] counts (it is an [`Observer`] of a gateway and of its server), [`Source::gather`] takes a
//! reading, [`exposition`] writes readings for Prometheus, and [`json`] for people.

mod counts;
mod exposition;
mod family;
mod gather;
mod histogram;
mod json;
mod series;

use std::sync::Arc;

pub use counts::Telemetry;
pub use exposition::{Format, exposition};
pub use family::{Exemplar, Family, Kind, Reading, Sample, Source, Value};
pub use json::json;

pub(super) use counts::state_word;

use super::Observer;

/// Two observers see the same; the first one first.
#[derive(Clone, Copy, Debug)]
pub struct Both<A, B>(pub A, pub B);

macro_rules! both {
    ($($name:ident: $type:ty),* $(,)?) => {
        impl<A: Observer, B: Observer> Observer for Both<A, B> {
            $(fn $name(&self, seen: &$type) {
                self.0.$name(seen);
                self.1.$name(seen);
            })*
        }

        /// Somebody looks, or nobody.
        impl<A: Observer> Observer for Option<A> {
            $(fn $name(&self, seen: &$type) {
                if let Some(one) = self {
                    one.$name(seen);
                }
            })*
        }
    };
}

both!(
    access: super::Access<'_>,
    sending: crate::http::Sending,
    attempt: super::Attempt<'_>,
    load: super::Load<'_>,
    retry: super::Retrying<'_>,
    breaker: super::BreakerChange<'_>,
    outlier: super::OutlierChange<'_>,
    mirrored: super::Mirrored<'_>,
    rejected: super::BreakerRejection<'_>,
);

/// Readings of several sources, by name.
pub fn gather(sources: &[Arc<dyn Source>]) -> Vec<Family> {
    let mut all: Vec<Family> = sources.iter().flat_map(|source| source.gather()).collect();
    all.sort_by_key(|family| family.name);
    all
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_observers_see_all_that_one_can() {
        let rule = include_str!("../observer.rs");
        let (_, rule) = rule.split_once("pub trait Observer").expect("it is there");
        let (rule, _) = rule.split_once("\n}\n").expect("it ends");
        let seen = rule.lines().filter_map(|line| {
            let (name, rest) = line.trim().strip_prefix("fn ")?.split_once('(')?;
            rest.starts_with("&self, ").then_some(name)
        });
        let seen: Vec<&str> = seen.collect();
        assert!(seen.len() >= 9, "{seen:?}");
        let here = include_str!("mod.rs");
        let (_, list) = here.split_once("\nboth!(").expect("it is there");
        let (list, _) = list.split_once(");").expect("it ends");
        for name in seen {
            let line = format!("\n    {name}: ");
            assert!(list.contains(&line), "`both!` does not pass on `{name}`");
        }
    }
}
