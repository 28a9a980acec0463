//! Where the parts of a scenario stand in its text, for problems that are found after decoding.

use std::{collections::BTreeMap, ops::Range};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A table that was decoded on its own.
#[derive(Debug)]
pub(super) struct Part<'t> {
    /// Its braces, or its header.
    pub span: Range<usize>,
    /// What of it was decoded.
    pub table: DeTable<'t>,
    /// Whether that is all of it.
    pub whole: bool,
}

/// The tables of a scenario.
#[derive(Debug, Default)]
pub(super) struct Places<'t> {
    /// What could be decoded, by path: `services.orders`, or `faults.2` by its number in the data.
    pub decoded: BTreeMap<String, Part<'t>>,
    /// What could not.
    pub failed: Vec<(String, Part<'t>)>,
}

impl<'t> Places<'t> {
    /// Where the value at a dotted path inside a table stands, or as much of the path as is there.
    pub fn at(&self, part: &str, path: &str) -> Range<usize> {
        let Some(part) = self.decoded.get(part) else {
            return 0..0;
        };
        let mut span = part.span.clone();
        let mut steps = path.split('.');
        let first = steps.next().unwrap_or_default();
        let mut at = entry(&part.table, first);
        while let Some(value) = at {
            span = inside(value);
            at = steps.next().and_then(|step| child(value, step));
        }
        span
    }

    /// Whether there is a value at a dotted path inside a table.
    pub fn has(&self, part: &str, path: &str) -> bool {
        let Some(part) = self.decoded.get(part) else {
            return false;
        };
        let mut steps = path.split('.');
        let first = entry(&part.table, steps.next().unwrap_or_default());
        steps
            .try_fold(first, |at, step| at.map(|value| child(value, step)))
            .flatten()
            .is_some()
    }

    /// The table under a key of a table, and where it stands.
    pub fn table(&self, part: &str, key: &str) -> Option<(Range<usize>, &DeTable<'t>)> {
        let value = entry(&self.decoded.get(part)?.table, key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some((value.span(), table)),
            _ => None,
        }
    }

    /// Where a text stands somewhere below a key of a table; the key's value if it is not there.
    pub fn text_below(&self, part: &str, key: &str, word: &str) -> Range<usize> {
        let table = self.decoded.get(part).map(|part| &part.table);
        let found = table
            .and_then(|table| entry(table, key))
            .and_then(|value| text(value, word));
        found.unwrap_or_else(|| self.at(part, key))
    }

    /// The names of the tables below `path`, also of those that could not be decoded.
    pub fn names(&self, path: &str) -> Vec<&str> {
        let failed = self.failed.iter().map(|(path, _)| path);
        self.decoded
            .keys()
            .chain(failed)
            .filter_map(|name| name.strip_prefix(path)?.strip_prefix('.'))
            .collect()
    }

    /// The texts under `key` in all tables of a list, also in those that could not be decoded.
    pub fn texts(&self, list: &str, key: &str) -> Vec<&str> {
        let failed = self.failed.iter().map(|(path, part)| (path, part));
        let all = self.decoded.iter().chain(failed);
        all.filter(|(path, _)| path.strip_prefix(list).is_some_and(|p| p.starts_with('.')))
            .filter_map(|(_, part)| entry(&part.table, key)?.get_ref().as_str())
            .collect()
    }

    /// Whether all tables below `path` were decoded without a mistake.
    pub fn whole(&self, path: &str) -> bool {
        let below = |name: &str| name.strip_prefix(path).is_some_and(|p| p.starts_with('.'));
        !self.failed.iter().any(|(name, _)| below(name))
            && self
                .decoded
                .iter()
                .all(|(name, part)| part.whole || !below(name))
    }
}

fn entry<'p, 't>(table: &'p DeTable<'t>, key: &str) -> Option<&'p Spanned<DeValue<'t>>> {
    let mut entries = table.iter();
    let found = entries.find(|(name, _)| name.get_ref().as_ref() == key);
    found.map(|(_, value)| value)
}

fn child<'p, 't>(value: &'p Spanned<DeValue<'t>>, step: &str) -> Option<&'p Spanned<DeValue<'t>>> {
    match value.get_ref() {
        DeValue::Table(table) => entry(table, step),
        DeValue::Array(array) => array.get(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// The span of a value; of a short text, what is between its quotes.
fn inside(value: &Spanned<DeValue<'_>>) -> Range<usize> {
    let span = value.span();
    match value.get_ref() {
        DeValue::String(text) if span.len() == text.len() + 2 => span.start + 1..span.end - 1,
        _ => span,
    }
}

fn text(value: &Spanned<DeValue<'_>>, word: &str) -> Option<Range<usize>> {
    match value.get_ref() {
        DeValue::String(found) if found.as_ref() == word => Some(inside(value)),
        DeValue::Array(array) => array.iter().find_map(|item| text(item, word)),
        DeValue::Table(table) => table.iter().find_map(|(_, value)| text(value, word)),
        _ => None,
    }
}
