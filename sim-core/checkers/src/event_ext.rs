//! Questions that rules ask of an event.

use windtunnel_record::{Event, Fields, Outcome};

/// Short questions, for `sometimes` rules and folds.
pub trait EventExt {
    /// Whether a circuit breaker opened.
    fn is_breaker_open(&self) -> bool;
    /// Whether a service stated the fact `name`.
    fn is_observed(&self, name: &str) -> bool;
    /// The fields of the fact `name`, if this is one.
    fn observed(&self, name: &str) -> Option<&Fields>;
    /// Whether a component of this pattern reported `what`.
    fn is_component(&self, component: &str, what: &str) -> bool;
    /// Whether a fault of this kind (`power-loss`) began.
    fn is_fault_begun(&self, kind: &str) -> bool;
    /// Whether a fault of this kind touched an open request.
    fn is_fault_hit(&self, kind: &str) -> bool;
    /// Whether an operation ended like this.
    fn is_completed(&self, outcome: Outcome) -> bool;
}

impl EventExt for Event {
    fn is_breaker_open(&self) -> bool {
        self.is_component("breaker", "opened")
    }

    fn is_observed(&self, name: &str) -> bool {
        self.observed(name).is_some()
    }

    fn observed(&self, name: &str) -> Option<&Fields> {
        match self {
            Self::Observed {
                name: found,
                fields,
                ..
            } if found == name => Some(fields),
            _ => None,
        }
    }

    fn is_component(&self, component: &str, what: &str) -> bool {
        matches!(self, Self::Component { component: c, what: w, .. } if c == component && w == what)
    }

    fn is_fault_begun(&self, kind: &str) -> bool {
        matches!(self, Self::FaultBegan { kind: found, .. } if found == kind)
    }

    fn is_fault_hit(&self, kind: &str) -> bool {
        matches!(self, Self::FaultHit { kind: found, .. } if found == kind)
    }

    fn is_completed(&self, outcome: Outcome) -> bool {
        matches!(self, Self::Completed { outcome: found, .. } if *found == outcome)
    }
}
