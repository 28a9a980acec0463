//! Which seeds a sweep runs: `7`, `0..500` or `list:1,5,9`.

use std::{fmt, ops::Range, str::FromStr};
use windtunnel_record::Seed;

/// Some seeds, in the order in which they are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// From the first up to, and without, the last.
    Range(Range<u64>),
    /// Just these.
    List(Vec<u64>),
}

/// Why a text names no seeds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeedsError {
    /// Not a number where one must be.
    #[error("`{0}` is not a seed (write `7`, `0..500` or `list:1,5,9`)")]
    NotANumber(String),
    /// Nothing to run.
    #[error("`{0}` names no seed (the end of a range is not part of it: `{1}`)")]
    Empty(String, String),
}

impl Seeds {
    /// The seeds in order.
    pub fn iter(&self) -> impl Iterator<Item = Seed> + '_ {
        let (range, list) = match self {
            Self::Range(range) => (range.clone(), &[][..]),
            Self::List(list) => (0..0, list.as_slice()),
        };
        range.chain(list.iter().copied()).map(Seed)
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        match self {
            Self::Range(range) => range.end.saturating_sub(range.start),
            Self::List(list) => list.len() as u64,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FromStr for Seeds {
    type Err = SeedsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            let digits = part.trim().replace('_', "");
            digits
                .parse::<u64>()
                .map_err(|_| SeedsError::NotANumber(part.trim().to_owned()))
        };
        if let Some(list) = text.trim().strip_prefix("list:") {
            let seeds: Result<Vec<u64>, _> = list.split(',').map(number).collect();
            return seeds.map(Self::List);
        }
        let Some((first, end)) = text.split_once("..") else {
            let seed = number(text)?;
            return Ok(Self::List(vec![seed]));
        };
        let (first, end) = (number(first)?, number(end)?);
        if end <= first {
            let sensible = format!("{first}..{}", first.saturating_add(1));
            return Err(SeedsError::Empty(text.trim().to_owned(), sensible));
        }
        Ok(Self::Range(first..end))
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => write!(f, "{}..{}", range.start, range.end),
            Self::List(list) => {
                let seeds: Vec<String> = list.iter().map(u64::to_string).collect();
                match seeds.as_slice() {
                    [one] => f.write_str(one),
                    _ => write!(f, "list:{}", seeds.join(",")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_lists_and_single_seeds_read_and_print() {
        for (text, expected) in [
            ("2..5", vec![2, 3, 4]),
            ("list:1,5,9", vec![1, 5, 9]),
            ("7", vec![7]),
            ("18446744073709551615", vec![u64::MAX]),
        ] {
            let seeds: Seeds = text.parse().expect(text);
            let all: Vec<u64> = seeds.iter().map(|seed| seed.0).collect();
            assert_eq!(all, expected, "{text}");
            assert_eq!(seeds.len(), expected.len() as u64);
            assert_eq!(seeds.to_string(), text);
        }
        let spaced: Seeds = "list: 1, 2_000".parse().expect("spaces and underscores");
        assert_eq!(spaced, Seeds::List(vec![1, 2_000]));
    }

    #[test]
    fn what_names_no_seed_says_what_would() {
        for (text, hint) in [
            ("", "`` is not a seed"),
            ("abc", "`abc` is not a seed"),
            ("0..x", "`x` is not a seed"),
            ("-1", "`-1` is not a seed"),
            ("list:1,,2", "`` is not a seed"),
            ("5..5", "`5..6`"),
            ("9..5", "`9..10`"),
        ] {
            let error = text.parse::<Seeds>().expect_err(text).to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
