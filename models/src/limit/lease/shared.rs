//! A shared limit as a process uses it: spends at once, and asks in the background.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Ask, Grant, Holder, HolderCounts};
use crate::limit::Refused;

/// The way to the ledger.
pub trait Transport {
    /// Why there was no answer. It makes no difference which way the way is blocked.
    type Error;

    /// Sends `ask` and waits for the answer; none if the ledger has none for it. The future may be
    /// dropped at any time.
    fn ask(&self, ask: Ask) -> impl Future<Output = Result<Option<Grant>, Self::Error>> + Send;
}

/// A limit shared with other processes.
#[derive(Debug)]
pub struct SharedLimiter<T> {
    holder: Mutex<Holder>,
    spent: Notify,
    transport: T,
}

impl<T: Transport> SharedLimiter<T> {
    /// Shares through `transport`. It holds nothing until [`run`](Self::run) runs.
    pub fn new(holder: Holder, transport: T) -> Self {
        Self {
            holder: Mutex::new(holder),
            spent: Notify::new(),
            transport,
        }
    }

    /// Spends one cell, now.
    ///
    /// # Errors
    ///
    /// As [`Holder::spend`].
    pub fn check(&self) -> Result<(), Refused> {
        self.check_at(1, Instant::now())
    }

    /// Spends `cells` at `now`.
    ///
    /// # Errors
    ///
    /// As [`Holder::spend`].
    pub fn check_at(&self, cells: u32, now: Instant) -> Result<(), Refused> {
        let mut holder = self.holder();
        let answer = holder.spend(cells, now);
        let due = holder.due() <= now;
        drop(holder);
        if due {
            self.spent.notify_one();
        }
        answer
    }

    /// Asks the ledger whenever it is time, for ever. Dropped at any point it stops asking, and what is
    /// held runs out.
    pub async fn run(&self) {
        loop {
            let ask = self.holder().ask(Instant::now());
            if let Some(ask) = ask {
                self.send(ask).await;
                continue;
            }
            let due = self.holder().due();
            tokio::select! {
                biased;
                () = self.spent.notified() => {}
                () = sleep_until(due) => {}
            }
        }
    }

    /// Gives back what is held, for a process that ends. [`run`](Self::run) is to be dropped before.
    pub async fn close(&self) {
        let ask = self.holder().give_back(Instant::now());
        self.send(ask).await;
    }

    /// The way to the ledger.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// What became of what callers asked for.
    pub fn counts(&self) -> HolderCounts {
        self.holder().counts()
    }

    /// Waits for an answer no longer than until the next ask is due.
    async fn send(&self, ask: Ask) {
        let again = self.holder().again();
        if let Ok(Ok(Some(grant))) = timeout(again, self.transport.ask(ask)).await {
            self.holder().take(&grant, Instant::now());
        }
    }

    fn holder(&self) -> MutexGuard<'_, Holder> {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
