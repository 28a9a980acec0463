//! Texts of paths and queries as JSON, at their place in a message.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

/// Deeper ones are nobody's.
const DEEPEST: usize = 32;

/// Why a text has no place.
pub(super) enum Misplaced {
    /// No such field, or no such enum value.
    Unknown(String),
    /// The field cannot have it.
    Wrong(String),
}

/// Puts a text at the field `path` of `message`. A repeated field takes any number of them.
pub(super) fn put(
    root: &mut Map<String, Value>,
    message: &MessageDescriptor,
    path: &str,
    text: &str,
) -> Result<(), Misplaced> {
    let wrong = |why: &str| Misplaced::Wrong(format!("`{path}` {why}"));
    let names: Vec<&str> = path.split('.').collect();
    if names.len() > DEEPEST {
        return Err(wrong("is too deep"));
    }
    let (mut map, mut message) = (root, message.clone());
    let mut names = names.into_iter().peekable();
    while let Some(name) = names.next() {
        let by_name = message.get_field_by_name(name);
        let field = by_name.or_else(|| message.get_field_by_json_name(name));
        let field = field.ok_or_else(|| Misplaced::Unknown(format!("there is no `{path}`")))?;
        unify_name(map, &field);
        let key = field.json_name().to_owned();
        if field.is_map() {
            return Err(wrong("is a map, which no text fits"));
        }
        if names.peek().is_none() {
            let value = leaf(&field.kind(), text, path)?;
            if field.is_list() {
                let list = map.entry(key).or_insert_with(|| Value::Array(Vec::new()));
                let list = list.as_array_mut().ok_or_else(|| wrong("is no list"))?;
                list.push(value);
            } else if map.insert(key, value).is_some() {
                return Err(wrong("is given twice"));
            }
            return Ok(());
        }
        let kind = field.kind();
        let inner = kind.as_message().filter(|_| !field.is_list());
        message = inner
            .ok_or_else(|| wrong("goes below a plain field"))?
            .clone();
        let inner = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
        map = inner.as_object_mut().ok_or_else(|| wrong("is no object"))?;
    }
    Ok(())
}

/// A body may have a field by either of its names.
fn unify_name(map: &mut Map<String, Value>, field: &FieldDescriptor) {
    if field.name() != field.json_name()
        && let Some(value) = map.remove(field.name())
    {
        map.insert(field.json_name().to_owned(), value);
    }
}

/// A text as the JSON that the field's kind is read from.
fn leaf(kind: &Kind, text: &str, path: &str) -> Result<Value, Misplaced> {
    let wrong = |why: &str| Misplaced::Wrong(format!("`{path}` {why}"));
    match kind {
        Kind::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(wrong("must be `true` or `false`")),
        },
        Kind::Enum(kind) => match text.parse::<i32>() {
            Ok(number) => Ok(Value::from(number)),
            Err(_) if kind.get_value_by_name(text).is_some() => Ok(Value::from(text)),
            Err(_) => Err(Misplaced::Unknown(format!(
                "`{path}` has no value `{text}`"
            ))),
        },
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp"
            | "google.protobuf.Duration"
            | "google.protobuf.FieldMask" => Ok(Value::from(text)),
            "google.protobuf.BoolValue" => leaf(&Kind::Bool, text, path),
            "google.protobuf.StringValue"
            | "google.protobuf.BytesValue"
            | "google.protobuf.Int32Value"
            | "google.protobuf.UInt32Value"
            | "google.protobuf.Int64Value"
            | "google.protobuf.UInt64Value"
            | "google.protobuf.FloatValue"
            | "google.protobuf.DoubleValue" => Ok(Value::from(text)),
            _ => Err(wrong("is a message, which no text fits")),
        },
        // Numbers may be texts in JSON as well, and none loses a digit that way.
        _ => Ok(Value::from(text)),
    }
}
