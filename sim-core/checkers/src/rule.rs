//! A rule with its name: what must hold of a run, as closures over what the run left behind.

use crate::{World, expression::RunCondition, rules};
use windtunnel_record::{Event, History, Span, verdict::Severity};

/// What must hold, as it is judged.
pub enum Rule {
    /// A condition on the state of the world, asked whenever what it reads has changed.
    State(rules::state::Quantifier, Box<dyn rules::state::Condition>),
    /// A condition on the state of the world at the end of the run.
    AtTheEnd(Box<dyn rules::state::Condition>),
    /// Two numbers of the state of the world are equal at the end of the run.
    Conserved(Box<dyn rules::state::Condition>),
    /// A condition on the operations of the whole run.
    Threshold(RunCondition),
    /// Some event of the run is like this.
    Sometimes(Box<dyn Fn(&Event) -> bool + Send>),
    /// At the end of the run the operations are like this.
    Eventually(Box<dyn Fn(&History) -> bool + Send>),
    /// Every saga happens as a whole or not at all, and ends.
    SagaAtomic {
        /// The time it may take after the end of the load.
        within: Span,
        /// The facts that tell of its effects, each beside the one that takes it back.
        effects: Vec<[String; 2]>,
    },
    /// Operations succeed again after the last fault.
    Recovers {
        /// The time it may take.
        within: Span,
        /// The share of operations that must succeed, 0 to 1.
        success: f64,
    },
    /// No task of any process panicked.
    NoPanic,
    /// No `main` of a process ended with an error while no fault was on.
    NoFailedMain,
    /// Nothing was attempted that cannot be simulated faithfully.
    Sealed,
}

impl Rule {
    /// The word for this kind of rule in scenarios and reports.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::State(quantifier, _) => quantifier.word(),
            Self::Conserved(_) => "conserved",
            Self::Threshold(_) => "threshold",
            Self::Sometimes(_) => "sometimes",
            Self::Eventually(_) | Self::AtTheEnd(_) => "eventually",
            Self::SagaAtomic { .. } => "saga-atomic",
            Self::Recovers { .. } => "recovers",
            Self::NoPanic => "no-panic",
            Self::NoFailedMain => "no-failed-main",
            Self::Sealed => "sealed",
        }
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

/// A rule, its name, what it is about and how much its violation weighs.
#[derive(Debug)]
pub struct NamedRule {
    /// Its name, unique in the run.
    pub id: String,
    /// What it is about, in a sentence for people; may be empty.
    pub about: String,
    /// Whether a violation fails the run.
    pub severity: Severity,
    /// What must hold.
    pub rule: Rule,
}

impl NamedRule {
    /// `rule` under the name `id`; its violation fails the run.
    pub fn new(id: impl Into<String>, rule: Rule) -> Self {
        Self {
            id: id.into(),
            about: String::new(),
            severity: Severity::Error,
            rule,
        }
    }

    /// `holds` is true after every event that changes what it reads. It must be a pure function.
    pub fn always(
        id: impl Into<String>,
        holds: impl Fn(&World<'_>) -> bool + Send + 'static,
    ) -> Self {
        let quantifier = rules::state::Quantifier::Always;
        Self::new(id, Rule::State(quantifier, Box::new(holds)))
    }

    /// `breaks` is false after every event that changes what it reads. It must be a pure function.
    pub fn never(
        id: impl Into<String>,
        breaks: impl Fn(&World<'_>) -> bool + Send + 'static,
    ) -> Self {
        let quantifier = rules::state::Quantifier::Never;
        Self::new(id, Rule::State(quantifier, Box::new(breaks)))
    }

    /// Some event is `like` this; unknown (not met), never violated, when none is.
    pub fn sometimes(
        id: impl Into<String>,
        like: impl Fn(&Event) -> bool + Send + 'static,
    ) -> Self {
        Self::new(id, Rule::Sometimes(Box::new(like)))
    }

    /// `holds` is true of all operations at the end of the run, after the settle phase.
    pub fn eventually(
        id: impl Into<String>,
        holds: impl Fn(&History) -> bool + Send + 'static,
    ) -> Self {
        Self::new(id, Rule::Eventually(Box::new(holds)))
    }

    /// Every saga happens as a whole or not at all, and ends at most `within` after the load.
    /// `effects` are the facts that tell of its steps, each beside the one that takes it back.
    pub fn saga_atomic(id: impl Into<String>, within: Span, effects: &[[&str; 2]]) -> Self {
        let effects = effects.iter().map(|pair| pair.map(String::from)).collect();
        Self::new(id, Rule::SagaAtomic { within, effects })
    }

    /// From `within` after the last fault on, at least the share `success` of operations succeeds.
    pub fn recovers(id: impl Into<String>, within: Span, success: f64) -> Self {
        Self::new(id, Rule::Recovers { within, success })
    }

    /// The built-in rule that no task panics.
    pub fn no_panic() -> Self {
        Self::new("no-panic", Rule::NoPanic).about("no task of any process panics")
    }

    /// The built-in rule that no process gives up by itself: a `main` that ends with an error while
    /// some fault is on may be how a service protects its data, one that does so otherwise cannot
    /// work.
    pub fn no_failed_main() -> Self {
        let about = "no service ends with an error while no fault is on";
        Self::new("no-failed-main", Rule::NoFailedMain).about(about)
    }

    /// The built-in rule that nothing is attempted which cannot be simulated faithfully.
    pub fn sealed() -> Self {
        let about = "nothing reaches outside the simulation";
        Self::new("sealed", Rule::Sealed).about(about)
    }

    /// The same with a sentence on what it is about.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    /// The same, only told and not failing the run.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}
