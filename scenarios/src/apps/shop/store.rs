//! A durable book of changes, each made at most once by its key and undone at most once.
//!
//! The journal holds every decision; the book in memory is its fold. A do that arrives after its undo
//! is refused (a tombstone stands in its place), and an undo of what never happened succeeds. A refusal
//! is final: it leaves a tombstone too, or else an earlier copy of the request that is still on its way
//! would be granted once there is enough again, for a caller who was told no.

use super::Change;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use windtunnel_models::{journal::Journal, trace};

/// What the journal says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
enum Entry {
    Did(Change),
    Undid { key: String },
}

/// How far a change is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Decided, and on its way to the disk.
    Writing,
    Done(Change),
    Undone,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done now.
    Now,
    /// It had been done before, or there was nothing to undo.
    Before,
    /// It cannot be done.
    Refused(&'static str),
    /// The same change is being decided by another request; ask again.
    Busy,
}

struct Book {
    states: BTreeMap<String, State>,
    /// What each subject has: items in stock, cents of a customer.
    balances: BTreeMap<String, i64>,
}

/// How many changes are told again when a book is opened.
const RETOLD: usize = 64;

/// The book of one replica.
#[derive(Clone)]
pub struct Store {
    journal: Journal,
    book: Arc<Mutex<Book>>,
    /// What a subject has that the book does not know yet.
    initial: i64,
    /// Without idempotency every request is a new change.
    forgets_keys: bool,
    tell: Tell,
}

/// States a change as a fact. Called as soon as the change is durable, whether or not somebody still
/// waits for the answer.
pub type Tell = fn(Step, &Change);

/// Which way a change went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was made.
    Made,
    /// It was undone.
    Undone,
}

