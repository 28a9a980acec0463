//! The facts of one name: how many, how much, and the same by the values of their fields.
//!
//! Most fields of most facts are read by no rule, and some have a new value each time, so a table is
//! made only when it is read for the first time: from the events so far, and kept up from then on.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, btree_map::Entry},
};
use windtunnel_record::{Event, Fields, Record, Value};

/// The field of a fact that is summed; a fact without it counts as 1.
pub const AMOUNT: &str = "amount";

/// A number for each value of a field.
pub(super) type Table = BTreeMap<String, i64>;

#[derive(Debug)]
pub(super) struct Facts<'e> {
    pub(super) sum: i64,
    pub(super) count: i64,
    /// The positions of the first and the last one.
    first: usize,
    pub(super) last: usize,
    by: BTreeMap<&'e str, Tables>,
}

/// Both tables of a field, as far as they were read.
#[derive(Debug, Default)]
struct Tables {
    sums: OnceCell<Table>,
    counts: OnceCell<Table>,
}

impl<'e> Facts<'e> {
    /// None so far, and the first one is about to come.
    pub(super) fn none(position: usize) -> Self {
        Self {
            sum: 0,
            count: 0,
            first: position,
            last: position,
            by: BTreeMap::new(),
        }
    }

    /// Takes the next one in.
    pub(super) fn take(&mut self, fields: &'e Fields, position: usize) {
        let amount = amount(fields);
        self.sum += amount;
        self.count += 1;
        self.last = position;
        for (field, value) in told_apart_by(fields) {
            match self.by.entry(field) {
                Entry::Vacant(unread) => {
                    unread.insert(Tables::default());
                }
                Entry::Occupied(mut tables) => tables.get_mut().take(value, amount),
            }
        }
    }

    /// The sum for each value of `field`; none if no fact has that field. `events` are those of the
    /// run, and `name` is the name of these facts.
    pub(super) fn sums(&self, name: &str, field: &str, events: &[Record]) -> Option<&Table> {
        let tables = self.by.get(field)?;
        let sums = || self.table(name, field, events, amount);
        Some(tables.sums.get_or_init(sums))
    }

    /// The number of facts for each value of `field`, like [`Facts::sums`].
    pub(super) fn counts(&self, name: &str, field: &str, events: &[Record]) -> Option<&Table> {
        let tables = self.by.get(field)?;
        let counts = || self.table(name, field, events, |_| 1);
        Some(tables.counts.get_or_init(counts))
    }

    fn table(
        &self,
        name: &str,
        field: &str,
        events: &[Record],
        amount: impl Fn(&Fields) -> i64,
    ) -> Table {
        let mut table = Table::new();
        for record in &events[self.first..=self.last] {
            let Event::Observed {
                name: of, fields, ..
            } = &record.event
            else {
                continue;
            };
            if of == name {
                let values = told_apart_by(fields).filter(|(known, _)| *known == field);
                values.for_each(|(_, value)| add(&mut table, value, amount(fields)));
            }
        }
        table
    }
}

impl Tables {
    fn take(&mut self, value: &Value, amount: i64) {
        if let Some(sums) = self.sums.get_mut() {
            add(sums, value, amount);
        }
        if let Some(counts) = self.counts.get_mut() {
            add(counts, value, 1);
        }
    }
}

fn add(table: &mut Table, value: &Value, amount: i64) {
    if let Some(key) = key_of(value) {
        *table.entry(key).or_default() += amount;
    }
}

fn amount(fields: &Fields) -> i64 {
    fields.int(AMOUNT).unwrap_or(1)
}

/// The fields by which facts are told apart, with their values.
fn told_apart_by(fields: &Fields) -> impl Iterator<Item = (&str, &Value)> {
    let all = fields
        .0
        .iter()
        .map(|(field, value)| (field.as_str(), value));
    all.filter(|(field, _)| *field != AMOUNT)
}

/// The text under which a field's value is a key; a number with a fraction is none.
pub(crate) fn key_of(value: &Value) -> Option<String> {
    match value {
        Value::Flag(flag) => Some(flag.to_string()),
        Value::Int(int) => Some(int.to_string()),
        Value::Text(text) => Some(text.to_string()),
        Value::Real(_) => None,
    }
}
