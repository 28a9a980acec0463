//! The questions an expression may ask of a run: their names, what they take, where they may stand.

use super::{
    Asked, ParseError,
    ast::{Kind, Leaf, Node, Place, Type, Window},
    lexer::Token,
    parser::Parser,
    suggest::closest,
};
use windtunnel_record::{Outcome, Span};

/// Questions about the state of the world.
const OF_STATE: [&str; 8] = [
    "sum",
    "count",
    "breaker",
    "open-operations",
    "completed",
    "faults",
    "fault-hits",
    "gauge",
];

/// Questions about the operations of the whole run.
const OF_THE_RUN: [&str; 8] = ["p50", "p90", "p95", "p99", "p999", "max", "rate", "success"];

/// The named arguments of a call.
#[derive(Default)]
struct Named {
    by: Option<String>,
    window: Window,
}

impl Parser<'_> {
    /// A call of `name`, whose opening bracket comes next.
    pub(super) fn call(&mut self, name: &str, place: Place) -> Result<Node, ParseError> {
        self.check_name(name, place)?;
        self.expect("(")?;
        let (leaf, of) = match name {
            "sum" | "count" => (self.tally(name)?, Type::Number),
            "breaker" => {
                let pattern = self.pattern()?;
                (Leaf::Breaker { pattern }, Type::State)
            }
            "open-operations" => (Leaf::OpenOperations, Type::Number),
            "faults" => (Leaf::Faults, Type::Number),
            "fault-hits" => (Leaf::FaultHits, Type::Number),
            "gauge" => {
                let (name, _) = self.word("the name of a gauge", "queue-depth")?;
                (Leaf::Gauge(name), Type::Number)
            }
            "completed" => {
                let (word, place) = self.word("an outcome", "ok")?;
                let outcome = outcome(&word).ok_or_else(|| no_outcome(&word, place, &[]))?;
                (Leaf::Completed(outcome), Type::Number)
            }
            "rate" => {
                let (word, place) = self.word("an outcome or `all`", "ok")?;
                let outcome = outcome(&word);
                if outcome.is_none() && word != "all" {
                    return Err(no_outcome(&word, place, &["all"]));
                }
                let named = self.named(&["after", "before", "of"], true)?;
                (Leaf::Rate(outcome, named.window), Type::Number)
            }
            "success" => {
                let named = self.named(&["after", "before", "of"], false)?;
                (Leaf::Success(named.window), Type::Number)
            }
            quantile => {
                let (word, place) = self.word("`latency`", "latency")?;
                if word != "latency" {
                    let message = format!("there are no quantiles of `{word}`");
                    return Err(ParseError::new(place, message).help("write `latency`"));
                }
                let named = self.named(&["after", "before", "of"], true)?;
                (Leaf::Latency(share(quantile), named.window), Type::Duration)
            }
        };
        let end = self.expect(")")?;
        Ok(Node {
            kind: Kind::Leaf(leaf),
            of,
            place: place.to(end),
        })
    }

    fn check_name(&self, name: &str, place: Place) -> Result<(), ParseError> {
        let (here, elsewhere): (&[&str], &[&str]) = match self.asked {
            Asked::State => (&OF_STATE, &OF_THE_RUN),
            Asked::Run => (&OF_THE_RUN, &OF_STATE),
        };
        if here.contains(&name) {
            return Ok(());
        }
        if elsewhere.contains(&name) {
            let (message, help) = match self.asked {
                Asked::State => ("is about the whole run", "write a `threshold` rule for it"),
                Asked::Run => (
                    "is about the state of the world",
                    "write an `always` rule for it",
                ),
            };
            return Err(ParseError::new(place, format!("`{name}` {message}")).help(help));
        }
        let help = match closest(name, here.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", here.join(", ")),
        };
        let message = format!("there is no question `{name}`");
        Err(ParseError::new(place, message).help(help))
    }

    fn tally(&mut self, name: &str) -> Result<Leaf, ParseError> {
        let (fact, _) = self.word("the name of a fact", "sold")?;
        let by = self.named(&["by"], true)?.by;
        Ok(match name {
            "sum" => Leaf::Sum { name: fact, by },
            _ => Leaf::Count { name: fact, by },
        })
    }

    fn word(&mut self, what: &str, example: &str) -> Result<(String, Place), ParseError> {
        match self.take() {
            (Token::Word(word), place) => Ok((word, place)),
            (token, place) => {
                let message = format!("expected {what}, found {}", token.words());
                let help = format!("write for example `{example}`");
                Err(ParseError::new(place, message).help(help))
            }
        }
    }

    /// The name of a breaker, its beginning, or a pattern with `*`: all text up to the bracket.
    fn pattern(&mut self) -> Result<String, ParseError> {
        let mut place: Option<Place> = None;
        while let (Token::Word(_) | Token::Sign("*" | "-" | ">") | Token::Number(_), part) =
            self.peek().clone()
        {
            place = Some(place.map_or(part, |before| before.to(part)));
            self.take();
        }
        match place {
            Some(place) => Ok(place.of(self.text).to_owned()),
            None => {
                let message = "expected the name of a breaker";
                let help = "write for example `orders->payments` or `*` for all";
                Err(ParseError::new(self.peek().1, message).help(help))
            }
        }
    }

    /// Arguments of the form `name = value`; before the first stands a comma if `comma`.
    fn named(&mut self, known: &[&str], mut comma: bool) -> Result<Named, ParseError> {
        let mut named = Named::default();
        let mut given: Vec<String> = Vec::new();
        loop {
            if matches!(self.peek().0, Token::Sign(")")) {
                return Ok(named);
            }
            if comma && !self.eat(",") {
                let (token, place) = self.peek();
                let message = format!("expected `,` or `)`, found {}", token.words());
                return Err(ParseError::new(*place, message));
            }
            comma = true;
            let example = format!("{} = ..", known[0]);
            let (name, place) = self.word("a named argument", &example)?;
            if !known.contains(&name.as_str()) {
                let help = match closest(&name, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("there are {}", known.join(", ")),
                };
                let message = format!("there is no argument `{name}`");
                return Err(ParseError::new(place, message).help(help));
            }
            if given.contains(&name) {
                return Err(ParseError::new(place, format!("`{name}` is given twice")));
            }
            self.expect("=")?;
            match name.as_str() {
                "by" => named.by = Some(self.word("the name of a field", "item")?.0),
                "of" => named.window.of = Some(self.word("an operation's name", "checkout")?.0),
                "after" => named.window.after = self.duration()?,
                _ => named.window.before = Some(self.duration()?),
            }
            given.push(name);
        }
    }

    fn duration(&mut self) -> Result<Span, ParseError> {
        match self.take() {
            (Token::Duration(span), _) => Ok(span),
            (token, place) => {
                let message = format!("expected a duration, found {}", token.words());
                Err(ParseError::new(place, message).help("write for example `10s`"))
            }
        }
    }
}

fn outcome(word: &str) -> Option<Outcome> {
    match word {
        "ok" => Some(Outcome::Ok),
        "fail" => Some(Outcome::Fail),
        "unknown" => Some(Outcome::Unknown),
        _ => None,
    }
}

fn no_outcome(word: &str, place: Place, more: &[&str]) -> ParseError {
    let known = [&["ok", "fail", "unknown"], more].concat();
    let help = match closest(word, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    ParseError::new(place, format!("there is no outcome `{word}`")).help(help)
}

fn share(quantile: &str) -> f64 {
    match quantile {
        "p50" => 0.5,
        "p90" => 0.9,
        "p95" => 0.95,
        "p99" => 0.99,
        "p999" => 0.999,
        _ => 1.0,
    }
}
