//! Several limits on one request: client, identity, route, everything. All of them admit it and each one
//! is charged, or none is.
//!
//! A limit that is charged for what another one refused takes from all what one tenant asks for in vain;
//! and with a limit per tenant below the global one no tenant uses up the others' share.

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::accounts::Accounts;
use super::laws::Law;
use super::{Counts, Descriptor, InvalidQuota, Pattern, Refused, Standing};
use crate::chance::nanos;

/// One limit of a table of rules.
pub struct Rule {
    name: Arc<str>,
    pattern: Pattern,
    book: Box<dyn Book>,
}

/// Accounts by descriptor, whatever their law.
trait Book: Send {
    fn probe(&self, key: &Descriptor, cells: u32, now: u64) -> Result<(), Refused>;
    fn spend(&mut self, key: &Descriptor, cells: u32, now: u64) -> Result<(), Refused>;
    fn standing(&self, key: &Descriptor, now: u64) -> Standing;
}

impl<L: Law + Send> Book for Accounts<Descriptor, L> {
    fn probe(&self, key: &Descriptor, cells: u32, now: u64) -> Result<(), Refused> {
        self.probe(key, cells, now).map(drop)
    }

    fn spend(&mut self, key: &Descriptor, cells: u32, now: u64) -> Result<(), Refused> {
        self.spend(key, cells, now).map(drop)
    }

    fn standing(&self, key: &Descriptor, now: u64) -> Standing {
        self.standing(key, now)
    }
}

impl Rule {
    /// A limit for what matches `pattern`, of at most `capacity` descriptors; what finds no room shares
    /// one account.
    ///
    /// # Errors
    ///
    /// The capacity is zero.
    pub fn new(
        name: impl Into<Arc<str>>,
        pattern: Pattern,
        law: impl Law + Send + 'static,
        capacity: usize,
    ) -> Result<Self, InvalidQuota> {
        Ok(Self {
            name: name.into(),
            pattern,
            book: Box::new(Accounts::new(law, capacity)?),
        })
    }

    /// The account a request falls under: that of the first of its descriptors which matches.
    fn account<'a>(&self, descriptors: &'a [Descriptor]) -> Option<&'a Descriptor> {
        const EVERYTHING: &Descriptor = &Descriptor::new();
        if self.pattern.is_everything() {
            return Some(EVERYTHING);
        }
        descriptors
            .iter()
            .find(|descriptor| self.pattern.matches(descriptor))
    }
}

impl Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Rule");
        debug
            .field("name", &self.name)
            .field("pattern", &self.pattern);
        debug.finish_non_exhaustive()
    }
}

/// A request that at least one rule refused. No rule was charged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused by the limit `{rule}`")]
pub struct Rejected {
    /// The rule that makes it wait longest.
    pub rule: Arc<str>,
    /// What that rule said.
    #[source]
    pub refused: Refused,
    /// How the request stands with that rule.
    pub standing: Standing,
}

/// Rules that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRules {
    /// A refusal would not say which one it was.
    #[error("two rules are named `{0}`")]
    Twice(Arc<str>),
}

/// A table of rules, asked together.
#[derive(Debug)]
pub struct Rules {
    began: Instant,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    rules: Vec<Rule>,
    counts: Counts,
}

impl Rules {
    /// A table of `rules`; of equally strict ones the first is reported.
    ///
    /// # Errors
    ///
    /// Two rules of one name.
    pub fn new(rules: Vec<Rule>) -> Result<Self, InvalidRules> {
        for (index, rule) in rules.iter().enumerate() {
            if rules[..index].iter().any(|other| other.name == rule.name) {
                return Err(InvalidRules::Twice(rule.name.clone()));
            }
        }
        let counts = Counts::default();
        Ok(Self {
            began: Instant::now(),
            table: Mutex::new(Table { rules, counts }),
        })
    }

    /// Asks for one cell, now, of every rule that is for one of `descriptors`.
    ///
    /// # Errors
    ///
    /// As [`check_at`](Self::check_at).
    pub fn check(&self, descriptors: &[Descriptor]) -> Result<Option<Standing>, Rejected> {
        self.check_at(descriptors, 1, Instant::now())
    }

    /// Asks for `cells` at `now`. Each rule is charged once, for the first descriptor that matches it. The
    /// answer is how the request stands with the rule that leaves least; none if no rule is for it.
    ///
    /// # Errors
    ///
    /// A rule refused; then none is charged, and the one that makes the request wait longest is reported.
    pub fn check_at(
        &self,
        descriptors: &[Descriptor],
        cells: u32,
        now: Instant,
    ) -> Result<Option<Standing>, Rejected> {
        let now = nanos(now.saturating_duration_since(self.began));
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = table.check(descriptors, cells, now);
        table.counts.add(answer.is_ok());
        answer
    }

    /// How many requests were admitted and refused.
    pub fn counts(&self) -> Counts {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.counts
    }
}

impl Table {
    fn check(
        &mut self,
        descriptors: &[Descriptor],
        cells: u32,
        now: u64,
    ) -> Result<Option<Standing>, Rejected> {
        if let Some(rejected) = self.probe(descriptors, cells, now) {
            return Err(rejected);
        }
        let mut strictest: Option<Standing> = None;
        for rule in &mut self.rules {
            let Some(key) = rule.account(descriptors) else {
                continue;
            };
            let spent = rule.book.spend(key, cells, now);
            debug_assert_eq!(spent, Ok(()), "{}: it was admitted a moment ago", rule.name);
            let standing = rule.book.standing(key, now);
            strictest = Some(strictest.map_or(standing, |before| before.stricter(standing)));
        }
        Ok(strictest)
    }

    /// The strictest refusal of all rules, if there is one.
    fn probe(&self, descriptors: &[Descriptor], cells: u32, now: u64) -> Option<Rejected> {
        let mut strictest: Option<Rejected> = None;
        for rule in &self.rules {
            let Some(key) = rule.account(descriptors) else {
                continue;
            };
            let Err(refused) = rule.book.probe(key, cells, now) else {
                continue;
            };
            let before = strictest.as_ref().map(|rejected| rejected.refused);
            if before.is_some_and(|before| before.stricter(refused) == before) {
                continue;
            }
            strictest = Some(Rejected {
                rule: rule.name.clone(),
                refused,
                standing: rule.book.standing(key, now),
            });
        }
        strictest
    }
}
