//! Decoding a table past its first mistake: what is wrong is taken out, the rest is tried again.

use super::problem::closest;
use serde::de::{DeserializeOwned, IntoDeserializer};
use std::{mem, ops::Range};
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue, Error},
};

/// An entry that was taken out.
struct Removed {
    /// The span of the table or list it stood in.
    within: Range<usize>,
    /// Its key, or its number in a list.
    key: String,
}

impl Removed {
    /// Whether an error is there only because this entry is gone.
    fn explains(&self, message: &str, at: &Range<usize>) -> bool {
        if self.within != *at {
            return false;
        }
        match missing(message) {
            Some(field) => closest(&self.key, [field]).is_some(),
            None => true,
        }
    }
}

/// The key that an error of the decoder misses.
pub(super) fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// Decodes a table and gives all that is wrong with it.
///
/// A decoder stops at its first error. So the entry at fault is taken out of `table` and the rest
/// is decoded anew, until nothing is wrong any more or what is wrong is the table itself.
/// Afterwards `table` is what the value was decoded from. Errors that follow from a removal are
/// left out.
pub(super) fn decode<T: DeserializeOwned>(
    table: &mut DeTable<'_>,
    span: &Range<usize>,
) -> (Option<T>, Vec<Error>) {
    let decode = |whole: Spanned<DeTable<'_>>| T::deserialize(whole.into_deserializer());
    decode_by(table, span, decode)
}

/// The same, decoded by `decode`.
pub(super) fn decode_by<T>(
    table: &mut DeTable<'_>,
    span: &Range<usize>,
    decode: impl Fn(Spanned<DeTable<'_>>) -> Result<T, Error>,
) -> (Option<T>, Vec<Error>) {
    let mut errors = Vec::new();
    let mut removals: Vec<Removed> = Vec::new();
    loop {
        let whole = Spanned::new(span.clone(), table.clone());
        let error = match decode(whole) {
            Ok(decoded) => return (Some(decoded), errors),
            Err(error) => error,
        };
        let at = error.span().unwrap_or(span.clone());
        let message = error.message().trim().to_owned();
        if !removals
            .iter()
            .any(|removed| removed.explains(&message, &at))
        {
            errors.push(error);
        }
        match remove(table, span, &at) {
            Some(removed) => removals.push(removed),
            None => return (None, errors),
        }
    }
}

/// Takes out the innermost entry whose key or value stands exactly at `at`.
fn remove(table: &mut DeTable<'_>, within: &Range<usize>, at: &Range<usize>) -> Option<Removed> {
    for (_, value) in table.iter_mut() {
        if let Some(removed) = remove_inside(value, at) {
            return Some(removed);
        }
    }
    let entry = table
        .iter()
        .find(|(key, value)| key.span() == *at || value.span() == *at);
    let key = entry?.0.get_ref().clone().into_owned();
    table.remove(key.as_str());
    Some(Removed {
        within: within.clone(),
        key,
    })
}

fn remove_inside(value: &mut Spanned<DeValue<'_>>, at: &Range<usize>) -> Option<Removed> {
    let within = value.span();
    match value.get_mut() {
        DeValue::Table(table) => remove(table, &within, at),
        DeValue::Array(array) => {
            for item in array.iter_mut() {
                if let Some(removed) = remove_inside(item, at) {
                    return Some(removed);
                }
            }
            let number = array.iter().position(|item| item.span() == *at)?;
            let items = mem::replace(array, DeArray::new()).into_iter().enumerate();
            *array = items
                .filter(|(other, _)| *other != number)
                .map(|(_, item)| item)
                .collect();
            Some(Removed {
                within,
                key: number.to_string(),
            })
        }
        _ => None,
    }
}
