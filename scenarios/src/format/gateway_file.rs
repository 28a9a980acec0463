//! The file of `windtunnel gateway`: where it listens, and everything a gateway is told.

use super::{GatewayProgram, Problem, decode::syntax, explain::explain, prune};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use std::{net::SocketAddr, ops::Range};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use windtunnel_models::gateway::{Config, config};

/// A gateway on the real network.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayFile {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What it does.
    pub config: Config,
    /// The program around it.
    pub program: GatewayProgram,
}

/// The file of `windtunnel gateway`.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "only its schema is of use: a file is read in parts, to report all that is wrong"
)]
struct Written {
    /// Where it listens, as `address:port`.
    listen: String,
    #[serde(flatten)]
    program: GatewayProgram,
    #[serde(flatten)]
    config: Config,
}

impl GatewayFile {
    /// The JSON Schema of the file, for completion and checks in editors.
    pub fn schema() -> Schema {
        let settings = SchemaSettings::draft07();
        let mut schema = settings.into_generator().into_root_schema_for::<Written>();
        schema.insert("title".to_owned(), "Gateway".into());
        schema
    }

    /// Whether a text is rather such a file than a scenario: it has keys that only the one has, and none
    /// that only the other has.
    pub fn is_meant(text: &str) -> bool {
        let (root, _) = DeTable::parse_recoverable(text);
        let has = |key: &&str| root.get_ref().get(*key).is_some();
        ["listen", "upstreams", "routes"].iter().any(has)
            && !["format", "services", "checks"].iter().any(has)
    }

    /// Reads a file: `listen = "address:port"`, and the keys of a gateway's [`Config`] beside it.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place. What the settings mean together is judged only
    /// when each can be read.
    pub fn from_toml(text: &str) -> Result<Self, Vec<Problem>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(syntax(text, &errors));
        }
        let mut table = root.into_inner();
        let whole = table.clone();
        let span = 0..text.len();
        let found = table.remove("listen");
        let listen = listen(text, found.as_ref());
        let mut around = DeTable::new();
        for key in GatewayProgram::KEYS {
            if let Some((key, value)) = table.remove_entry(key) {
                around.insert(key, value);
            }
        }
        let (program, mut errors) = prune::decode::<GatewayProgram>(&mut around, &span);
        let (config, others) = prune::decode::<Config>(&mut table, &span);
        errors.extend(others);
        let explained = errors.iter().map(|error| explain(text, error, 0..0));
        let mut problems: Vec<Problem> = explained.collect();
        let mistakes = program.iter().flat_map(GatewayProgram::mistakes);
        problems.extend(mistakes.map(|(field, problem)| {
            let problem = config::Problem { field, problem };
            invalid_at(text, &whole, &problem)
        }));
        let judged = config.as_ref().filter(|_| problems.is_empty());
        if let Some(Err(invalid)) = judged.map(Config::validate) {
            let found = invalid.problems.iter();
            problems.extend(found.map(|problem| invalid_at(text, &whole, problem)));
        }
        match (listen, config, program) {
            (Ok(listen), Some(config), Some(program)) if problems.is_empty() => Ok(Self {
                listen,
                config,
                program,
            }),
            (listen, ..) => {
                problems.extend(listen.err());
                problems.sort_by(|one, other| {
                    (one.span.start, &one.message).cmp(&(other.span.start, &other.message))
                });
                Err(problems)
            }
        }
    }
}

fn listen(text: &str, found: Option<&Spanned<DeValue<'_>>>) -> Result<SocketAddr, Problem> {
    const RIGHT: &str = "write listen = \"127.0.0.1:8080\"";
    let Some(found) = found else {
        let problem = Problem::at(text, 0..0, "the key `listen` is missing");
        return Err(problem.help(format!("{RIGHT} at the top")));
    };
    let value = found.get_ref().as_str();
    value.and_then(|value| value.parse().ok()).ok_or_else(|| {
        let problem = Problem::at(text, found.span(), "this must be an address with its port");
        problem.help(RIGHT)
    })
}

/// A setting that cannot work, at its place in the file.
fn invalid_at(text: &str, root: &DeTable<'_>, problem: &config::Problem) -> Problem {
    let span = place(root, &problem.field).unwrap_or(0..0);
    Problem::at(text, span, problem.to_string())
}

/// The span of the value that a path such as `routes[2].retry.attempts` names, or of the innermost
/// table or list on the way to it that is in the file: what is not there has its default.
fn place(table: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    // Names may contain dots: the longest key that fits is meant.
    let fitting = table.iter().filter_map(|(key, value)| {
        let rest = path.strip_prefix(key.get_ref().as_ref())?;
        let whole = rest.is_empty() || rest.starts_with(['.', '[']);
        whole.then_some((rest, value))
    });
    let (rest, value) = fitting.min_by_key(|(rest, _)| rest.len())?;
    Some(inside(value, rest))
}

fn inside(value: &Spanned<DeValue<'_>>, rest: &str) -> Range<usize> {
    let deeper = match value.get_ref() {
        DeValue::Table(table) => rest.strip_prefix('.').and_then(|path| place(table, path)),
        DeValue::Array(array) => rest
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .and_then(|(number, rest)| {
                let item = array.get(number.parse::<usize>().ok()?)?;
                Some(inside(item, rest))
            }),
        _ => None,
    };
    deeper.unwrap_or_else(|| value.span())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<(usize, usize, String)> {
        let problems = GatewayFile::from_toml(text).expect_err("it has mistakes");
        let places = problems.into_iter();
        places.map(|p| (p.line, p.column, p.message)).collect()
    }

    const RIGHT: &str = r#"listen = "127.0.0.1:8080"
name = "front"
[upstreams."a.b"]
endpoints = ["one:80"]
[[routes]]
name = "all"
upstream = "a.b"
retry = { attempts = 3 }
"#;

    #[test]
    fn a_file_is_an_address_and_the_settings_of_a_gateway() {
        let file = GatewayFile::from_toml(RIGHT).expect("it is right");
        assert_eq!(file.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
        assert_eq!(file.config.name, "front");
        assert_eq!(file.config.upstreams["a.b"].endpoints, ["one:80".into()]);
    }

    #[test]
    fn a_setting_that_cannot_work_is_found_below_a_name_with_dots() {
        let found = mistakes(&RIGHT.replace("one:80", "one"));
        let message = "`upstreams.a.b.endpoints` has `one`, which is not `name:port`";
        assert_eq!(found, [(4, 13, message.to_owned())]);
    }

    #[test]
    fn a_setting_in_a_list_is_found_by_its_number() {
        let found = mistakes(&RIGHT.replace("attempts = 3", "attempts = 0"));
        assert_eq!(
            (found.len(), found[0].0, found[0].1),
            (1, 8, 22),
            "{found:?}"
        );
    }

    #[test]
    fn a_missing_address_does_not_hide_an_unknown_key() {
        let found = mistakes(&RIGHT.replace("listen", "lisen"));
        let messages: Vec<&str> = found.iter().map(|(_, _, message)| &**message).collect();
        assert_eq!(
            messages,
            ["the key `listen` is missing", "unknown key `lisen`"]
        );
    }
}
