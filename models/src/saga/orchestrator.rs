//! Runs sagas, each in a task of its own, and goes on with them after a crash.

use super::{
    error::SagaError,
    log::{End, LogRecord},
    observer::Observer,
    policy::Policy,
    progress::Progress,
    replay::replay,
    run::Run,
    step::Definition,
};
use crate::{journal::Journal, trace};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::watch;

/// Runs sagas. Clones are the same orchestrator. Exactly one may use a log at a time.
#[derive(Clone)]
pub struct Orchestrator {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) journal: Journal,
    pub(super) definitions: BTreeMap<String, Definition>,
    pub(super) policy: Policy,
    pub(super) observer: Arc<dyn Observer>,
    sagas: Mutex<Sagas>,
    /// The size of the log above which forgotten sagas are taken out of it.
    compacts_above: AtomicU64,
}

#[derive(Default)]
struct Sagas {
    known: BTreeMap<String, Known>,
    /// The ended ones that may be forgotten, oldest first.
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
    /// not among `definitions`, or a step that its definition does not have.
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
        let mut history = replay(&records, &*observer)?;
        for (saga, progress) in &history.sagas {
            fits(saga, progress, &definitions)?;
        }
        let compacts_above = AtomicU64::new(policy.compacts_above);
        let inner = Arc::new(Inner {
            journal,
            definitions,
            policy,
            observer,
            sagas: Mutex::default(),
            compacts_above,
        });
        for saga in history.ended {
            if let Some(progress) = history.sagas.remove(&saga) {
                inner.sagas().know(&saga, &progress);
                inner.has_ended(saga, progress.end.as_ref());
            }
        }
        let unfinished: Vec<_> = history
            .sagas
            .into_iter()
            .map(|(saga, progress)| {
                let sender = inner.sagas().know(&saga, &progress);
                (saga, progress, sender)
            })
            .collect();
        // Only now: what is not known would be taken out of the log.
        inner.compact_if_large().await;
        for (saga, progress, sender) in unfinished {
            inner.set_off(saga, progress, sender, false);
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
        // Under one lock: of two requests that come at once only one may begin the saga.
        let mut sagas = self.inner.sagas();
        if let Some(known) = sagas.known.get(saga) {
            if known.input == input && known.definition == definition {
                return Ok(known.end.clone());
            }
            return Err(SagaError::OtherInput(saga.into()));
        }
        let mut progress = Progress::begun(definition.into(), input);
        progress.trace = trace::present_text();
        let sender = sagas.know(saga, &progress);
        drop(sagas);
        let end = sender.subscribe();
        self.inner.set_off(saga.into(), progress, sender, true);
        Ok(end)
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

/// Whether a definition tells all that the saga's log speaks of.
fn fits(
    saga: &str,
    progress: &Progress,
    definitions: &BTreeMap<String, Definition>,
) -> Result<(), SagaError> {
    let Some(definition) = definitions.get(&progress.definition) else {
        return Err(SagaError::UnknownDefinition(progress.definition.clone()));
    };
    match progress.steps.keys().next_back() {
        Some(&step) if step >= definition.steps.len() => Err(SagaError::UnknownStep {
            saga: saga.into(),
            step,
        }),
        _ => Ok(()),
    }
}

impl Sagas {
    /// Makes a saga known; the sender tells its end.
    fn know(&mut self, saga: &str, progress: &Progress) -> watch::Sender<Option<End>> {
        let (sender, end) = watch::channel(progress.end.clone());
        let known = Known {
            definition: progress.definition.clone(),
            input: progress.input.clone(),
            end,
        };
        self.known.insert(saga.into(), known);
        sender
    }
}

impl Inner {
    fn sagas(&self) -> MutexGuard<'_, Sagas> {
        self.sagas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a saga run in a task of its own, in the trace of the request that began it.
    fn set_off(
        self: &Arc<Self>,
        saga: String,
        progress: Progress,
        sender: watch::Sender<Option<End>>,
        is_new: bool,
    ) {
        let inner = self.clone();
        let trace = progress.trace.as_deref().and_then(trace::of_text);
        tokio::spawn(trace::within(trace, async move {
            let mut run = Run {
                inner: &inner,
                saga: saga.clone(),
                progress,
            };
            // A log that fails leaves the saga where it is: it goes on at the next start. Dropping
            // the sender tells whoever waits.
            if let Ok(ended) = run.carry_out(is_new).await {
                inner.has_ended(saga, Some(&ended));
                sender.send_replace(Some(ended));
                inner.compact_if_large().await;
            }
        }));
    }

    /// Forgets the oldest of too many ended sagas. A parked one waits for somebody to look, and is
    /// never forgotten.
    fn has_ended(&self, saga: String, end: Option<&End>) {
        if matches!(end, Some(End::Parked { .. })) {
            return;
        }
        let mut sagas = self.sagas();
        sagas.ended.push_back(saga);
        while sagas.ended.len() > self.policy.remembered {
            if let Some(oldest) = sagas.ended.pop_front() {
                sagas.known.remove(&oldest);
            }
        }
    }

    /// Takes forgotten sagas out of a log that has grown large.
    async fn compact_if_large(self: &Arc<Self>) {
        let limit = self.compacts_above.load(Ordering::Relaxed);
        if self.journal.size() <= limit {
            return;
        }
        // Nobody else compacts while this does.
        let claimed = self.compacts_above.compare_exchange(
            limit,
            u64::MAX,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if claimed.is_err() {
            return;
        }
        let inner = self.clone();
        // A log that could not be made shorter is only longer; one that broke says so at the next
        // append.
        let _ = self
            .journal
            .rewrite(move |records| inner.without_forgotten(records))
            .await;
        // What is remembered may itself be large: the next time comes when the log has doubled.
        let next = self
            .policy
            .compacts_above
            .max(self.journal.size().saturating_mul(2));
        self.compacts_above.store(next, Ordering::Relaxed);
    }

    /// The records of the sagas that are known. All of them are judged at one moment, so that of a
    /// saga that is begun again meanwhile everything stays or nothing does.
    fn without_forgotten(&self, records: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let sagas = self.sagas();
        let is_known = |record: &Vec<u8>| {
            serde_json::from_slice::<LogRecord>(record)
                .is_ok_and(|record| sagas.known.contains_key(&record.saga))
        };
        records.into_iter().filter(is_known).collect()
    }
}
