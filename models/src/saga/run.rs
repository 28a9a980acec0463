//! One saga on its way: forward step by step, or back.

use super::{
    error::SagaError,
    log::{End, LogEvent, LogRecord},
    orchestrator::Inner,
    progress::{Progress, StepState},
    step::{Context, Definition, Direction, Effect, Outcome, Step},
};
use crate::trace;
use std::sync::Arc;
use tokio::time::{sleep, timeout};

/// One saga on its way.
pub(super) struct Run<'a> {
    pub inner: &'a Inner,
    pub saga: String,
    pub progress: Progress,
}

impl Run<'_> {
    /// Goes on from where the saga is to its end. `is_new` if the log does not know it yet.
    pub async fn carry_out(&mut self, is_new: bool) -> Result<End, SagaError> {
        let definition = self.inner.definitions[&self.progress.definition].clone();
        let late = self.inner.policy.planted.log_after_effect;
        if is_new && !late {
            self.log_begin().await?;
        }
        for (number, step) in definition.steps.iter().enumerate() {
            if self.progress.turned.is_some() {
                break;
            }
            self.forward(&definition, number, step, is_new && late && number == 0)
                .await?;
        }
        if self.progress.turned.is_none() {
            return self.finish(End::Done).await;
        }
        self.back(&definition).await
    }

    async fn log_begin(&self) -> Result<(), SagaError> {
        let definition = self.progress.definition.clone();
        let event = LogEvent::Begun {
            definition,
            input: self.progress.input.clone(),
            trace: self.progress.trace.clone(),
        };
        self.write(&event).await
    }

    /// Does a step, unless that was done before a crash.
    async fn forward(
        &mut self,
        definition: &Definition,
        number: usize,
        step: &Step,
        begin_is_due: bool,
    ) -> Result<(), SagaError> {
        let late = self.inner.policy.planted.log_after_effect;
        match self.progress.state(number) {
            StepState::Untouched if !late => self.log(LogEvent::Started { step: number }).await?,
            StepState::Untouched | StepState::Started => {}
            _ => return Ok(()),
        }
        let past_pivot = definition.pivot.is_some_and(|pivot| number > pivot);
        let tries = if past_pivot {
            None
        } else {
            Some(self.inner.policy.effect_tries)
        };
        let context = self.context(definition, step, Direction::Do);
        let outcome = self.try_effect(&step.effect, &context, step, tries).await;
        if begin_is_due {
            self.log_begin().await?;
        }
        if self.progress.state(number) == StepState::Untouched {
            self.log(LogEvent::Started { step: number }).await?;
        }
        let refused_unknown = self.inner.policy.planted.unknown_is_refused;
        let event = match outcome {
            Outcome::Done(output) => LogEvent::Succeeded {
                step: number,
                output,
            },
            Outcome::Refused(because) => LogEvent::Failed {
                step: number,
                perhaps_done: false,
                because,
            },
            Outcome::Unknown(because) => LogEvent::Failed {
                step: number,
                perhaps_done: !refused_unknown,
                because,
            },
        };
        self.log(event).await
    }

    /// Undoes what may have happened, last first.
    async fn back(&mut self, definition: &Definition) -> Result<End, SagaError> {
        let policy = self.inner.policy.clone();
        for (number, step) in definition.steps.iter().enumerate().rev() {
            let Some(undo) = step.undo.clone().filter(|_| !policy.planted.never_undo) else {
                continue;
            };
            match self.progress.state(number) {
                StepState::Succeeded(_) | StepState::PerhapsDone => {
                    self.log(LogEvent::UndoStarted { step: number }).await?;
                }
                StepState::Undoing => {}
                StepState::Stuck => return self.park(step, "its undo failed before").await,
                _ => continue,
            }
            let tries = if policy.planted.undo_tried_once {
                1
            } else {
                policy.undo_tries
            };
            let context = self.context(definition, step, Direction::Undo);
            let failure = match self.try_effect(&undo, &context, step, Some(tries)).await {
                Outcome::Done(_) => {
                    self.log(LogEvent::UndoFinished { step: number }).await?;
                    continue;
                }
                Outcome::Refused(because) | Outcome::Unknown(because) => because,
            };
            let because = failure.clone();
            self.log(LogEvent::UndoFailed {
                step: number,
                because,
            })
            .await?;
            return self.park(step, &failure).await;
        }
        let because = self.progress.turned.clone().unwrap_or_default();
        self.finish(End::Undone { because }).await
    }

    async fn park(&mut self, step: &Step, because: &str) -> Result<End, SagaError> {
        self.finish(End::Parked {
            step: step.name.clone(),
            because: because.into(),
        })
        .await
    }

    async fn finish(&mut self, end: End) -> Result<End, SagaError> {
        self.log(LogEvent::Ended(end.clone())).await?;
        Ok(end)
    }

    fn context(&self, definition: &Definition, step: &Step, direction: Direction) -> Context {
        let outputs = definition
            .steps
            .iter()
            .enumerate()
            .filter_map(|(number, step)| match self.progress.state(number) {
                StepState::Succeeded(output) => Some((step.name.clone(), output)),
                _ => None,
            });
        let way = match direction {
            Direction::Do => "do",
            Direction::Undo => "undo",
        };
        Context {
            saga: self.saga.clone(),
            step: step.name.clone(),
            key: format!("{}/{}/{way}", self.saga, step.name),
            input: self.progress.input.clone(),
            outputs: outputs.collect(),
        }
    }

    /// Tries an effect until its outcome is known or the tries are used up; without a limit until it
    /// happened.
    async fn try_effect(
        &self,
        effect: &Arc<dyn Effect>,
        context: &Context,
        step: &Step,
        tries: Option<u32>,
    ) -> Outcome {
        let mut tried = 0;
        loop {
            tried += 1;
            let mut context = context.clone();
            if self.inner.policy.planted.new_key_on_retry && tried > 1 {
                context.key = format!("{}#{tried}", context.key);
            }
            let outcome = try_once(effect, context, step).await;
            let used_up = tries.is_some_and(|tries| tried >= tries);
            match outcome {
                Outcome::Unknown(because) if used_up => return Outcome::Unknown(because),
                Outcome::Refused(_) if tries.is_none() => {}
                Outcome::Unknown(_) => {}
                known => return known,
            }
            sleep(self.inner.policy.wait(tried)).await;
        }
    }

    /// Checks that the event may follow and puts it into the log.
    async fn log(&mut self, event: LogEvent) -> Result<(), SagaError> {
        self.progress.apply(&self.saga, &event)?;
        self.write(&event).await
    }

    async fn write(&self, event: &LogEvent) -> Result<(), SagaError> {
        let record = LogRecord {
            saga: self.saga.clone(),
            event: event.clone(),
        };
        let bytes = serde_json::to_vec(&record).map_err(SagaError::Unwritable)?;
        self.inner.journal.append(&bytes).await?;
        let definition = &self.inner.definitions[&self.progress.definition];
        let step = match event {
            LogEvent::Started { step }
            | LogEvent::Succeeded { step, .. }
            | LogEvent::Failed { step, .. }
            | LogEvent::UndoStarted { step }
            | LogEvent::UndoFinished { step }
            | LogEvent::UndoFailed { step, .. } => definition.steps.get(*step),
            LogEvent::Begun { .. } | LogEvent::Ended(_) => None,
        };
        let step = step.map(|step| step.name.as_str());
        self.inner
            .observer
            .event(&self.saga, &definition.name, step, event);
        Ok(())
    }
}

/// One try. A time-out, a panic and an end by others leave the outcome unknown.
async fn try_once(effect: &Arc<dyn Effect>, context: Context, step: &Step) -> Outcome {
    let mut task = AbortOnDrop(trace::spawn(effect.call(context)));
    match timeout(step.timeout, &mut task.0).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Outcome::Unknown(error.to_string()),
        Err(_) => Outcome::Unknown(format!("no answer within {:?}", step.timeout)),
    }
}

/// Ends the try when nobody waits for it any more.
struct AbortOnDrop(tokio::task::JoinHandle<Outcome>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
