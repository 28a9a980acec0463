//! From tokens to typed nodes: one function per level of the grammar.

use super::{
    Asked, ParseError,
    ast::{Kind, Node, Operator, Place, Type, Value},
    lexer::{Token, tokens},
    suggest::closest,
};
use crate::world::BreakerState;

/// How deep brackets and signs may nest; what is deeper is no expression of a person.
const DEEPEST: usize = 64;

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) asked: Asked,
    tokens: Vec<(Token, Place)>,
    next: usize,
    depth: usize,
}

type Parsed = Result<Node, ParseError>;

/// Reads all of `text` as one expression.
pub(super) fn parse(text: &str, asked: Asked) -> Parsed {
    let mut parser = Parser {
        text,
        asked,
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
    };
    let node = parser.any()?;
    match parser.peek() {
        (Token::End, _) => Ok(node),
        (Token::Sign("="), place) => {
            let message = "`=` compares nothing";
            Err(ParseError::new(*place, message).help("write `==`"))
        }
        (token, place) => {
            let message = format!("{} is not expected here", token.words());
            let help = "join conditions with `and` or `or`, numbers with + - * /";
            Err(ParseError::new(*place, message).help(help))
        }
    }
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> &(Token, Place) {
        &self.tokens[self.next]
    }

    pub(super) fn take(&mut self) -> (Token, Place) {
        let taken = self.tokens[self.next].clone();
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        taken
    }

    /// Takes `sign` if it comes next.
    pub(super) fn eat(&mut self, sign: &str) -> bool {
        let found = matches!(&self.peek().0, Token::Sign(found) if *found == sign);
        if found {
            self.take();
        }
        found
    }

    /// Takes `sign`, or says that it is missing.
    pub(super) fn expect(&mut self, sign: &str) -> Result<Place, ParseError> {
        let (token, place) = self.peek().clone();
        if self.eat(sign) {
            return Ok(place);
        }
        let message = format!("expected `{sign}`, found {}", token.words());
        Err(ParseError::new(place, message))
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = matches!(&self.peek().0, Token::Word(found) if found == word);
        if found {
            self.take();
        }
        found
    }

    fn any(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEEPEST {
            let message = format!("brackets nest deeper than {DEEPEST}");
            return Err(ParseError::new(self.peek().1, message));
        }
        let mut left = self.all()?;
        while self.eat_word("or") {
            let right = self.all()?;
            left = joined(Operator::Or, left, right)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn all(&mut self) -> Parsed {
        let mut left = self.negated()?;
        while self.eat_word("and") {
            let right = self.negated()?;
            left = joined(Operator::And, left, right)?;
        }
        Ok(left)
    }

    fn negated(&mut self) -> Parsed {
        let from = self.peek().1;
        let mut negated = 0;
        while self.eat_word("not") {
            negated += 1;
        }
        let mut node = self.comparison()?;
        if negated > 0 {
            must(&node, Type::Truth, "`not`")?;
        }
        if negated % 2 == 1 {
            let place = from.to(node.place);
            node = Node {
                kind: Kind::Not(Box::new(node)),
                of: Type::Truth,
                place,
            };
        }
        Ok(node)
    }

    fn comparison(&mut self) -> Parsed {
        let left = self.sum()?;
        let Some(operator) = self.comparing() else {
            return Ok(left);
        };
        let right = self.sum()?;
        let place = self.peek().1;
        if self.comparing().is_some() {
            let help = "write `a < b and b < c`";
            return Err(ParseError::new(place, "comparisons do not chain").help(help));
        }
        compared(operator, left, right)
    }

    fn comparing(&mut self) -> Option<Operator> {
        let signs = [
            ("<", Operator::Less),
            ("<=", Operator::AtMost),
            (">", Operator::More),
            (">=", Operator::AtLeast),
            ("==", Operator::Equal),
            ("!=", Operator::Unequal),
        ];
        let found = signs.into_iter().find(|(sign, _)| self.eat(sign));
        found.map(|(_, operator)| operator)
    }

    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        loop {
            let operator = if self.eat("+") {
                Operator::Add
            } else if self.eat("-") {
                Operator::Subtract
            } else {
                return Ok(left);
            };
            let right = self.product()?;
            left = added(operator, left, right)?;
        }
    }

    fn product(&mut self) -> Parsed {
        let mut left = self.signed()?;
        loop {
            let operator = if self.eat("*") {
                Operator::Multiply
            } else if self.eat("/") {
                Operator::Divide
            } else {
                return Ok(left);
            };
            let right = self.signed()?;
            left = multiplied(operator, left, right)?;
        }
    }

    fn signed(&mut self) -> Parsed {
        let from = self.peek().1;
        if !self.eat("-") {
            return self.single();
        }
        let node = self.single()?;
        must(&node, Type::Number, "`-`")?;
        Ok(Node {
            place: from.to(node.place),
            kind: Kind::Negate(Box::new(node)),
            of: Type::Number,
        })
    }

    fn single(&mut self) -> Parsed {
        let (token, place) = self.take();
        let (value, of) = match token {
            Token::Number(number) => (Value::Number(number), Type::Number),
            Token::Duration(span) => (Value::Duration(span.as_nanos() as f64), Type::Duration),
            Token::Sign("(") => {
                let mut inner = self.any()?;
                let whole = place.to(self.expect(")")?);
                // A question keeps its own place: witnesses quote it.
                if !matches!(inner.kind, Kind::Leaf(_)) {
                    inner.place = whole;
                }
                return Ok(inner);
            }
            Token::Word(word) if matches!(self.peek().0, Token::Sign("(")) => {
                return self.call(&word, place);
            }
            Token::Word(word) => constant(&word, place)?,
            Token::Sign(_) | Token::End => {
                let message = format!("expected a value, found {}", token.words());
                let help = "write a number, a duration or a question such as `sum(sold)`";
                return Err(ParseError::new(place, message).help(help));
            }
        };
        Ok(Node {
            kind: Kind::Constant(value),
            of,
            place,
        })
    }
}

/// A word that stands alone.
fn constant(word: &str, place: Place) -> Result<(Value, Type), ParseError> {
    let known = [
        ("open", Value::State(BreakerState::Open)),
        ("closed", Value::State(BreakerState::Closed)),
        ("half-open", Value::State(BreakerState::HalfOpen)),
        ("true", Value::Truth(true)),
        ("false", Value::Truth(false)),
    ];
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == word) {
        let of = match value {
            Value::Truth(_) => Type::Truth,
            _ => Type::State,
        };
        return Ok((*value, of));
    }
    let help = match closest(word, known.iter().map(|(name, _)| *name)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("a fact is asked for as `sum({word})` or `count({word})`"),
    };
    let message = format!("`{word}` is not a value");
    Err(ParseError::new(place, message).help(help))
}

