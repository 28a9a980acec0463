//! Thresholds: the value of an expression over the operations of a whole run.
//!
//! An operation belongs to a window by the instant at which it was asked (for `rate`, answered).
//! One without an answer counts with the time it has waited by the end of the run, so that a
//! service which stops to answer does not look fast. Quantiles are exact, by nearest rank.

use super::{
    RunCondition,
    ast::{Leaf, Value, Window},
    eval::{Source, value},
};
use crate::Evidence;
use windtunnel_record::{Moment, Operation, Outcome, Span};

impl RunCondition {
    /// Whether it is true of the run (none if the run does not tell), and its values in words.
    pub(crate) fn ask(&self, evidence: &Evidence<'_>) -> (Option<bool>, String) {
        let source = Operations(evidence);
        let truth = match value(&self.0.root, &source) {
            Some(Value::Truth(truth)) => Some(truth),
            _ => None,
        };
        (truth, self.0.values(&source))
    }
}

struct Operations<'e>(&'e Evidence<'e>);

impl Operations<'_> {
    fn asked(&self, window: &Window) -> Vec<&Operation> {
        let (from, until) = (Moment::START + window.after, window.before);
        let until = until.map_or(Moment::END, |before| Moment::START + before);
        let all = self.0.history().operations.iter();
        all.filter(|one| (from..until).contains(&one.invoked) && window.means(one))
            .collect()
    }

    fn latency(&self, quantile: f64, window: &Window) -> Option<Value> {
        let waited = |one: &&Operation| {
            let so_far = self.0.end.since(one.invoked);
            one.latency().unwrap_or(so_far)
        };
        let mut all: Vec<Span> = self.asked(window).iter().map(waited).collect();
        all.sort_unstable();
        let rank = upwards(quantile * all.len() as f64).max(1);
        let at_rank = all.get(rank - 1)?;
        Some(Value::Duration(at_rank.as_nanos() as f64))
    }

    /// Answers per second within the window, which ends with the load unless it says otherwise.
    fn rate(&self, outcome: Option<Outcome>, window: &Window) -> Option<Value> {
        let from = Moment::START + window.after;
        let until = window.before.map(|before| Moment::START + before);
        let until = until.unwrap_or(self.0.load_end);
        let length = until.since(from).as_secs_f64();
        let answered = self.0.history().operations.iter().filter(|one| {
            let inside = one.completed.is_some_and(|at| (from..until).contains(&at));
            let meant = outcome.is_none() || one.outcome == outcome;
            inside && meant && window.means(one)
        });
        (length > 0.0).then(|| Value::Number(answered.count() as f64 / length))
    }

    fn success(&self, window: &Window) -> Option<Value> {
        let asked = self.asked(window);
        let ok = asked.iter().filter(|one| one.outcome == Some(Outcome::Ok));
        let share = ok.count() as f64 / asked.len() as f64;
        (!asked.is_empty()).then_some(Value::Number(share))
    }
}

/// The least whole number that is not below `value`, which is not negative.
fn upwards(value: f64) -> usize {
    let whole = value as usize;
    whole + usize::from((whole as f64) < value)
}

impl Window {
    fn means(&self, operation: &Operation) -> bool {
        self.of.as_ref().is_none_or(|name| *name == operation.name)
    }
}

impl Source for Operations<'_> {
    fn leaf(&self, leaf: &Leaf) -> Option<Value> {
        match leaf {
            Leaf::Latency(quantile, window) => self.latency(*quantile, window),
            Leaf::Rate(outcome, window) => self.rate(*outcome, window),
            Leaf::Success(window) => self.success(window),
            _ => None,
        }
    }
}
