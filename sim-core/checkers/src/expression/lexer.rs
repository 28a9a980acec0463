//! From text to words, numbers and signs, each with its place.

use super::{ParseError, Place};
use windtunnel_record::Span;

/// The smallest parts of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name: letters, digits and `_ . : /`, with `-` and `->` inside.
    Word(String),
    Number(f64),
    /// A number with a unit, bare or in quotes.
    Duration(Span),
    /// An operator or bracket.
    Sign(&'static str),
    End,
}

impl Token {
    /// The token in the words of an error.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Number(number) => format!("`{number}`"),
            Self::Duration(span) => format!("`{span}`"),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Longer signs stand before their beginnings.
const SIGNS: [&str; 14] = [
    "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ",", "=",
];

pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Place)>, ParseError> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let Some(first) = rest.chars().next() else {
            break;
        };
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = if first.is_ascii_digit() {
            number(text, at)?
        } else if first.is_alphabetic() || first == '_' {
            let length = word_length(rest);
            (Token::Word(rest[..length].to_owned()), length)
        } else if first == '"' || first == '\'' {
            quoted(text, at, first)?
        } else {
            sign(text, at, first)?
        };
        all.push((token, Place::new(at, length)));
        at += length;
    }
    all.push((Token::End, Place::new(text.len(), 1)));
    Ok(all)
}

fn is_inside(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '/')
}

/// A `-` belongs to the word when a letter or digit follows it, and so does every `->`.
fn word_length(rest: &str) -> usize {
    let mut length = 0;
    while let Some(c) = rest[length..].chars().next() {
        let after = &rest[length + c.len_utf8()..];
        if is_inside(c) {
            length += c.len_utf8();
        } else if c == '-' && after.starts_with('>') {
            length += 2;
        } else if c == '-' && after.starts_with(char::is_alphanumeric) {
            length += 1;
        } else {
            break;
        }
    }
    length
}

fn number(text: &str, at: usize) -> Result<(Token, usize), ParseError> {
    let rest = &text[at..];
    let digits = rest
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_')))
        .unwrap_or(rest.len());
    let unit = rest[digits..]
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(rest.len() - digits);
    let length = digits + unit;
    if unit > 0 {
        let place = Place::new(at, length);
        return Ok((Token::Duration(duration(&rest[..length], place)?), length));
    }
    let number: Result<f64, _> = rest[..digits].replace('_', "").parse();
    number
        .map(|number| (Token::Number(number), length))
        .map_err(|_| {
            let message = format!("`{}` is not a number", &rest[..digits]);
            ParseError::new(Place::new(at, length), message)
        })
}

fn quoted(text: &str, at: usize, quote: char) -> Result<(Token, usize), ParseError> {
    let inside = &text[at + 1..];
    let Some(length) = inside.find(quote) else {
        let place = Place::new(at, text.len() - at);
        return Err(ParseError::new(place, "the quote is never closed"));
    };
    let place = Place::new(at, length + 2);
    let span = duration(&inside[..length], place)?;
    Ok((Token::Duration(span), length + 2))
}

fn duration(text: &str, place: Place) -> Result<Span, ParseError> {
    text.parse()
        .map_err(|error| ParseError::new(place, format!("{error}")))
}

fn sign(text: &str, at: usize, first: char) -> Result<(Token, usize), ParseError> {
    let rest = &text[at..];
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    let help = match (first, rest.starts_with("&&"), rest.starts_with("||")) {
        (_, true, _) => "write `and`",
        (_, _, true) => "write `or`",
        ('!', ..) => "write `not`, or `!=` for unequal",
        ('≤', ..) => "write `<=`",
        ('≥', ..) => "write `>=`",
        ('%', ..) => "write a share between 0 and 1",
        _ => "",
    };
    let place = Place::new(at, first.len_utf8());
    let message = format!("`{first}` means nothing here");
    Err(ParseError::new(place, message).help(help))
}
