//! Whatever becomes of the messages, holders of one ledger together get no more than its quota in any
//! window; and once messages arrive again, each of them gets something.

use crate::fixed;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::time::Duration;
use tokio::time::Instant;
use windtunnel_models::limit::Quota;
use windtunnel_models::limit::lease::{
    Ask, Grant, Holder, HolderPolicy, Ledger, LedgerPolicy, WhenDown,
};

const HOLDERS: usize = 3;
const AGAIN: Duration = Duration::from_millis(20);

/// What happens next. A message that is kept arrives once more, some time.
#[derive(Clone, Debug)]
enum Event {
    Pass(u64),
    Spend(usize, u32),
    Send(usize),
    GiveBack(usize),
    Restart(usize),
    AskArrives(usize, bool),
    AskIsLost(usize),
    GrantArrives(usize, bool),
    GrantIsLost(usize),
    LedgerCrashes,
}

fn event() -> impl Strategy<Value = Event> {
    let which = || 0..100usize;
    prop_oneof![
        8 => prop_oneof![Just(0), 0..=3_000u64, 0..=60_000u64, 0..=700_000u64]
            .prop_map(Event::Pass),
        12 => (0..HOLDERS, 1..=4u32).prop_map(|(holder, cells)| Event::Spend(holder, cells)),
        10 => (0..HOLDERS).prop_map(Event::Send),
        1 => (0..HOLDERS).prop_map(Event::GiveBack),
        1 => (0..HOLDERS).prop_map(Event::Restart),
        10 => (which(), prop::bool::weighted(0.3)).prop_map(|(n, keep)| Event::AskArrives(n, keep)),
        1 => which().prop_map(Event::AskIsLost),
        10 => (which(), prop::bool::weighted(0.3))
            .prop_map(|(n, keep)| Event::GrantArrives(n, keep)),
        1 => which().prop_map(Event::GrantIsLost),
        1 => Just(Event::LedgerCrashes),
    ]
}

struct World {
    policy: LedgerPolicy,
    ledger: Ledger,
    holders: Vec<Holder>,
    rng: ChaCha8Rng,
    asks: Vec<(usize, Ask)>,
    grants: Vec<(usize, Grant)>,
    began: Instant,
    now: Instant,
    spent: Vec<(u64, u32)>,
}

impl World {
    fn new(policy: LedgerPolicy) -> Self {
        let (now, mut rng) = (Instant::now(), ChaCha8Rng::seed_from_u64(7));
        let ledger = Ledger::new(policy, &mut rng, now).expect("it can be meant");
        let holders = (0..HOLDERS)
            .map(|_| holder(&policy, &mut rng, now))
            .collect();
        Self {
            policy,
            ledger,
            holders,
            rng,
            asks: Vec::new(),
            grants: Vec::new(),
            began: now,
            now,
            spent: Vec::new(),
        }
    }

    fn happen(&mut self, event: &Event) -> Result<(), TestCaseError> {
        let now = self.now;
        match event {
            Event::Pass(micros) => self.now += Duration::from_micros(*micros),
            Event::Spend(holder, cells) => self.spend(*holder, *cells)?,
            Event::Send(holder) => {
                let ask = self.holders[*holder].ask(now);
                self.asks.extend(ask.map(|ask| (*holder, ask)));
            }
            Event::GiveBack(holder) => {
                let ask = self.holders[*holder].give_back(now);
                self.asks.push((*holder, ask));
            }
            Event::Restart(n) => self.holders[*n] = holder(&self.policy, &mut self.rng, now),
            Event::LedgerCrashes => {
                let ledger = Ledger::restarted(self.policy, &mut self.rng, now);
                self.ledger = ledger.expect("it can be meant");
            }
            Event::AskArrives(which, keep) => {
                if let Some((holder, ask)) = pick(&mut self.asks, *which, *keep) {
                    let grant = self.ledger.answer(&ask, now);
                    self.grants.extend(grant.map(|grant| (holder, grant)));
                }
            }
            Event::GrantArrives(which, keep) => {
                if let Some((holder, grant)) = pick(&mut self.grants, *which, *keep) {
                    self.holders[holder].take(&grant, now);
                }
            }
            Event::AskIsLost(which) => drop(pick(&mut self.asks, *which, false)),
            Event::GrantIsLost(which) => drop(pick(&mut self.grants, *which, false)),
        }
        prop_assert!(self.ledger.lent(self.now) <= self.policy.quota.burst);
        Ok(())
    }

