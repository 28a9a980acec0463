//! All policies together, and what they say of a request.

use std::sync::Arc;

use super::{Action, Facts, Policy};

/// What somebody else said who was asked by a `custom` policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Custom {
    /// Nothing against it; the other policies decide.
    Passes,
    /// It is refused.
    Refuses,
    /// There was no word in time: taken for a refusal, unless the policy's owner said otherwise.
    Silent,
}

/// Why a request may pass, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Somebody else refused, asked by this policy.
    Custom(Arc<str>),
    /// Somebody else was asked by this policy, and said nothing.
    Silent(Arc<str>),
    /// This policy refuses it.
    Denied(Arc<str>),
    /// This policy allows it.
    Allowed(Arc<str>),
    /// Nothing refuses it, and there is no policy that would have to allow it.
    NothingAsked,
    /// There are policies that allow, and none allows this.
    NotAllowed,
}

/// What is decided of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may pass.
    pub passes: bool,
    /// Why.
    pub reason: Reason,
    /// The version of the rules.
    pub version: u64,
}

/// Policies in force.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    version: u64,
    custom: Vec<(Arc<str>, Policy)>,
    deny: Vec<(Arc<str>, Policy)>,
    allow: Vec<(Arc<str>, Policy)>,
}

impl Rules {
    /// These policies, as this version of them. Among those of one action the order only decides whose
    /// name is told.
    pub fn new(version: u64, policies: impl IntoIterator<Item = Policy>) -> Self {
        let mut rules = Self {
            version,
            ..Self::default()
        };
        for policy in policies {
            let list = match policy.action {
                Action::Custom => &mut rules.custom,
                Action::Deny => &mut rules.deny,
                Action::Allow => &mut rules.allow,
            };
            list.push((policy.name.as_str().into(), policy));
        }
        rules
    }

    /// The `custom` policies that match, whose owners have to be asked before [`decide`](Self::decide).
    pub fn to_ask(&self, facts: &Facts<'_>) -> Vec<Arc<str>> {
        let matching = self
            .custom
            .iter()
            .filter(|(_, policy)| policy.matches(facts));
        matching.map(|(name, _)| name.clone()).collect()
    }

    /// What becomes of a request, given what those said who had to be asked. Who was not asked is silent.
    pub fn decide(&self, facts: &Facts<'_>, said: &dyn Fn(&str) -> Custom) -> Verdict {
        let verdict = |passes, reason| Verdict {
            passes,
            reason,
            version: self.version,
        };
        for name in self.to_ask(facts) {
            match said(&name) {
                Custom::Passes => {}
                Custom::Refuses => return verdict(false, Reason::Custom(name)),
                Custom::Silent => return verdict(false, Reason::Silent(name)),
            }
        }
        let first = |policies: &[(Arc<str>, Policy)]| {
            let found = policies.iter().find(|(_, policy)| policy.matches(facts));
            found.map(|(name, _)| name.clone())
        };
        if let Some(name) = first(&self.deny) {
            return verdict(false, Reason::Denied(name));
        }
        match first(&self.allow) {
            Some(name) => verdict(true, Reason::Allowed(name)),
            None if self.allow.is_empty() => verdict(true, Reason::NothingAsked),
            None => verdict(false, Reason::NotAllowed),
        }
    }
}