impl Store {
    /// Opens the book in `directory`.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn open(
        directory: &Path,
        initial: i64,
        forgets_keys: bool,
        tell: Tell,
    ) -> io::Result<Self> {
        let (journal, records) = Journal::open(directory.join("journal"))
            .await
            .map_err(io::Error::other)?;
        // A crash may have come between the writing of a change and its telling: the last ones are
        // told again. Whoever listens takes a fact once.
        let tail = records.len().saturating_sub(RETOLD);
        let mut book = Book {
            states: BTreeMap::new(),
            balances: BTreeMap::new(),
        };
        for (number, record) in records.into_iter().enumerate() {
            let retold = number >= tail;
            match serde_json::from_slice(&record).map_err(io::Error::other)? {
                Entry::Did(change) => {
                    if retold {
                        tell(Step::Made, &change);
                    }
                    *book
                        .balances
                        .entry(change.subject.clone())
                        .or_insert(initial) -= change.amount;
                    book.states.insert(change.key.clone(), State::Done(change));
                }
                Entry::Undid { key } => {
                    if let Some(State::Done(change)) = book.states.insert(key, State::Undone) {
                        if retold {
                            tell(Step::Undone, &change);
                        }
                        *book.balances.entry(change.subject).or_insert(initial) += change.amount;
                    }
                }
            }
        }
        Ok(Self {
            journal,
            book: Arc::new(Mutex::new(book)),
            initial,
            forgets_keys,
            tell,
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a subject has.
    pub fn balance(&self, subject: &str) -> i64 {
        self.book()
            .balances
            .get(subject)
            .copied()
            .unwrap_or(self.initial)
    }

    /// Takes `amount` from the subject, once for this key.
    ///
    /// Cancellation: what was decided is written all the same.
    ///
    /// # Errors
    /// If the journal cannot be written; nothing is known then but what a restart will read.
    pub async fn make(&self, mut change: Change) -> io::Result<Answer> {
        let enough = {
            let mut book = self.book();
            match book.states.get(&change.key) {
                Some(State::Undone) => return Ok(Answer::Refused("it was undone before it came")),
                Some(State::Writing) => return Ok(Answer::Busy),
                Some(State::Done(_)) if !self.forgets_keys => return Ok(Answer::Before),
                Some(State::Done(_)) => {
                    change.key = format!("{}#{}", change.key, book.states.len())
                }
                None => {}
            }
            let has = book
                .balances
                .entry(change.subject.clone())
                .or_insert(self.initial);
            let enough = *has >= change.amount;
            if enough {
                *has -= change.amount;
            }
            book.states.insert(change.key.clone(), State::Writing);
            enough
        };
        if !enough {
            self.bury(change.key, None).await?;
            return Ok(Answer::Refused("there is not enough"));
        }
        let store = self.clone();
        let task = trace::spawn(async move {
            store.write(&Entry::Did(change.clone())).await?;
            (store.tell)(Step::Made, &change);
            let done = State::Done(change.clone());
            store.book().states.insert(change.key.clone(), done);
            Ok(Answer::Now)
        });
        task.await.unwrap_or_else(|error| Err(error.into()))
    }

    /// Gives back what the change with this key took; once, and without effect if it never came.
    ///
    /// Cancellation: what was decided is written all the same.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn undo(&self, key: &str) -> io::Result<Answer> {
        let taken = {
            let mut book = self.book();
            match book.states.get(key).cloned() {
                Some(State::Writing) => return Ok(Answer::Busy),
                Some(State::Undone) => return Ok(Answer::Before),
                Some(State::Done(change)) => {
                    book.states.insert(key.into(), State::Writing);
                    Some(change)
                }
                None => {
                    book.states.insert(key.into(), State::Writing);
                    None
                }
            }
        };
        self.bury(key.to_owned(), taken).await
    }

    /// Writes the tombstone of a key that is marked as being written, and gives back what was taken.
    async fn bury(&self, key: String, taken: Option<Change>) -> io::Result<Answer> {
        let store = self.clone();
        let task = trace::spawn(async move {
            store.write(&Entry::Undid { key: key.clone() }).await?;
            if let Some(change) = &taken {
                (store.tell)(Step::Undone, change);
            }
            let mut book = store.book();
            book.states.insert(key, State::Undone);
            let Some(change) = taken else {
                return Ok(Answer::Before);
            };
            *book
                .balances
                .entry(change.subject.clone())
                .or_insert(store.initial) += change.amount;
            Ok(Answer::Now)
        });
        task.await.unwrap_or_else(|error| Err(error.into()))
    }

    async fn write(&self, entry: &Entry) -> io::Result<()> {
        let bytes = serde_json::to_vec(entry).map_err(io::Error::other)?;
        self.journal.append(&bytes).await.map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: &str, amount: i64) -> Change {
        Change {
            key: key.into(),
            saga: "s".into(),
            order: "o".into(),
            subject: "item".into(),
            amount,
        }
    }

    async fn open(name: &str) -> Store {
        let directory = std::env::temp_dir().join(format!("windtunnel-store-{name}"));
        let _ = tokio::fs::remove_dir_all(&directory).await;
        Store::open(&directory, 10, false, |_, _| {})
            .await
            .expect("a new book")
    }

    #[tokio::test]
    async fn a_change_is_made_once_for_its_key_and_undone_once() {
        let store = open("once").await;
        assert!(matches!(
            store.make(change("k", 4)).await.expect("written"),
            Answer::Now
        ));
        assert_eq!(
            store.make(change("k", 4)).await.expect("known"),
            Answer::Before
        );
        assert_eq!(store.balance("item"), 6);
        assert!(matches!(
            store.undo("k").await.expect("written"),
            Answer::Now
        ));
        assert_eq!(store.undo("k").await.expect("known"), Answer::Before);
        assert_eq!(store.balance("item"), 10);
    }

    #[tokio::test]
    async fn a_change_that_comes_after_its_undo_is_refused() {
        let store = open("late").await;
        assert_eq!(store.undo("k").await.expect("written"), Answer::Before);
        assert!(matches!(
            store.make(change("k", 4)).await.expect("known"),
            Answer::Refused(_)
        ));
        assert_eq!(store.balance("item"), 10);
    }

    #[tokio::test]
    async fn a_refusal_is_final_also_when_there_is_enough_again_and_after_a_restart() {
        let directory = std::env::temp_dir().join("windtunnel-store-final");
        let _ = tokio::fs::remove_dir_all(&directory).await;
        for opened in 0..2 {
            let store = Store::open(&directory, 10, false, |_, _| {}).await;
            let store = store.expect("a book");
            if opened == 0 {
                store.make(change("first", 8)).await.expect("written");
                let refused = store.make(change("late", 4)).await.expect("written");
                assert_eq!(refused, Answer::Refused("there is not enough"));
                store.undo("first").await.expect("written");
            }
            assert_eq!(store.balance("item"), 10);
            let again = store.make(change("late", 4)).await.expect("known");
            assert!(matches!(again, Answer::Refused(_)), "{again:?}");
            assert_eq!(store.undo("late").await.expect("known"), Answer::Before);
            assert_eq!(store.balance("item"), 10);
        }
    }

    #[tokio::test]
    async fn more_than_there_is_cannot_be_taken() {
        let store = open("short").await;
        assert!(matches!(
            store.make(change("a", 11)).await.expect("known"),
            Answer::Refused(_)
        ));
        assert_eq!(store.balance("item"), 10);
    }
}