fn must(node: &Node, wanted: Type, whose: &str) -> Result<(), ParseError> {
    if node.of == wanted {
        return Ok(());
    }
    let (wanted, found) = (wanted.words(), node.of.words());
    let message = format!("{whose} takes {wanted}, but this is {found}");
    Err(ParseError::new(node.place, message))
}

fn binary(operator: Operator, of: Type, left: Node, right: Node) -> Node {
    Node {
        place: left.place.to(right.place),
        kind: Kind::Binary(operator, Box::new([left, right])),
        of,
    }
}

fn joined(operator: Operator, left: Node, right: Node) -> Parsed {
    let whose = match operator {
        Operator::And => "`and`",
        _ => "`or`",
    };
    must(&left, Type::Truth, whose)?;
    must(&right, Type::Truth, whose)?;
    Ok(binary(operator, Type::Truth, left, right))
}

fn compared(operator: Operator, left: Node, right: Node) -> Parsed {
    let place = left.place.to(right.place);
    if left.of != right.of {
        let (one, other) = (left.of.words(), right.of.words());
        let message = format!("{one} and {other} cannot be compared");
        let help = match (left.of, right.of) {
            (Type::Duration, Type::Number) | (Type::Number, Type::Duration) => {
                "a duration has a unit, such as `800ms`"
            }
            _ => "",
        };
        return Err(ParseError::new(place, message).help(help));
    }
    let ordered = !matches!(operator, Operator::Equal | Operator::Unequal);
    if ordered && matches!(left.of, Type::Truth | Type::State) {
        let message = format!("{} has no order", left.of.words());
        return Err(ParseError::new(place, message).help("write `==` or `!=`"));
    }
    Ok(binary(operator, Type::Truth, left, right))
}

fn added(operator: Operator, left: Node, right: Node) -> Parsed {
    let wanted = match left.of {
        Type::Duration => Type::Duration,
        _ => Type::Number,
    };
    must(&left, wanted, "this sum")?;
    must(&right, wanted, "this sum")?;
    Ok(binary(operator, wanted, left, right))
}

fn multiplied(operator: Operator, left: Node, right: Node) -> Parsed {
    let of = match (operator, left.of, right.of) {
        (_, Type::Duration, Type::Number) => Type::Duration,
        (Operator::Multiply, Type::Number, Type::Duration) => Type::Duration,
        (Operator::Divide, Type::Duration, Type::Duration) => Type::Number,
        _ => {
            must(&left, Type::Number, "this product")?;
            must(&right, Type::Number, "this product")?;
            Type::Number
        }
    };
    Ok(binary(operator, of, left, right))
}
