//! From path, query and body to messages.

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::{Map, Value};

use super::json::{Misplaced, put};
use super::rule::{BodyRule, Rule};
use super::template::decode;
use crate::gateway::config::Transcode;

/// The messages of a call, framed one after the other.
///
/// # Errors
///
/// What of the request does not fit, for the client to read.
pub(super) fn encode(
    rule: &Rule,
    bound: &[(String, String)],
    query: &str,
    body: &[u8],
    settings: &Transcode,
) -> Result<Bytes, String> {
    let mut out = BytesMut::new();
    let bodies = match (rule.method.is_client_streaming(), parse(rule, body)?) {
        (true, Some(Value::Array(all))) => all.into_iter().map(Some).collect(),
        (true, Some(_)) => return Err("the body must be an array of messages".to_owned()),
        (true, None) => Vec::new(),
        (false, body) => vec![body],
    };
    for body in bodies {
        let message = message(rule, bound, query, body, settings)?;
        let length = u32::try_from(message.encoded_len());
        let length = length.map_err(|_| "the message is too large".to_owned())?;
        out.put_u8(0);
        out.put_u32(length);
        message
            .encode(&mut out)
            .map_err(|error| error.to_string())?;
    }
    Ok(out.freeze())
}

/// The body as JSON; none if the rule has no use for it or there is none.
fn parse(rule: &Rule, body: &[u8]) -> Result<Option<Value>, String> {
    if matches!(rule.body, BodyRule::None) || body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let parsed = serde_json::from_slice(body);
    parsed
        .map(Some)
        .map_err(|error| format!("the body is no JSON: {error}"))
}

fn message(
    rule: &Rule,
    bound: &[(String, String)],
    query: &str,
    body: Option<Value>,
    settings: &Transcode,
) -> Result<DynamicMessage, String> {
    let input = rule.method.input();
    let mut root = Map::new();
    match (&rule.body, body) {
        (BodyRule::All, Some(Value::Object(all))) => root = all,
        (BodyRule::All, Some(_)) => return Err("the body must be an object".to_owned()),
        (BodyRule::Field(field), Some(body)) => {
            root.insert(field.json_name().to_owned(), body);
        }
        _ => {}
    }
    for (field, text) in bound {
        // The path has the last word over a body that says it as well.
        remove(&mut root, &input, field);
        put(&mut root, &input, field, text).map_err(|misplaced| match misplaced {
            Misplaced::Unknown(problem) | Misplaced::Wrong(problem) => problem,
        })?;
    }
    if !matches!(rule.body, BodyRule::All) {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text: &str| decode(&text.replace('+', " "), false);
            match put(&mut root, &input, &plain(name), &plain(text)) {
                Err(Misplaced::Unknown(_)) if settings.ignore_unknown => {}
                Err(Misplaced::Unknown(problem) | Misplaced::Wrong(problem)) => {
                    return Err(problem);
                }
                Ok(()) => {}
            }
        }
    }
    let options = DeserializeOptions::new().deny_unknown_fields(!settings.ignore_unknown);
    DynamicMessage::deserialize_with_options(input, Value::Object(root), &options)
        .map_err(|error| format!("the request is no message: {error}"))
}

/// Removes what is at the field `path`, by whichever name.
fn remove(root: &mut Map<String, Value>, message: &MessageDescriptor, path: &str) {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(field) = message.get_field_by_name(name) else {
        return;
    };
    for key in [field.name(), field.json_name()] {
        if rest.is_empty() {
            root.remove(key);
        } else if let Some(Value::Object(inner)) = root.get_mut(key)
            && let Some(message) = field.kind().as_message()
        {
            remove(inner, message, rest);
        }
    }
}
