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
    fold(&mut watches, evidence);
    let judged = rules.iter().zip(watches).map(|(named, watch)| match watch {
        Some(watch) => watch.judged(),
        None => judge_one(&named.rule, evidence),
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

fn fold(watches: &mut [Option<Watch<'_>>], evidence: &Evidence<'_>) {
    if watches.iter().all(Option::is_none) {
        return;
    }
    let mut world = World::new();
    for record in evidence.events {
        world.apply(record);
        let Some(topic) = world.topic() else {
            continue;
        };
        for watch in watches.iter_mut().flatten() {
            if watch.cares(topic) {
                watch.ask(&world, evidence);
            }
        }
    }
}

fn judge_one(rule: &Rule, evidence: &Evidence<'_>) -> Judged {
    match rule {
        Rule::State(quantifier, condition) => Watch::new(*quantifier, condition.as_ref()).judged(),
        Rule::AtTheEnd(condition) => {
            state::at_the_end("not true at the end", condition.as_ref(), evidence)
        }
        Rule::Conserved(equal) => {
            state::at_the_end("does not add up at the end", equal.as_ref(), evidence)
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
