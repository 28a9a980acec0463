//! What a configuration knows and never says.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// Writes the names of sets and clients, not their keys.
///
/// # Errors
///
/// The serializer's own.
pub(super) fn keys<S: Serializer>(
    sets: &BTreeMap<String, BTreeMap<String, String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let hidden = sets.iter().map(|(set, clients)| {
        let clients = clients.keys().map(|client| (client, HIDDEN));
        (set, clients.collect::<BTreeMap<_, _>>())
    });
    hidden.collect::<BTreeMap<_, _>>().serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    #[test]
    fn a_configuration_is_written_without_its_keys() {
        let text = r#"{ "keys": { "partners": { "acme": "s3cr3t-key" } }, "deadline": "800ms" }"#;
        let config: Config = serde_json::from_str(text).expect("it is right");
        let written = serde_json::to_string(&config).expect("JSON");
        assert!(!written.contains("s3cr3t"), "{written}");
        assert!(
            written.contains(r#""partners":{"acme":"(hidden)"}"#),
            "{written}"
        );
        assert!(written.contains(r#""deadline":"800ms""#), "{written}");
    }
}
