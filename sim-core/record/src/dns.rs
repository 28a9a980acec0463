//! How names are looked up, and what can go wrong with it.

use crate::{Distribution, Span, target::Targets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the name service is like. Without one, names are known at once and for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Dns {
    /// How long a look-up takes; no time when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Distribution>,
    /// For how long each host remembers an answer; not at all by default. A host without power
    /// forgets.
    pub ttl: Span,
    /// For how long each host remembers that there is no such name, or that it got no answer.
    pub negative_ttl: Span,
    /// So long after its process stopped or its power went, a host is left out of answers, and so long
    /// after its next start it is in them again. Answers never change when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<Span>,
}

/// What a `dns` fault does to look-ups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Misanswer {
    /// Answers are those that were right when the fault began.
    Stale,
    /// Answers are late by a drawn delay.
    Slow(Distribution),
    /// Answers are the addresses of these hosts.
    Wrong(Targets),
    /// Answers are an address that nobody has.
    Nowhere,
    /// There is no such name.
    Nxdomain,
    /// There is no answer: the look-up fails at once.
    Fails,
}
