//! Policies: which requests they are about, and what becomes of those.

use super::{Block, Facts, Pattern};

/// What becomes of a request that a policy matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Somebody else is asked, whose refusal counts before everything.
    Custom,
    /// It is refused.
    Deny,
    /// It may pass.
    Allow,
}

/// A list of rules with one action; it matches what one of the rules matches. An empty list matches
/// nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How it is called in reasons.
    pub name: String,
    /// What it does.
    pub action: Action,
    /// Any of them suffices.
    pub rules: Vec<Rule>,
}

/// Matches what comes from one of the sources, goes to one of the operations and meets all conditions.
/// An empty list asks nothing, so an empty rule matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Where it comes from.
    pub from: Vec<Source>,
    /// What it asks for.
    pub to: Vec<Operation>,
    /// What else has to hold.
    pub when: Vec<Condition>,
}

/// Where a request comes from; every list that is not empty has to be met, by one of its patterns, and no
/// pattern of a `not` list may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Of the connection's certificate.
    pub principals: Vec<Pattern>,
    /// None of these.
    pub not_principals: Vec<Pattern>,
    /// Of the token, `issuer/subject`.
    pub request_principals: Vec<Pattern>,
    /// None of these.
    pub not_request_principals: Vec<Pattern>,
    /// Addresses.
    pub blocks: Vec<Block>,
    /// None of these.
    pub not_blocks: Vec<Block>,
}

/// What a request asks for; lists as in [`Source`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// In lower case.
    pub hosts: Vec<Pattern>,
    /// None of these.
    pub not_hosts: Vec<Pattern>,
    /// As they are.
    pub methods: Vec<Pattern>,
    /// None of these.
    pub not_methods: Vec<Pattern>,
    /// In normal form.
    pub paths: Vec<Pattern>,
    /// None of these.
    pub not_paths: Vec<Pattern>,
}

/// What an attribute has to be: one of its values meets one of `values` (if there are any), and none of
/// them one of `not_values`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `header.NAME`, or `claim.NAME` with dots for claims in claims.
    pub attribute: String,
    /// One of these.
    pub values: Vec<Pattern>,
    /// None of these.
    pub not_values: Vec<Pattern>,
}

impl Policy {
    pub(super) fn matches(&self, facts: &Facts<'_>) -> bool {
        self.rules.iter().any(|rule| rule.matches(facts))
    }
}

impl Rule {
    fn matches(&self, facts: &Facts<'_>) -> bool {
        let comes = self.from.is_empty() || self.from.iter().any(|source| source.matches(facts));
        let goes = self.to.is_empty() || self.to.iter().any(|place| place.matches(facts));
        comes && goes && self.when.iter().all(|condition| condition.holds(facts))
    }
}

impl Source {
    fn matches(&self, facts: &Facts<'_>) -> bool {
        let within = |block: &Block| block.has(facts.address);
        is_met(&self.principals, &self.not_principals, facts.principal)
            && is_met(
                &self.request_principals,
                &self.not_request_principals,
                facts.request_principal,
            )
            && (self.blocks.is_empty() || self.blocks.iter().any(within))
            && !self.not_blocks.iter().any(within)
    }
}

impl Operation {
    fn matches(&self, facts: &Facts<'_>) -> bool {
        is_met(&self.hosts, &self.not_hosts, Some(facts.host))
            && is_met(
                &self.methods,
                &self.not_methods,
                Some(facts.method.as_str()),
            )
            && is_met(&self.paths, &self.not_paths, Some(facts.path))
    }
}

impl Condition {
    fn holds(&self, facts: &Facts<'_>) -> bool {
        let among = |patterns: &[Pattern]| {
            facts.any(&self.attribute, &|value| {
                patterns.iter().any(|pattern| pattern.fits(value))
            })
        };
        (self.values.is_empty() || among(&self.values)) && !among(&self.not_values)
    }
}

/// What is not there meets no pattern, so it is in none of the lists.
fn is_met(wanted: &[Pattern], unwanted: &[Pattern], text: Option<&str>) -> bool {
    let among =
        |patterns: &[Pattern]| text.is_some_and(|text| patterns.iter().any(|one| one.fits(text)));
    (wanted.is_empty() || among(wanted)) && !among(unwanted)
}
