//! The value of an expression, and conditions over the state of the world.
//!
//! Nothing is skipped: `and` and `or` ask both sides, so that what an expression reads never
//! depends on values. That allows a condition with keys to look only at the key that the last event
//! touched.

use super::{
    Expression, Keys, StateCondition,
    ast::{Kind, Leaf, Node, Operator, Value},
};
use crate::{
    rules::state::{Condition, Finding},
    world::{World, key_of},
};
use std::collections::BTreeSet;

/// Where the values of questions come from.
pub(super) trait Source {
    /// The value of `leaf`; none if the run does not tell.
    fn leaf(&self, leaf: &Leaf) -> Option<Value>;
}

/// The value of `node`; none where something has no value and the rest does not decide.
pub(super) fn value(node: &Node, source: &impl Source) -> Option<Value> {
    match &node.kind {
        Kind::Constant(value) => Some(*value),
        Kind::Leaf(leaf) => source.leaf(leaf),
        Kind::Not(inner) => match value(inner, source)? {
            Value::Truth(truth) => Some(Value::Truth(!truth)),
            other => Some(other),
        },
        Kind::Negate(inner) => match value(inner, source)? {
            Value::Number(number) => Some(Value::Number(-number)),
            other => Some(other),
        },
        Kind::Binary(operator, sides) => {
            let [left, right] = [&sides[0], &sides[1]].map(|side| value(side, source));
            match operator {
                Operator::And => decided(left, right, false),
                Operator::Or => decided(left, right, true),
                operator => applied(*operator, left?, right?),
            }
        }
    }
}

/// `and` is decided by one false side, `or` by one true side, else by both.
fn decided(left: Option<Value>, right: Option<Value>, by: bool) -> Option<Value> {
    let decisive = Some(Value::Truth(by));
    if left == decisive || right == decisive {
        return decisive;
    }
    left.and(right)
}

fn applied(operator: Operator, left: Value, right: Value) -> Option<Value> {
    let compared = match operator {
        Operator::Equal => Some(left == right),
        Operator::Unequal => Some(left != right),
        _ => None,
    };
    if let Some(truth) = compared {
        return Some(Value::Truth(truth));
    }
    let (a, b) = (plain(left)?, plain(right)?);
    let durations = [left, right].map(|side| matches!(side, Value::Duration(_)));
    let result = match operator {
        Operator::Less => return Some(Value::Truth(a < b)),
        Operator::AtMost => return Some(Value::Truth(a <= b)),
        Operator::More => return Some(Value::Truth(a > b)),
        Operator::AtLeast => return Some(Value::Truth(a >= b)),
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide if b == 0.0 => return None,
        _ => a / b,
    };
    // A duration over a duration is a number; every other mixture stays a duration.
    let ratio = operator == Operator::Divide && durations == [true, true];
    Some(if durations.contains(&true) && !ratio {
        Value::Duration(result)
    } else {
        Value::Number(result)
    })
}

fn plain(value: Value) -> Option<f64> {
    match value {
        Value::Number(number) | Value::Duration(number) => Some(number),
        Value::Truth(_) | Value::State(_) => None,
    }
}

/// The state of the world as one key sees it.
struct StateAt<'w> {
    world: &'w World<'w>,
    key: &'w str,
}

impl Source for StateAt<'_> {
    fn leaf(&self, leaf: &Leaf) -> Option<Value> {
        let Self { world, key } = *self;
        let number = match leaf {
            Leaf::Sum { name, by: None } => world.sum(name),
            Leaf::Count { name, by: None } => world.count(name),
            Leaf::Sum { name, by: Some(by) } => row(world.sum_by(name, by), key),
            Leaf::Count { name, by: Some(by) } => row(world.count_by(name, by), key),
            Leaf::Breaker { .. } => return Some(Value::State(world.breaker(key))),
            Leaf::OpenOperations => world.open_operations(),
            Leaf::Completed(outcome) => world.completed(*outcome),
            Leaf::Faults => world.faults(),
            Leaf::FaultHits => world.fault_hits(),
            Leaf::Gauge(name) => world.gauge(name),
            Leaf::Latency(..) | Leaf::Rate(..) | Leaf::Success(_) => return None,
        };
        Some(Value::Number(number as f64))
    }
}

