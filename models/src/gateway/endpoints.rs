//! What a gateway knows of its endpoints at this moment.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::telemetry::{Family, Kind, Source, state_word};
use super::{Config, Gateway};

/// One endpoint at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EndpointState {
    /// Its upstream.
    #[serde(serialize_with = "text")]
    pub upstream: Arc<str>,
    /// Where it listens.
    #[serde(serialize_with = "text")]
    pub endpoint: Arc<str>,
    /// Attempts in flight.
    pub in_flight: usize,
    /// The state of its breaker; none if it has none.
    pub breaker: Option<&'static str>,
    /// Whether it is left out as an outlier.
    pub ejected: bool,
}

fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl Gateway {
    /// All endpoints of the configuration that is in force, by upstream.
    pub fn endpoints(&self) -> Vec<EndpointState> {
        let snapshot = self.snapshot();
        let upstreams = snapshot.upstreams.values();
        upstreams.flat_map(|upstream| upstream.states()).collect()
    }

    /// The configuration that is in force.
    pub fn config(&self) -> Config {
        self.snapshot().config.clone()
    }
}

impl super::upstream::Upstream {
    fn states(&self) -> Vec<EndpointState> {
        let loads = self.loads().into_iter();
        let state = |(endpoint, in_flight): (Arc<str>, usize)| EndpointState {
            upstream: self.name().clone(),
            breaker: self.breaker_state(&endpoint).map(state_word),
            ejected: self.is_ejected(&endpoint),
            endpoint,
            in_flight,
        };
        let mut states: Vec<_> = loads.map(state).collect();
        states.sort_by(|one, other| one.endpoint.cmp(&other.endpoint));
        states
    }
}

impl Source for Gateway {
    fn gather(&self) -> Vec<Family> {
        let gauge = |name, help| Family::new(name, Kind::Gauge, help);
        let mut in_flight = gauge(
            "gateway_endpoint_in_flight",
            "Attempts in flight at an endpoint.",
        );
        let mut ejected = gauge(
            "gateway_endpoint_ejected",
            "1 if an endpoint is left out as an outlier.",
        );
        let mut breaker = gauge(
            "gateway_endpoint_breaker",
            "1 for the state that an endpoint's breaker has.",
        );
        for state in self.endpoints() {
            let named = || {
                vec![
                    ("upstream", state.upstream.clone()),
                    ("endpoint", state.endpoint.clone()),
                ]
            };
            in_flight.push(named(), state.in_flight as u64);
            ejected.push(named(), state.ejected.into());
            if let Some(word) = state.breaker {
                let mut labels = named();
                labels.push(("state", word.into()));
                breaker.push(labels, 1);
            }
        }
        vec![in_flight, ejected, breaker]
    }
}
