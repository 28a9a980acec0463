//! A ring that has at least so many points and at most so many, hashed with xxHash64.

use std::fmt::Write;

use xxhash_rust::xxh64::xxh64;

use super::super::{InvalidPolicy, Nodes};
use super::{MOST_POINTS, Ring, Width};

/// How many points a ring has. The defaults are Envoy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// At least so many: the more, the more even.
    pub minimum: u32,
    /// At most so many, unless there are more nodes. Up to 8 Mi.
    pub maximum: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            minimum: 1024,
            maximum: MOST_POINTS,
        }
    }
}

impl Sizes {
    /// Checks both.
    pub(in super::super) const fn validate(self) -> Result<(), InvalidPolicy> {
        match self {
            Self { minimum: 0, .. } => Err(InvalidPolicy::Zero("minimum")),
            Self { maximum, .. } if maximum > MOST_POINTS => {
                Err(InvalidPolicy::OutOfRange("maximum"))
            }
            Self { minimum, maximum } if minimum > maximum => {
                Err(InvalidPolicy::OutOfRange("minimum"))
            }
            _ => Ok(()),
        }
    }

    /// The points of each node. The lightest gets as many as its part of the minimum takes, rounded up,
    /// the others by weight as many more; if these are too many, all get their part of the maximum.
    fn points(self, nodes: &Nodes) -> Vec<u64> {
        let weights = u128::from(nodes.weight());
        let lightest = nodes.iter().map(|node| u128::from(node.weight)).min();
        let lightest = lightest.unwrap_or(1);
        let least = (u128::from(self.minimum) * lightest).div_ceil(weights.max(1));
        let each = |law: &dyn Fn(u128) -> u128| -> Vec<u64> {
            let weights = nodes.iter().map(|node| u128::from(node.weight));
            weights.map(|weight| law(weight) as u64).collect()
        };
        let points = each(&|weight| (least * weight).div_ceil(lightest));
        let maximum = u64::from(self.maximum);
        if points.iter().sum::<u64>() <= maximum {
            return points;
        }
        each(&|weight| (u128::from(maximum) * weight / weights).max(1))
    }
}

impl Ring {
    /// A ring as Envoy's: the points of a node are the xxHash64 of its name, `_` and their number.
    ///
    /// The points of a node depend on the whole set. If one of N nodes of equal weight leaves, each other
    /// gets about 1/N more of them, and they take about 1/N of the others' keys from where they were.
    /// Where no other key may move, use [`Ring::ketama`].
    pub fn sized(nodes: &Nodes, sizes: Sizes) -> Self {
        let mut text = String::new();
        let mut points = Vec::new();
        for ((node, count), number) in nodes.iter().zip(sizes.points(nodes)).zip(0..) {
            for copy in 0..count {
                text.clear();
                // Writing to a string never fails.
                let _ = write!(text, "{}_{copy}", node.name);
                points.push((xxh64(text.as_bytes(), 0), number));
            }
        }
        Self::new(Width::Bits64, points)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::Endpoint;
    use super::*;

    fn points(weights: &[u32], minimum: u32, maximum: u32) -> Vec<u64> {
        let named = weights.iter().zip('a'..);
        let set: Vec<_> = named
            .map(|(weight, name)| Endpoint::new(name.to_string()).weighing(*weight))
            .collect();
        Sizes { minimum, maximum }.points(&Nodes::new(&set))
    }

    #[test]
    fn the_lightest_node_has_its_part_of_the_minimum_and_the_others_as_many_more() {
        assert_eq!(points(&[1; 10], 1024, 8 << 20), [103; 10]);
        assert_eq!(points(&[1, 3], 1024, 8 << 20), [256, 768]);
        assert_eq!(points(&[2, 3], 7, 100), [3, 5]);
    }

    #[test]
    fn no_weight_makes_more_points_than_the_maximum() {
        assert_eq!(points(&[1, u32::MAX], 1024, 2048), [1, 2047]);
        assert_eq!(points(&[1, 1], 3, 3), [1, 1]);
        assert_eq!(points(&[], 1024, 2048), [0; 0]);
    }
}
