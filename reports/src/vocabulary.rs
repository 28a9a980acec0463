//! The names that components, sagas and gauges use in events, in one place: what a report looks
//! for is decided here and nowhere else.

use windtunnel_record::{Event, Span, Value};

/// The gauge that counts waiting work on a host.
pub const QUEUE_DEPTH: &str = "queue-depth";
/// The gauge that counts busy cores of a host.
pub const CORES_BUSY: &str = "cores-busy";

/// The three states of a circuit breaker; open means that no traffic flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// Traffic flows.
    Closed,
    /// Trial requests flow.
    HalfOpen,
    /// No traffic flows.
    Open,
}

impl BreakerState {
    /// The state in a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }

    /// Reads a state or the transition into it; all usual spellings.
    pub fn read(text: &str) -> Option<Self> {
        let plain: String = text
            .chars()
            .filter(char::is_ascii_alphabetic)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        match plain.as_str() {
            "closed" | "close" => Some(Self::Closed),
            "halfopen" | "halfopened" => Some(Self::HalfOpen),
            "open" | "opened" => Some(Self::Open),
            _ => None,
        }
    }
}

/// How a saga ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SagaEnd {
    /// Every step took effect.
    Done,
    /// Every effect was undone.
    Undone,
    /// It could neither be finished nor undone, and waits for a person.
    Parked,
}

impl SagaEnd {
    fn read(text: &str) -> Option<Self> {
        match text {
            "done" => Some(Self::Done),
            "undone" => Some(Self::Undone),
            "parked" => Some(Self::Parked),
            _ => None,
        }
    }
}

/// A breaker's change of state: the host, the breaker, the state it entered.
pub fn breaker_change(event: &Event) -> Option<(u32, &str, BreakerState)> {
    match event {
        Event::Component {
            host,
            component,
            instance,
            what,
            fields,
        } if component == "breaker" => {
            let state = BreakerState::read(fields.text("to").unwrap_or(what))?;
            Some((*host, instance, state))
        }
        _ => None,
    }
}

/// The endpoint that a gateway's or client's answered request went to.
pub fn answered_endpoint(event: &Event) -> Option<&str> {
    match event {
        Event::Component {
            component,
            what,
            fields,
            ..
        } if what == "answered" && (component == "gateway" || component == "client") => {
            fields.text("endpoint")
        }
        _ => None,
    }
}

/// A try of a request at an endpoint, when it is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Try<'a> {
    /// Who tried.
    pub host: u32,
    /// The endpoint.
    pub endpoint: &'a str,
    /// The trace id of the request.
    pub trace: &'a str,
    /// How long it took.
    pub lasted: Span,
}

/// The try of which a gateway or a client tells what came of it.
pub fn tried(event: &Event) -> Option<Try<'_>> {
    match event {
        Event::Component {
            host,
            component,
            what,
            fields,
            ..
        } if ["answered", "unanswered"].contains(&what.as_str())
            && ["gateway", "client"].contains(&component.as_str()) =>
        {
            let Value::Real(millis) = fields.get("latency-ms")? else {
                return None;
            };
            Some(Try {
                host: *host,
                endpoint: fields.text("endpoint")?,
                trace: fields.text("trace")?,
                lasted: Span::from_secs_f64(millis / 1e3),
            })
        }
        _ => None,
    }
}

/// The end of a saga.
pub fn saga_end(event: &Event) -> Option<SagaEnd> {
    match event {
        Event::Component {
            component,
            what,
            fields,
            ..
        } if component == "saga" => match what.as_str() {
            "ended" => SagaEnd::read(fields.text("outcome")?),
            other => SagaEnd::read(other),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_record::Fields;

    fn component(component: &str, what: &str, fields: Fields) -> Event {
        Event::Component {
            host: 1,
            component: component.into(),
            instance: "x".into(),
            what: what.into(),
            fields,
        }
    }

    #[test]
    fn breaker_states_read_in_all_usual_spellings() {
        for (text, state) in [
            ("closed", BreakerState::Closed),
            ("opened", BreakerState::Open),
            ("half-opened", BreakerState::HalfOpen),
            ("HalfOpen", BreakerState::HalfOpen),
            ("half_open", BreakerState::HalfOpen),
        ] {
            assert_eq!(BreakerState::read(text), Some(state), "{text}");
        }
        assert_eq!(BreakerState::read("rejected"), None);
    }

    #[test]
    fn the_field_to_wins_over_the_name_of_the_transition() {
        let event = component("breaker", "changed", Fields::default().with("to", "open"));
        assert_eq!(breaker_change(&event), Some((1, "x", BreakerState::Open)));
        let event = component("breaker", "opened", Fields::default());
        assert_eq!(breaker_change(&event), Some((1, "x", BreakerState::Open)));
    }

    #[test]
    fn other_components_are_not_mistaken() {
        let event = component("balancer", "opened", Fields::default());
        assert_eq!(breaker_change(&event), None);
        let event = component(
            "gateway",
            "rejected",
            Fields::default().with("endpoint", "a"),
        );
        assert_eq!(answered_endpoint(&event), None);
        let event = component("saga", "ended", Fields::default().with("outcome", "odd"));
        assert_eq!(saga_end(&event), None);
    }
}