    fn spend(&mut self, holder: usize, cells: u32) -> Result<(), TestCaseError> {
        if self.holders[holder].spend(cells, self.now).is_err() {
            return Ok(());
        }
        let now = (self.now - self.began).as_nanos() as u64;
        self.spent.push((now, cells));
        let quota = &self.policy.quota;
        let cell = quota.period.as_nanos() as u64 / u64::from(quota.cells);
        let mut sum = 0;
        for (at, cells) in self.spent.iter().rev() {
            sum += u64::from(*cells);
            let most = u64::from(quota.burst) + (now - at) / cell;
            prop_assert!(sum <= most, "{} in {} ns, not {}", sum, now - at, most);
        }
        Ok(())
    }

    /// From now on every message arrives at once. Whether each holder holds something within two leases.
    fn recovers(&mut self) -> bool {
        self.asks.clear();
        self.grants.clear();
        let mut rich = [false; HOLDERS];
        for _ in 0..self.policy.ttl.as_nanos() * 2 / AGAIN.as_nanos() + 2 {
            self.now += AGAIN;
            for (holder, rich) in self.holders.iter_mut().zip(&mut rich) {
                let ask = holder.ask(self.now);
                let grant = ask.and_then(|ask| self.ledger.answer(&ask, self.now));
                if let Some(grant) = grant {
                    holder.take(&grant, self.now);
                }
                *rich |= holder.held(self.now) > 0;
            }
        }
        rich == [true; HOLDERS]
    }
}

fn holder(ledger: &LedgerPolicy, rng: &mut ChaCha8Rng, now: Instant) -> Holder {
    let policy = HolderPolicy {
        wanted: ledger.chunk,
        low: ledger.chunk / 2,
        again: AGAIN,
        patience: 2 * AGAIN,
        when_down: WhenDown::Refuse,
    };
    Holder::new(policy, rng, now).expect("it can be meant")
}

/// Takes one of `messages` out, or a copy.
fn pick<M: Clone>(messages: &mut Vec<M>, which: usize, keep: bool) -> Option<M> {
    if messages.is_empty() {
        return None;
    }
    let index = which % messages.len();
    if keep {
        messages.get(index).cloned()
    } else {
        Some(messages.swap_remove(index))
    }
}

fn policy() -> impl Strategy<Value = LedgerPolicy> {
    (1..=200u32, 3..=20u32, 1..=10u32, 100..=1_000u64).prop_map(|(rate, burst, chunk, ttl)| {
        LedgerPolicy {
            quota: Quota {
                burst,
                ..Quota::per_second(rate)
            },
            chunk: chunk.min(burst),
            ttl: Duration::from_millis(ttl),
            // Each restart takes another name.
            holders: 1_000,
        }
    })
}

#[test]
fn holders_together_get_no_more_than_the_quota_whatever_becomes_of_the_messages() {
    let cases = (policy(), vec(event(), 1..300));
    let outcome = fixed::runner(3_000, 10_000).run(&cases, |(policy, events)| {
        let mut world = World::new(policy);
        events.iter().try_for_each(|event| world.happen(event))
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn holders_that_are_not_disturbed_use_up_the_quota() {
    let mut world = World::new(LedgerPolicy {
        quota: Quota::per_second(100),
        chunk: 10,
        ttl: Duration::from_secs(1),
        holders: HOLDERS,
    });
    for turn in 0..3_000 {
        let holder = turn % HOLDERS;
        for event in [
            Event::Send(holder),
            Event::AskArrives(0, false),
            Event::GrantArrives(0, false),
            Event::Spend(holder, 1),
            Event::Pass(5_000),
        ] {
            world.happen(&event).expect("it holds");
        }
    }
    let spent = world.spent.len();
    assert!(spent > 1_400, "{spent} in 15 s at 100 a second");
}

#[test]
fn once_messages_arrive_again_every_holder_gets_something() {
    let cases = (policy(), vec(event(), 1..300));
    let outcome = fixed::runner(1_000, 10_000).run(&cases, |(policy, events)| {
        // A rate that brings a cell for each in the time, and a burst that all fit into.
        let chunk = policy.chunk.min(policy.quota.burst / HOLDERS as u32).max(1);
        let quota = Quota {
            cells: policy.quota.cells.max(40),
            ..policy.quota
        };
        let policy = LedgerPolicy {
            chunk,
            quota,
            ..policy
        };
        let mut world = World::new(policy);
        events.iter().try_for_each(|event| world.happen(event))?;
        prop_assert!(world.recovers());
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
