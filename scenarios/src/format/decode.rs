//! From text to data, table by table, so that one mistake does not hide the next.

use super::{
    Check, Expect, Load, Network, Policy, Problem, Run, Scenario, Service,
    explain::{explain, unknown},
    places::{Part, Places},
    prune, references,
    references::Checker,
    rules, settings, together,
};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, ops::Range};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

const PARTS: [&str; 11] = [
    "format", "name", "about", "expect", "run", "services", "policies", "network", "load",
    "faults", "checks",
];

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn from_toml(text: &str) -> Result<Self, Vec<Problem>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(syntax(text, &errors));
        }
        let mut reader = Reader {
            text,
            problems: Vec::new(),
            places: Places::default(),
        };
        let scenario = reader.scenario(root.into_inner());
        let Reader {
            places,
            mut problems,
            ..
        } = reader;
        let mut checker = Checker {
            scenario: &scenario,
            text,
            places: &places,
            problems: &mut problems,
        };
        references::check(&mut checker);
        rules::check(&mut checker);
        settings::check(&mut checker);
        together::check(&mut checker);
        problems.sort_by(|one, other| {
            (one.span.start, &one.message).cmp(&(other.span.start, &other.message))
        });
        problems.dedup();
        if problems.is_empty() {
            Ok(scenario)
        } else {
            Err(problems)
        }
    }
}

/// What is no TOML, at most once per line: the parser goes on inside a line it has lost.
pub(super) fn syntax(text: &str, errors: &[toml::de::Error]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = errors
        .iter()
        .map(|error| Problem::at(text, error.span().unwrap_or(0..0), error.message().trim()))
        .collect();
    problems.sort_by_key(|problem| problem.span.start);
    problems.dedup_by_key(|problem| problem.line);
    problems
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
    places: Places<'t>,
}

impl<'t> Reader<'t> {
    fn scenario(&mut self, root: DeTable<'t>) -> Scenario {
        let mut scenario = Scenario {
            format: 0,
            name: String::new(),
            about: String::new(),
            expect: None,
            run: Run::default(),
            services: BTreeMap::new(),
            policies: BTreeMap::new(),
            network: Network::default(),
            load: Vec::new(),
            faults: Vec::new(),
            checks: Vec::new(),
        };
        for key in ["format", "name"] {
            if !root.keys().any(|found| found.get_ref() == key) {
                let missing = Problem::at(self.text, 0..0, format!("the key `{key}` is missing"));
                let right = ["format = 1", "name = \"my-scenario\""][usize::from(key == "name")];
                self.problems
                    .push(missing.help(format!("write {right} at the top")));
            }
        }
        for (key, value) in root {
            let (at, name) = (key.span(), key.into_inner());
            match name.as_ref() {
                "format" => scenario.format = self.format(value),
                "name" => scenario.name = self.string(value),
                "about" => scenario.about = self.string(value),
                "expect" => scenario.expect = self.table::<Expect>("expect", value),
                "run" => scenario.run = self.table("run", value).unwrap_or_default(),
                "network" => scenario.network = self.table("network", value).unwrap_or_default(),
                "services" => scenario.services = self.named::<Service>("services", value),
                "policies" => scenario.policies = self.named::<Policy>("policies", value),
                "load" => scenario.load = self.list::<Load>("load", value),
                "faults" => scenario.faults = self.list("faults", value),
                "checks" => scenario.checks = self.list::<Check>("checks", value),
                other => self
                    .problems
                    .push(unknown(self.text, at, "key", other, &PARTS)),
            }
        }
        scenario
    }

    fn format(&mut self, value: Spanned<DeValue<'t>>) -> u32 {
        let at = value.span();
        match value.into_inner() {
            DeValue::Integer(number) if number.as_str() == "1" => 1,
            _ => {
                let problem = Problem::at(self.text, at, "this version reads format 1");
                self.problems.push(problem.help("write format = 1"));
                1
            }
        }
    }

    fn string(&mut self, value: Spanned<DeValue<'t>>) -> String {
        let at = value.span();
        match value.into_inner() {
            DeValue::String(text) => text.into_owned(),
            _ => {
                self.problems
                    .push(Problem::at(self.text, at, "this must be a text in quotes"));
                String::new()
            }
        }
    }

    /// Decodes one table.
    fn table<T: DeserializeOwned>(&mut self, path: &str, value: Spanned<DeValue<'t>>) -> Option<T> {
        let span = value.span();
        let DeValue::Table(mut table) = value.into_inner() else {
            let problem = Problem::at(self.text, span.clone(), format!("`{path}` must be a table"));
            self.problems
                .push(problem.help(format!("write [{path}], or braces")));
            self.failed(path, span, DeTable::new());
            return None;
        };
        let before = table.clone();
        let (decoded, errors) = prune::decode(&mut table, &span);
        let explained = errors.iter().map(|e| explain(self.text, e, span.clone()));
        self.problems.extend(explained);
        if decoded.is_some() {
            let whole = errors.is_empty();
            self.places
                .decoded
                .insert(path.into(), Part { span, table, whole });
        } else {
            self.failed(path, span, before);
        }
        decoded
    }

    fn failed(&mut self, path: &str, span: Range<usize>, table: DeTable<'t>) {
        let part = Part {
            span,
            table,
            whole: false,
        };
        self.places.failed.push((path.into(), part));
    }

    /// Decodes a table of named tables.
    fn named<T: DeserializeOwned>(
        &mut self,
        path: &str,
        value: Spanned<DeValue<'t>>,
    ) -> BTreeMap<String, T> {
        let at = value.span();
        let DeValue::Table(table) = value.into_inner() else {
            let problem = Problem::at(self.text, at, format!("`{path}` must hold named tables"));
            self.problems
                .push(problem.help(format!("write [{path}.some-name]")));
            return BTreeMap::new();
        };
        let mut named = BTreeMap::new();
        for (key, value) in table {
            let name = key.into_inner().into_owned();
            if let Some(decoded) = self.table(&format!("{path}.{name}"), value) {
                named.insert(name, decoded);
            }
        }
        named
    }

    /// Decodes an array of tables. Places count what could be decoded, as the data does.
    fn list<T: DeserializeOwned>(&mut self, path: &str, value: Spanned<DeValue<'t>>) -> Vec<T> {
        let at = value.span();
        let DeValue::Array(array) = value.into_inner() else {
            let problem = Problem::at(self.text, at, format!("`{path}` must be a list of tables"));
            self.problems
                .push(problem.help(format!("write [[{path}]]")));
            return Vec::new();
        };
        let mut list = Vec::new();
        for value in array {
            list.extend(self.table::<T>(&format!("{path}.{}", list.len()), value));
        }
        list
    }
}
