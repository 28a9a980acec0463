//! Settings changed from the command line: `services.payments.replicas = 4`.

use super::problem::closest;
use std::collections::BTreeMap;

/// Tables that a path may begin with although the file does not have them.
const OPTIONAL: [&str; 3] = ["expect", "network", "run"];

/// Changes settings of a scenario's text by their dotted paths.
///
/// A value is TOML; a bare word is a text. A step into a list is a number, or the `id` or `name` of
/// what stands there. Services, policies and items of lists must be there. Keys below them may be
/// new; whether the format has such a key is for
/// [`Scenario::from_toml`](super::Scenario::from_toml) to say.
///
/// # Errors
/// If the text is no TOML or a path leads nowhere, in words.
pub fn apply(text: &str, overrides: &BTreeMap<String, String>) -> Result<String, String> {
    let root: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| error.to_string())?;
    let mut root = toml::Value::Table(root);
    for (path, value) in overrides {
        set(&mut root, path, value_of(value))
            .map_err(|why| format!("`{path}` leads nowhere: {why}"))?;
    }
    toml::to_string(&root).map_err(|error| error.to_string())
}

fn set(root: &mut toml::Value, path: &str, value: toml::Value) -> Result<(), String> {
    let steps: Vec<&str> = path.split('.').collect();
    if steps.iter().any(|step| step.is_empty()) {
        return Err("it has an empty step".into());
    }
    let (last, before) = steps.split_last().expect("split gives at least one part");
    let mut at = root;
    for (depth, step) in before.iter().enumerate() {
        let may_be_new = match depth {
            0 => OPTIONAL.contains(step),
            1 => OPTIONAL.contains(&before[0]),
            _ => true,
        };
        at = descend(at, step, may_be_new)
            .map_err(|why| format!("`{}` {why}", before[..=depth].join(".")))?;
    }
    match at {
        toml::Value::Table(table) => {
            table.insert((*last).into(), value);
            Ok(())
        }
        toml::Value::Array(_) => {
            *descend(at, last, false).map_err(|why| format!("`{path}` {why}"))? = value;
            Ok(())
        }
        _ => Err(format!("`{}` has no parts", before.join("."))),
    }
}

/// The part of a value that a step names.
fn descend<'v>(
    value: &'v mut toml::Value,
    step: &str,
    may_be_new: bool,
) -> Result<&'v mut toml::Value, String> {
    match value {
        toml::Value::Table(table) => {
            if may_be_new && !table.contains_key(step) {
                table.insert(step.into(), toml::Value::Table(toml::Table::new()));
            }
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
