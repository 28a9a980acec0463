//! Runs sagas, each in a task of its own, and goes on with them after a crash.

use super::{
    error::SagaError,
    log::{End, LogEvent, LogRecord},
    policy::Policy,
    progress::{Progress, StepState},
    step::{Context, Definition, Direction, Effect, Outcome, Step},
};
use crate::journal::Journal;
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// Is told every event of every saga, after it is in the log. Called outside of every lock.
pub trait Observer: Send + Sync + 'static {
    /// `step` is the name of the step that the event is about.
    fn event(&self, saga: &str, definition: &str, step: Option<&str>, event: &LogEvent);

    /// An event was found in the log when it was opened. A crash may have come between writing an
    /// event and telling it, so an observer that must miss none takes these too, each once.
    fn found(&self, saga: &str, event: &LogEvent) {
        let _ = (saga, event);
    }
}

impl Observer for () {
    fn event(&self, _: &str, _: &str, _: Option<&str>, _: &LogEvent) {}
}

/// Runs sagas. Clones are the same orchestrator. Exactly one may use a log at a time.
#[derive(Clone)]
pub struct Orchestrator {
    inner: Arc<Inner>,
}

struct Inner {
    journal: Journal,
    definitions: BTreeMap<String, Definition>,
    policy: Policy,
    observer: Arc<dyn Observer>,
    sagas: Mutex<Sagas>,
}

#[derive(Default)]
struct Sagas {
    known: BTreeMap<String, Known>,
    /// The ended ones, oldest first.
    ended: VecDeque<String>,
}

struct Known {
    definition: String,
    input: Value,
    end: watch::Receiver<Option<End>>,
}

