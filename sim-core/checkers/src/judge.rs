//! All rules of a run, judged in the order in which they were given.

use crate::{
    Evidence, NamedRule, World,
    rule::Rule,
    rules::{
        Judged, built_in, eventually, recovers, saga_atomic, sometimes,
        state::{self, Watch},
        threshold,
    },
};
use windtunnel_record::RuleReport;

/// Judges `rules` on `evidence`. Conditions on state share one pass over the events.
pub fn judge(rules: &[NamedRule], evidence: &Evidence<'_>) -> Vec<RuleReport> {
    let mut watches: Vec<Option<Watch<'_>>> = rules
        .iter()
        .map(|named| match &named.rule {
            Rule::State(quantifier, condition) => Some(Watch::new(*quantifier, condition.as_ref())),
            _ => None,
        })
        .collect();
    let asks_the_world = |named: &NamedRule| {
        let rule = &named.rule;
        matches!(
            rule,
            Rule::State(..) | Rule::AtTheEnd(_) | Rule::Conserved(_)
        )
    };
    let end = if rules.iter().any(asks_the_world) {
        fold(&mut watches, evidence)
    } else {
        World::before(evidence.events)
    };
    let judged = rules.iter().zip(watches).map(|(named, watch)| match watch {
        Some(watch) => watch.judged(),
        None => judge_one(&named.rule, &end, evidence),
    });
    rules
        .iter()
        .zip(judged)
        .map(|(named, judged)| RuleReport {
            id: named.id.clone(),
            kind: named.rule.kind().to_owned(),
            verdict: judged.verdict,
            evaluated: judged.evaluated,
            severity: named.severity,
        })
        .collect()
}

/// Asks the `watches` after each event that concerns them; gives the state of the world at the end.
fn fold<'e>(watches: &mut [Option<Watch<'_>>], evidence: &Evidence<'e>) -> World<'e> {
    let mut world = World::before(evidence.events);
    for _ in evidence.events {
        let Some(topic) = world.advance() else {
            continue;
        };
        for watch in watches.iter_mut().flatten() {
            if watch.cares(topic) {
                watch.ask(&world, evidence);
            }
        }
    }
    world
}

fn judge_one(rule: &Rule, end: &World<'_>, evidence: &Evidence<'_>) -> Judged {
    match rule {
        Rule::State(quantifier, condition) => Watch::new(*quantifier, condition.as_ref()).judged(),
        Rule::AtTheEnd(condition) => {
            state::at_the_end("not true at the end", condition.as_ref(), end, evidence)
        }
        Rule::Conserved(equal) => {
            state::at_the_end("does not add up at the end", equal.as_ref(), end, evidence)
        }
        Rule::Threshold(condition) => threshold::judge(condition, evidence),
        Rule::Sometimes(like) => sometimes::judge(like.as_ref(), evidence),
        Rule::Eventually(holds) => eventually::judge(holds.as_ref(), evidence),
        Rule::SagaAtomic { within, effects } => saga_atomic::judge(*within, effects, evidence),
        Rule::Recovers { within, success } => recovers::judge(*within, *success, evidence),
        Rule::NoPanic => built_in::no_panic(evidence),
        Rule::NoFailedMain => built_in::no_failed_main(evidence),
        Rule::Sealed => built_in::sealed(evidence),
    }
}
