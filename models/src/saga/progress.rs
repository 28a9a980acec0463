//! How far a saga is: a fold over its events that refuses what cannot be.

use super::{
    error::IllegalTransition,
    log::{End, LogEvent},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// How far a step is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum StepState {
    Untouched,
    Started,
    Succeeded(Value),
    /// Refused: nothing to undo.
    Refused,
    /// Its effect may have happened.
    PerhapsDone,
    Undoing,
    Undone,
    Stuck,
}

/// How far a saga is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Progress {
    pub definition: String,
    pub input: Value,
    /// The trace of the request that began it.
    pub trace: Option<String>,
    pub steps: BTreeMap<usize, StepState>,
    /// Why it turns back, once it does.
    pub turned: Option<String>,
    pub end: Option<End>,
}

impl Progress {
    pub fn begun(definition: String, input: Value) -> Self {
        Self {
            definition,
            input,
            trace: None,
            steps: BTreeMap::new(),
            turned: None,
            end: None,
        }
    }

    pub fn state(&self, step: usize) -> StepState {
        self.steps
            .get(&step)
            .cloned()
            .unwrap_or(StepState::Untouched)
    }

    /// Takes the next event in.
    pub fn apply(&mut self, saga: &str, event: &LogEvent) -> Result<(), IllegalTransition> {
        let legal = match event {
            _ if self.end.is_some() => false,
            LogEvent::Begun { .. } => false,
            LogEvent::Started { step } => {
                let fresh = self.state(*step) == StepState::Untouched;
                let before_done =
                    *step == 0 || matches!(self.state(step - 1), StepState::Succeeded(_));
                fresh && before_done && self.turned.is_none()
            }
            LogEvent::Succeeded { step, .. } | LogEvent::Failed { step, .. } => {
                self.state(*step) == StepState::Started
            }
            LogEvent::UndoStarted { step } => {
                let undoable = matches!(
                    self.state(*step),
                    StepState::Succeeded(_) | StepState::PerhapsDone
                );
                undoable && self.turned.is_some()
            }
            LogEvent::UndoFinished { step } | LogEvent::UndoFailed { step, .. } => {
                self.state(*step) == StepState::Undoing
            }
            LogEvent::Ended(End::Done) => {
                self.turned.is_none()
                    && self
                        .steps
                        .values()
                        .all(|state| matches!(state, StepState::Succeeded(_)))
            }
            LogEvent::Ended(_) => self.turned.is_some(),
        };
        if !legal {
            return Err(IllegalTransition {
                saga: saga.into(),
                event: format!("{event:?}"),
                after: format!("{:?}", self.steps),
            });
        }
        self.take(event);
        Ok(())
    }

    fn take(&mut self, event: &LogEvent) {
        let (step, state) = match event {
            LogEvent::Begun { .. } => return,
            LogEvent::Ended(end) => {
                self.end = Some(end.clone());
                return;
            }
            LogEvent::Started { step } => (*step, StepState::Started),
            LogEvent::Succeeded { step, output } => (*step, StepState::Succeeded(output.clone())),
            LogEvent::Failed {
                step,
                perhaps_done,
                because,
            } => {
                self.turned = Some(because.clone());
                let state = if *perhaps_done {
                    StepState::PerhapsDone
                } else {
                    StepState::Refused
                };
                (*step, state)
            }
            LogEvent::UndoStarted { step } => (*step, StepState::Undoing),
            LogEvent::UndoFinished { step } => (*step, StepState::Undone),
            LogEvent::UndoFailed { step, .. } => (*step, StepState::Stuck),
        };
        self.steps.insert(step, state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned() -> Progress {
        let mut progress = Progress::begun("checkout".into(), Value::Null);
        for event in [
            LogEvent::Started { step: 0 },
            LogEvent::Succeeded {
                step: 0,
                output: Value::Null,
            },
            LogEvent::Started { step: 1 },
            LogEvent::Failed {
                step: 1,
                perhaps_done: true,
                because: "late".into(),
            },
        ] {
            progress.apply("s", &event).expect("a legal beginning");
        }
        progress
    }

    #[test]
    fn what_cannot_follow_is_refused() {
        let ended = LogEvent::Ended(End::Done);
        for event in [
            LogEvent::Started { step: 2 },
            LogEvent::Succeeded {
                step: 1,
                output: Value::Null,
            },
            LogEvent::UndoFinished { step: 0 },
            LogEvent::Begun {
                definition: "x".into(),
                input: Value::Null,
                trace: None,
            },
            ended,
        ] {
            let error = turned().apply("s", &event).expect_err("it cannot follow");
            assert_eq!(error.saga, "s", "{event:?}");
        }
    }

    #[test]
    fn undoing_is_legal_only_after_turning_back() {
        assert!(
            turned()
                .apply("s", &LogEvent::UndoStarted { step: 1 })
                .is_ok()
        );
        let mut forward = Progress::begun("checkout".into(), Value::Null);
        forward
            .apply("s", &LogEvent::Started { step: 0 })
            .expect("legal");
        let output = Value::Null;
        forward
            .apply("s", &LogEvent::Succeeded { step: 0, output })
            .expect("legal");
        assert!(
            forward
                .apply("s", &LogEvent::UndoStarted { step: 0 })
                .is_err()
        );
    }

    #[test]
    fn nothing_follows_the_end() {
        let mut progress = turned();
        let end = LogEvent::Ended(End::Undone {
            because: "late".into(),
        });
        progress.apply("s", &end).expect("legal");
        assert!(
            progress
                .apply("s", &LogEvent::UndoStarted { step: 0 })
                .is_err()
        );
    }
}
