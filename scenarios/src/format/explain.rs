//! The decoder's errors in the words of the format: what is wrong, and what would have been right.

use super::{Problem, problem::closest, prune};
use std::ops::Range;

/// Keys, roles, faults and rules that are planned and not here yet.
const NOT_YET: [&str; 13] = [
    "backing",
    "sagas",
    "mtls",
    "uses",
    "grpc",
    "consumer",
    "kafka",
    "etcd",
    "sql",
    "linearizable",
    "exactly-once",
    "converges",
    "epoch",
];

/// A word that is not among `known`.
pub(super) fn unknown(
    text: &str,
    span: Range<usize>,
    what: &str,
    found: &str,
    known: &[&str],
) -> Problem {
    if NOT_YET.contains(&found) {
        let problem = Problem::at(text, span, format!("`{found}` is not modelled yet"));
        return problem.help(format!("there is {}", known.join(", ")));
    }
    let problem = Problem::at(text, span, format!("unknown {what} `{found}`"));
    problem.help(match closest(found, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "nothing can stand here".into(),
        None => format!("there is {}", known.join(", ")),
    })
}

/// An error of the decoder; `table` is where it happened if it does not say.
pub(super) fn explain(text: &str, error: &toml::de::Error, table: Range<usize>) -> Problem {
    let message = error.message().trim();
    let span = error.span().unwrap_or(table);
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if let Some((found, known)) = quoted.split_first() {
        if message.starts_with("unknown field") {
            return unknown(text, span, "key", found, known);
        }
        if message.starts_with("unknown variant") {
            let span = Problem::unquoted(text, span);
            return unknown(text, span, "choice", found, known);
        }
    }
    if let Some(field) = prune::missing(message) {
        let problem = Problem::at(text, span, format!("the key `{field}` is missing"));
        return problem.help(format!("write {field} = …"));
    }
    if message.starts_with("wanted exactly 1 element") {
        let problem = Problem::at(text, span, "a choice is a table with exactly one key");
        return problem.help("write one of them, or give each a name of its own");
    }
    match message
        .strip_prefix("invalid type: ")
        .and_then(|rest| rest.split_once(", expected "))
    {
        Some((found, wanted)) => wrong_type(text, span, found, wanted),
        None => Problem::at(text, Problem::unquoted(text, span), message),
    }
}

fn wrong_type(text: &str, span: Range<usize>, found: &str, wanted: &str) -> Problem {
    let number = match wanted {
        "f64" | "f32" => Some("a number"),
        "u8" | "u16" | "u32" | "u64" | "usize" | "i64" => Some("a whole number"),
        _ => None,
    };
    let wanted = match wanted {
        "a string" => "a text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => number.unwrap_or(other),
    };
    let was_text = found.starts_with("string ");
    let found = match found.split_once(' ') {
        Some(("string", word)) => format!("the text {word}"),
        Some(("integer" | "boolean", word)) => word.replace('`', ""),
        Some(("floating", word)) => word.replace("point ", "").replace('`', ""),
        _ => match found {
            "map" => "a table".into(),
            "sequence" => "a list".into(),
            other => other.into(),
        },
    };
    let problem = Problem::at(text, span, format!("this is {found}, wanted is {wanted}"));
    match number {
        Some(_) if was_text => problem.help("write the number without quotes"),
        _ => problem,
    }
}
