//! The server's side: how many credits there are, and who has them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::PoolPolicy;
use crate::overload::InvalidPolicy;

/// Names a client of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Client(u64);

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    credits: u32,
    /// Whether it stands in the queue of those without credits.
    queues: bool,
}

/// Per round trip, with the delay d and the target t: below it the pool grows by max(α · clients, 1);
/// from it on it shrinks to max(1 − β·(d − t)/t, 0.5) of itself, never below 1. A request of a client
/// with c credits and a demand is answered with min(demand + spare, c + free) credits if any are free,
/// else with min(demand + spare, c − 1); spare = max(free ÷ clients, 1) speculates on more demand.
#[derive(Debug)]
pub struct Pool {
    policy: PoolPolicy,
    total: f64,
    issued: u32,
    clients: BTreeMap<Client, Account>,
    /// Clients without credits that have something to send, the longest waiting first.
    hungry: VecDeque<Client>,
    names: u64,
    moved: Instant,
}

impl Pool {
    /// A pool of one credit.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(policy: PoolPolicy, now: Instant) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        Ok(Self {
            policy,
            total: 1.0,
            issued: 0,
            clients: BTreeMap::new(),
            hungry: VecDeque::new(),
            names: 0,
            moved: now,
        })
    }

    /// A client registers, with the credits that it may use at once: one, if one is free. `None` if there
    /// are too many clients.
    pub fn join(&mut self) -> Option<(Client, u32)> {
        if self.clients.len() >= self.policy.max_clients {
            return None;
        }
        let client = Client(self.names);
        self.names = self.names.wrapping_add(1);
        self.clients.insert(client, Account::default());
        let credits = self.set(client, u32::from(self.free() >= 1));
        Some((client, credits))
    }

    /// A client goes; its credits are free again.
    pub fn leave(&mut self, client: Client) {
        if let Some(account) = self.clients.remove(&client) {
            self.issued = self.issued.saturating_sub(account.credits);
            self.hungry.retain(|hungry| *hungry != client);
        }
    }

    /// A request of a client that has `demand` more to send, or a message that only says so: how many
    /// calls it may have under way from now on. Zero for one that has left. Who is left without credits
    /// and has a demand is served by [`Pool::feed`].
    pub fn answer(&mut self, client: Client, demand: u32) -> u32 {
        let Some(account) = self.clients.get(&client) else {
            return 0;
        };
        let free = self.free();
        let credits = if free > 0 {
            account.credits.saturating_add(free)
        } else {
            account.credits.saturating_sub(1)
        };
        let most = demand.saturating_add(self.spare());
        let credits = self.set(client, credits.min(most));
        if credits == 0 && demand > 0 {
            self.queue(client);
        }
        credits
    }

    /// The next client without credits, if one is free for it: to be told its new number unasked, since
    /// it has nothing under way whose answer could tell it.
    pub fn feed(&mut self) -> Option<(Client, u32)> {
        if self.free() == 0 {
            return None;
        }
        loop {
            let client = self.hungry.pop_front()?;
            let Some(account) = self.clients.get_mut(&client) else {
                continue;
            };
            account.queues = false;
            if account.credits == 0 {
                return Some((client, self.set(client, 1)));
            }
        }
    }

    /// A request begins after it has queued for `delay`, or it is dropped for that. The pool moves at most
    /// once per round trip.
    pub fn observe(&mut self, delay: Duration, now: Instant) {
        if now.saturating_duration_since(self.moved) < self.policy.round_trip {
            return;
        }
        self.moved = now;
        let target = self.policy.target.as_secs_f64();
        self.total = if delay < self.policy.target {
            let step = self.policy.increase * self.clients.len() as f64;
            self.total + step.max(1.0)
        } else {
            let above = (delay.as_secs_f64() - target) / target;
            self.total * (1.0 - self.policy.decrease * above).max(0.5)
        };
        self.total = self.total.clamp(1.0, f64::from(self.policy.max_credits));
    }

    /// Whether a request that has queued so long is to be dropped.
    pub fn drops(&self, delay: Duration) -> bool {
        delay > self.policy.target * 2
    }

    /// How many credits there are, and how many clients have.
    pub const fn credits(&self) -> (u32, u32) {
        (self.total as u32, self.issued)
    }

    const fn free(&self) -> u32 {
        (self.total as u32).saturating_sub(self.issued)
    }

    fn spare(&self) -> u32 {
        let clients = u32::try_from(self.clients.len()).unwrap_or(u32::MAX);
        (self.free() / clients.max(1)).max(1)
    }

    fn set(&mut self, client: Client, credits: u32) -> u32 {
        let Some(account) = self.clients.get_mut(&client) else {
            return 0;
        };
        let had = std::mem::replace(&mut account.credits, credits);
        self.issued = self.issued.saturating_sub(had).saturating_add(credits);
        credits
    }

    fn queue(&mut self, client: Client) {
        if let Some(account) = self.clients.get_mut(&client)
            && !std::mem::replace(&mut account.queues, true)
        {
            self.hungry.push_back(client);
        }
    }
}