impl Orchestrator {
    /// Opens the log at `path` and goes on with every saga in it that has not ended.
    ///
    /// # Errors
    /// If the log cannot be opened, tells what cannot have happened, or names a definition that is
    /// not among `definitions`.
    pub async fn open(
        path: impl AsRef<Path>,
        definitions: impl IntoIterator<Item = Definition>,
        policy: Policy,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, SagaError> {
        let (journal, records) = Journal::open_with(path, !policy.planted.no_sync).await?;
        let definitions: BTreeMap<_, _> = definitions
            .into_iter()
            .map(|definition| (definition.name.clone(), definition))
            .collect();
        let history = replay(&records, &*observer)?;
        for progress in history.values() {
            if !definitions.contains_key(&progress.definition) {
                return Err(SagaError::UnknownDefinition(progress.definition.clone()));
            }
        }
        let sagas = Mutex::default();
        let inner = Arc::new(Inner {
            journal,
            definitions,
            policy,
            observer,
            sagas,
        });
        for (saga, progress) in history {
            inner.take_up(saga, progress, false);
        }
        Ok(Self { inner })
    }

    /// Runs a saga to its end. A saga of this id that runs is joined, one that has ended is answered
    /// from memory.
    ///
    /// Cancellation: the saga goes on; dropping the future gives up only the answer.
    ///
    /// # Errors
    /// If there is no such definition, the id was used with another input, or the log fails; in the
    /// last case the saga goes on at the next start.
    pub async fn run(&self, saga: &str, definition: &str, input: Value) -> Result<End, SagaError> {
        let mut end = self.begin(saga, definition, input)?;
        let ended = end
            .wait_for(Option::is_some)
            .await
            .map_err(|_| SagaError::Stopped)?;
        ended.clone().ok_or(SagaError::Stopped)
    }

    fn begin(
        &self,
        saga: &str,
        definition: &str,
        input: Value,
    ) -> Result<watch::Receiver<Option<End>>, SagaError> {
        if !self.inner.definitions.contains_key(definition) {
            return Err(SagaError::UnknownDefinition(definition.into()));
        }
        if let Some(known) = self.inner.sagas().known.get(saga) {
            if known.input == input && known.definition == definition {
                return Ok(known.end.clone());
            }
            return Err(SagaError::OtherInput(saga.into()));
        }
        let progress = Progress::begun(definition.into(), input);
        Ok(self.inner.take_up(saga.into(), progress, true))
    }

    /// How the saga of this id ended, if it is known and has ended.
    pub fn end(&self, saga: &str) -> Option<End> {
        self.inner.sagas().known.get(saga)?.end.borrow().clone()
    }

    /// The sagas that wait for somebody to look, with the step and the reason.
    pub fn parked(&self) -> Vec<(String, End)> {
        self.ends()
            .filter(|(_, end)| matches!(end, Some(End::Parked { .. })))
            .filter_map(|(saga, end)| Some((saga, end?)))
            .collect()
    }

    /// The sagas that have not ended.
    pub fn unfinished(&self) -> Vec<String> {
        self.ends()
            .filter(|(_, end)| end.is_none())
            .map(|(saga, _)| saga)
            .collect()
    }

    fn ends(&self) -> impl Iterator<Item = (String, Option<End>)> {
        let sagas = self.inner.sagas();
        let ends = sagas
            .known
            .iter()
            .map(|(saga, known)| (saga.clone(), known.end.borrow().clone()));
        ends.collect::<Vec<_>>().into_iter()
    }
}

/// How far each saga of a log is.
fn replay(
    records: &[Vec<u8>],
    observer: &dyn Observer,
) -> Result<BTreeMap<String, Progress>, SagaError> {
    let mut history: BTreeMap<String, Progress> = BTreeMap::new();
    for (number, record) in records.iter().enumerate() {
        let LogRecord { saga, event } = serde_json::from_slice(record)
            .map_err(|source| SagaError::Record { number, source })?;
        observer.found(&saga, &event);
        match (history.get_mut(&saga), event) {
            (None, LogEvent::Begun { definition, input }) => {
                history.insert(saga, Progress::begun(definition, input));
            }
            (Some(progress), event) => progress.apply(&saga, &event)?,
            (None, event) => {
                Progress::begun(String::new(), Value::Null).apply(&saga, &event)?;
            }
        }
    }
    Ok(history)
}

impl Inner {
    fn sagas(&self) -> MutexGuard<'_, Sagas> {
        self.sagas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a saga known and, unless it has ended, lets it run.
    fn take_up(
        self: &Arc<Self>,
        saga: String,
        progress: Progress,
        is_new: bool,
    ) -> watch::Receiver<Option<End>> {
        let (sender, end) = watch::channel(progress.end.clone());
        let (definition, input) = (progress.definition.clone(), progress.input.clone());
        let known = Known {
            definition,
            input,
            end: end.clone(),
        };
        self.sagas().known.insert(saga.clone(), known);
        if progress.end.is_some() {
            self.remember_ended(saga);
            return end;
        }
        let inner = self.clone();
        tokio::spawn(async move {
            let mut run = Run {
                inner: &inner,
                saga: saga.clone(),
                progress,
            };
            // A log that fails leaves the saga where it is: it goes on at the next start. Dropping
            // the sender tells whoever waits.
            if let Ok(ended) = run.carry_out(is_new).await {
                inner.remember_ended(saga);
                sender.send_replace(Some(ended));
            }
        });
        end
    }

    fn remember_ended(&self, saga: String) {
        let mut sagas = self.sagas();
        sagas.ended.push_back(saga);
        while sagas.ended.len() > self.policy.remembered {
            if let Some(oldest) = sagas.ended.pop_front() {
                sagas.known.remove(&oldest);
            }
        }
    }
}

/// One saga on its way.
struct Run<'a> {
    inner: &'a Arc<Inner>,
    saga: String,
    progress: Progress,
}

impl Run<'_> {
    async fn carry_out(&mut self, is_new: bool) -> Result<End, SagaError> {
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
        let bytes = serde_json::to_vec(&record)
            .map_err(|source| SagaError::Record { number: 0, source })?;
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
    let mut task = AbortOnDrop(tokio::spawn(effect.call(context)));
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
