//! From text to data, table by table, so that one mistake does not hide the next.

use super::{
    Check, Expect, Load, Network, Policy, Problem, Run, Scenario, Service, problem::closest,
    references,
};
use serde::{Deserialize, de::IntoDeserializer};
use std::{collections::BTreeMap, ops::Range};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Where the parts of a scenario stand in its text, for problems found later.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By path, such as `services.orders` or `faults.2`.
    tables: BTreeMap<String, Range<usize>>,
}

impl Places {
    /// Where a text is quoted inside a table, or the table itself.
    pub fn find(&self, text: &str, table: &str, quoted: &str) -> Range<usize> {
        let Some(span) = self.tables.get(table) else {
            return 0..0;
        };
        let end = self.end_of(text, span);
        let within = &text[span.start..end];
        match within.find(&format!("\"{quoted}\"")) {
            Some(at) => span.start + at + 1..span.start + at + 1 + quoted.len(),
            None => span.start..span.end.min(end),
        }
    }

    /// A table's own span is its header; what belongs to it goes on to the next table.
    fn end_of(&self, text: &str, span: &Range<usize>) -> usize {
        let later = self
            .tables
            .values()
            .map(|other| other.start)
            .filter(|start| *start > span.start);
        later
            .min()
            .unwrap_or(text.len())
            .max(span.end)
            .min(text.len())
    }
}

const PARTS: [&str; 11] = [
    "format", "name", "about", "expect", "run", "services", "policies", "network", "load",
    "faults", "checks",
];
/// Parts of the format that are planned and not here yet.
const NOT_YET: [&str; 2] = ["backing", "sagas"];

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn from_toml(text: &str) -> Result<Self, Vec<Problem>> {
        let root = match DeTable::parse(text) {
            Ok(root) => root,
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                return Err(vec![Problem::at(text, span, error.message().trim())]);
            }
        };
        let mut reader = Reader {
            text,
            problems: Vec::new(),
            places: Places::default(),
        };
        let scenario = reader.scenario(root.into_inner());
        references::check(&scenario, text, &reader.places, &mut reader.problems);
        reader.problems.sort_by_key(|problem| problem.span.start);
        if reader.problems.is_empty() {
            Ok(scenario)
        } else {
            Err(reader.problems)
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
    places: Places,
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
                other => self.unknown(at, other),
            }
        }
        if scenario.name.is_empty() {
            let missing = Problem::at(self.text, 0..0, "the scenario has no `name`");
            self.problems
                .push(missing.help("write name = \"my-scenario\" at the top"));
        }
        if scenario.format == 0 && !self.problems.iter().any(|p| p.message.contains("format")) {
            let missing = Problem::at(self.text, 0..0, "the file has no `format`");
            self.problems
                .push(missing.help("write format = 1 in the first line"));
        }
        scenario
    }

    fn unknown(&mut self, at: Range<usize>, name: &str) {
        let problem = if NOT_YET.contains(&name) {
            Problem::at(self.text, at, format!("`{name}` is not modelled yet"))
        } else {
            let problem = Problem::at(self.text, at, format!("there is no part called `{name}`"));
            match closest(name, PARTS) {
                Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                None => problem.help(format!("the parts are {}", PARTS.join(", "))),
            }
        };
        self.problems.push(problem);
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
    fn table<T: for<'de> Deserialize<'de>>(
        &mut self,
        path: &str,
        value: Spanned<DeValue<'t>>,
    ) -> Option<T> {
        let at = value.span();
        self.places.tables.insert(path.into(), at.clone());
        let DeValue::Table(table) = value.into_inner() else {
            self.problems.push(Problem::at(
                self.text,
                at,
                format!("`{path}` must be a table"),
            ));
            return None;
        };
        match T::deserialize(Spanned::new(at.clone(), table).into_deserializer()) {
            Ok(decoded) => Some(decoded),
            Err(error) => {
                let problem = explain(self.text, &error, at);
                self.problems.push(problem);
                None
            }
        }
    }

    /// Decodes a table of named tables.
    fn named<T: for<'de> Deserialize<'de>>(
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
            } else {
                self.places
                    .tables
                    .entry(format!("{path}.{name}"))
                    .or_insert(0..0);
            }
        }
        named
    }

    /// Decodes an array of tables.
    fn list<T: for<'de> Deserialize<'de>>(
        &mut self,
        path: &str,
        value: Spanned<DeValue<'t>>,
    ) -> Vec<T> {
        let at = value.span();
        let DeValue::Array(array) = value.into_inner() else {
            let problem = Problem::at(self.text, at, format!("`{path}` must be a list of tables"));
            self.problems
                .push(problem.help(format!("write [[{path}]]")));
            return Vec::new();
        };
        let decoded = array
            .into_iter()
            .enumerate()
            .map(|(number, value)| self.table(&format!("{path}.{number}"), value));
        decoded.flatten().collect()
    }
}

impl Places {
    /// The names of the tables below `path`, also of those that could not be decoded.
    pub fn below<'p>(&'p self, path: &'p str) -> impl Iterator<Item = &'p str> {
        self.tables
            .keys()
            .filter_map(move |table| table.strip_prefix(path)?.strip_prefix('.'))
    }
}

/// A decoder's error in our words: what, and what would have been right.
fn explain(text: &str, error: &toml::de::Error, table: Range<usize>) -> Problem {
    let message = error.message().trim().to_owned();
    let span = error.span().unwrap_or(table);
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let (Some(&found), true) = (quoted.first(), unknown) else {
        return Problem::at(text, span, message);
    };
    let known = quoted[1..].iter().copied();
    let what = if message.starts_with("unknown field") {
        "key"
    } else {
        "choice"
    };
    // The decoder points at the value or the table: the word itself is better.
    let span = text[span.start..]
        .find(found)
        .filter(|at| span.start + at <= span.end.max(span.start + 400))
        .map_or(span.clone(), |at| {
            span.start + at..span.start + at + found.len()
        });
    let problem = Problem::at(text, span, format!("unknown {what} `{found}`"));
    match closest(found, known.clone()) {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => {
            let all: Vec<_> = known.collect();
            problem.help(format!("one of {}", all.join(", ")))
        }
    }
}
