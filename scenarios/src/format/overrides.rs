//! Settings changed from the command line: `services.payments.replicas = 4`.

use super::problem::closest;
use std::collections::BTreeMap;

/// Changes settings of a scenario's text by their dotted paths. A value is TOML; a bare word is a
/// text. The last step of a path may be new, if the format has such a key; all steps before it must
/// be there.
///
/// # Errors
/// If a path leads nowhere, in words.
pub fn apply(text: &str, overrides: &BTreeMap<String, String>) -> Result<String, String> {
    let mut root: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| error.to_string())?;
    for (path, value) in overrides {
        let mut steps: Vec<&str> = path.split('.').collect();
        let last = steps.pop().unwrap_or_default();
        let mut at = &mut toml::Value::Table(std::mem::take(&mut root));
        let mut owner = at.clone();
        at = &mut owner;
        for (depth, step) in steps.iter().enumerate() {
            at = descend(at, step).map_err(|why| {
                format!(
                    "`{path}` leads nowhere: `{}` {why}",
                    steps[..=depth].join(".")
                )
            })?;
        }
        let toml::Value::Table(table) = at else {
            return Err(format!(
                "`{path}` leads nowhere: `{}` is no table",
                steps.join(".")
            ));
        };
        table.insert(last.into(), value_of(value));
        let toml::Value::Table(changed) = owner else {
            continue;
        };
        root = changed;
    }
    toml::to_string(&root).map_err(|error| error.to_string())
}

/// The part of a value that a step names: a key of a table, a number or an `id` or `name` of a list.
fn descend<'v>(value: &'v mut toml::Value, step: &str) -> Result<&'v mut toml::Value, String> {
    match value {
        toml::Value::Table(table) => {
            let known: Vec<String> = table.keys().cloned().collect();
            table.get_mut(step).ok_or_else(|| {
                match closest(step, known.iter().map(String::as_str)) {
                    Some(meant) => format!("is not there (did you mean `{meant}`?)"),
                    None => format!("is not there (there is {})", known.join(", ")),
                }
            })
        }
        toml::Value::Array(list) => {
            let named = list.iter().position(|item| {
                ["id", "name"]
                    .iter()
                    .any(|key| item.get(*key).and_then(toml::Value::as_str) == Some(step))
            });
            let number = named.or_else(|| step.parse().ok());
            number
                .and_then(|number| list.get_mut(number))
                .ok_or_else(|| "is no number, id or name of the list".into())
        }
        _ => Err("has no parts".into()),
    }
}

fn value_of(text: &str) -> toml::Value {
    let wrapped = format!("value = {text}");
    let parsed: Option<toml::Table> = wrapped.parse().ok();
    parsed
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| toml::Value::String(text.into()))
}
