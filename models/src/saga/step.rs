//! What a saga consists of.

use serde_json::Value;
use std::{collections::BTreeMap, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

/// Forward or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The effect itself.
    Do,
    /// Its undoing.
    Undo,
}

/// What an effect is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// The saga.
    pub saga: String,
    /// The step.
    pub step: String,
    /// The same for every try of this effect: saga, step and direction.
    pub key: String,
    /// What the saga was begun with.
    pub input: Value,
    /// What the steps before gave, by their names; for an undo also what its own step gave, if that
    /// is known.
    pub outputs: BTreeMap<String, Value>,
}

/// What came of one try of an effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It happened.
    Done(Value),
    /// It certainly did not happen, and will not.
    Refused(String),
    /// It may have happened.
    Unknown(String),
}

/// An effect or an undo. It is called again with the same key until its outcome is known, so it must
/// be idempotent by that key; an undo must also bear that its effect never happened.
pub trait Effect: Send + Sync + 'static {
    /// Tries it once.
    fn call(&self, context: Context) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;
}

impl<F, Fut> Effect for F
where
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    fn call(&self, context: Context) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
        Box::pin(self(context))
    }
}

/// A step: an effect and how to undo it.
#[derive(Clone)]
pub struct Step {
    pub(super) name: String,
    pub(super) effect: Arc<dyn Effect>,
    pub(super) undo: Option<Arc<dyn Effect>>,
    pub(super) timeout: Duration,
}

impl Step {
    /// A step that cannot be undone and need not be.
    pub fn new(name: impl Into<String>, effect: impl Effect) -> Self {
        let timeout = Duration::from_secs(1);
        Self {
            name: name.into(),
            effect: Arc::new(effect),
            undo: None,
            timeout,
        }
    }

    /// The same with an undo.
    #[must_use]
    pub fn undone_by(mut self, undo: impl Effect) -> Self {
        self.undo = Some(Arc::new(undo));
        self
    }

    /// The same with this much time for each try; 1 s by default. What takes longer is unknown.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// A saga's steps in order.
#[derive(Clone)]
pub struct Definition {
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
    pub(super) pivot: Option<usize>,
}

impl Definition {
    /// A definition without steps.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            steps: Vec::new(),
            pivot: None,
        }
    }

    /// The same with one more step at its end.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The step just added is the pivot: those after it are retried until they succeed.
    #[must_use]
    pub fn pivot(mut self) -> Self {
        self.pivot = self.steps.len().checked_sub(1);
        self
    }

    /// The names of the steps in order.
    pub fn step_names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| step.name.as_str())
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<_> = self.step_names().collect();
        f.debug_struct("Definition")
            .field("name", &self.name)
            .field("steps", &steps)
            .finish()
    }
}
