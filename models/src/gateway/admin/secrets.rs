//! The second lock on what must not be said: whatever is called like a secret is hidden.

use serde_json::Value;

/// Words in the names of settings that are secrets, or lead to one.
const WORDS: [&str; 5] = ["secret", "password", "passphrase", "private", "token"];

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// Hides every text in or under a setting whose name has one of the words.
pub(super) fn hide(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if WORDS.iter().any(|word| name.contains(word)) {
                    hide_all(value);
                } else {
                    hide(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(hide),
        _ => {}
    }
}

fn hide_all(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(hide_all),
        Value::Array(list) => list.iter_mut().for_each(hide_all),
        Value::String(text) => HIDDEN.clone_into(text),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_under_the_name_of_a_secret_are_hidden_and_others_are_not() {
        let mut value = json!({
            "jwt": [{ "shared-secret": { "a": "x", "bits": 256 }, "issuer": "me" }],
            "password": "x",
            "name": "edge",
        });
        hide(&mut value);
        let expected = json!({
            "jwt": [{ "shared-secret": { "a": "(hidden)", "bits": 256 }, "issuer": "me" }],
            "password": "(hidden)",
            "name": "edge",
        });
        assert_eq!(value, expected);
    }
}
