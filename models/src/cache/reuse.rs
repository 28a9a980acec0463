//! Whether a stored answer may be used for a request without asking (RFC 9111, section 4).

use std::time::Duration;

use tokio::time::Instant;

use super::directives::Directives;
use super::entry::Entry;
use super::rules::Rules;

/// What may be done with a stored answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    /// It is fresh.
    Fresh,
    /// It is stale, and the client said that it takes that.
    Stale,
    /// It is stale, and may be used once more while somebody asks.
    WhileRevalidating,
    /// Ask first.
    Validate,
}

/// Judges at `now`; all bounds are inclusive but freshness: an answer as old as its lifetime is stale.
pub(super) fn judge(entry: &Entry, asked: &Directives, rules: &Rules, now: Instant) -> Reuse {
    if entry.said.no_cache {
        return Reuse::Validate;
    }
    let age = entry.age(now);
    if !rules.ignore_client_no_cache {
        let too_old = asked.max_age.is_some_and(|most| age > most);
        // Not by what is left, which is nothing for a stale answer: one that is to be fresh for no further
        // second has to be fresh all the same.
        let too_short = asked.min_fresh;
        let too_short = too_short.is_some_and(|least| age.saturating_add(least) > entry.lifetime);
        if asked.no_cache || too_old || too_short {
            return Reuse::Validate;
        }
    }
    if entry.lifetime > age {
        return Reuse::Fresh;
    }
    if never_stale(entry) {
        return Reuse::Validate;
    }
    let staleness = age.saturating_sub(entry.lifetime);
    if asked.max_stale.is_some_and(|most| staleness <= most) {
        return Reuse::Stale;
    }
    let most = entry.said.while_revalidate;
    if most.is_some_and(|most| staleness <= most) {
        return Reuse::WhileRevalidating;
    }
    Reuse::Validate
}

/// Whether it may stand in for an error (RFC 5861, section 4).
pub(super) fn stands_in(entry: &Entry, asked: &Directives, rules: &Rules, now: Instant) -> bool {
    if entry.said.no_cache || (asked.no_cache && !rules.ignore_client_no_cache) {
        return false;
    }
    let staleness = entry.age(now).saturating_sub(entry.lifetime);
    if staleness == Duration::ZERO && entry.lifetime > entry.age(now) {
        return true;
    }
    let most = asked.if_error.or(entry.said.if_error);
    let most = most.or(rules.stale_if_error);
    !never_stale(entry) && most.is_some_and(|most| staleness <= most)
}

/// `s-maxage` has the meaning of `proxy-revalidate` for a shared cache (section 5.2.2.10).
fn never_stale(entry: &Entry) -> bool {
    let said = &entry.said;
    said.must_revalidate || said.proxy_revalidate || said.s_maxage.is_some()
}