fn row(table: &std::collections::BTreeMap<String, i64>, key: &str) -> i64 {
    table.get(key).copied().unwrap_or(0)
}

impl Condition for StateCondition {
    fn find(&self, world: &World<'_>, wanted: bool, fresh: bool) -> Finding {
        let expression = &self.0;
        let keys = expression.keys_to_ask(world, fresh);
        let truth = |key: &str| value(&expression.root, &StateAt { world, key });
        if keys.is_empty() {
            // Asked for the sake of what it reads: the next such fact must be noticed.
            truth("");
        }
        let wants = Some(Value::Truth(wanted));
        match keys.iter().find(|key| truth(key) == wants) {
            None => Finding {
                truth: !wanted,
                ..Finding::default()
            },
            Some(key) => Finding {
                truth: wanted,
                says: expression.words(&StateAt { world, key }),
                key: match &expression.keys {
                    Keys::Field(field) => Some((field.clone(), key.clone())),
                    Keys::Breakers(_) | Keys::None => None,
                },
            },
        }
    }
}

impl Expression {
    /// The keys under which the answer may differ from the last one.
    fn keys_to_ask(&self, world: &World<'_>, fresh: bool) -> BTreeSet<String> {
        match &self.keys {
            Keys::None => BTreeSet::from([String::new()]),
            Keys::Breakers(pattern) => {
                let prefix = pattern.split('*').next().unwrap_or("");
                let known = world.breakers(prefix).map(|(name, _)| name);
                let meant = known.filter(|name| fits(name, pattern));
                meant.map(str::to_owned).collect()
            }
            Keys::Field(field) => {
                let touched = world.changed().filter(|_| !fresh);
                match touched.filter(|(name, _)| self.only_by_key(name)) {
                    Some((_, fields)) => fields.get(field).and_then(key_of).into_iter().collect(),
                    None => self.all_keys(world),
                }
            }
        }
    }

    /// Whether a change of the fact `name` concerns one key only.
    fn only_by_key(&self, name: &str) -> bool {
        !self.root.leaves().iter().any(|(leaf, _)| match leaf {
            Leaf::Sum { name: asked, by } | Leaf::Count { name: asked, by } => {
                by.is_none() && asked == name
            }
            _ => false,
        })
    }

    fn all_keys(&self, world: &World<'_>) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for (leaf, _) in self.root.leaves() {
            // Both tables have the same keys; the other one is perhaps read by nobody.
            let table = match leaf {
                Leaf::Sum { name, by: Some(by) } => world.sum_by(name, by),
                Leaf::Count { name, by: Some(by) } => world.count_by(name, by),
                _ => continue,
            };
            keys.extend(table.keys().cloned());
        }
        keys
    }

    /// The values of all its questions as `at` sees them.
    fn words(&self, at: &StateAt<'_>) -> String {
        let whose = match &self.keys {
            Keys::Field(field) => format!(" (for {field} {})", at.key),
            Keys::Breakers(_) => format!(" (breaker {})", at.key),
            Keys::None => String::new(),
        };
        format!(
            "{}{whose}; the condition is `{}`",
            self.values(at),
            self.text.trim()
        )
    }

    /// `sum(sold) = 7, sum(stocked) = 5`.
    pub(super) fn values(&self, source: &impl Source) -> String {
        let mut values: Vec<String> = Vec::new();
        for (leaf, place) in self.root.leaves() {
            let found = source
                .leaf(leaf)
                .map_or("no value".to_owned(), Value::words);
            let told = format!("{} = {found}", place.of(&self.text));
            if !values.contains(&told) {
                values.push(told);
            }
        }
        values.join(", ")
    }
}

/// Whether `name` begins like `pattern`, in which `*` stands for anything.
fn fits(name: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}
