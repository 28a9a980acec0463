//! Rendezvous hashing: every node has a score for every key, and the highest wins.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Nodes, Table};

/// Highest random weight. The heir of a key is the node with the next highest score, so the keys of one
/// that is not willing are spread over all others by their weight. Nothing is built and nothing sorted; a
/// lookup costs a hash per node.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendezvous {
    contenders: Vec<Contender>,
    is_weighted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Contender {
    seed: u64,
    weight: f64,
}

impl Contender {
    /// 52 bits, so that all of them and a half more are exact in an f64.
    fn hash(&self, key: u64) -> u64 {
        xxh3_64_with_seed(&key.to_le_bytes(), self.seed) >> 12
    }

    /// -w / ln u, u uniform between 0 and 1 and neither of them.
    fn score(&self, key: u64) -> f64 {
        let uniform = (self.hash(key) as f64 + 0.5) / (1_u64 << 52) as f64;
        -self.weight / libm::log(uniform)
    }
}

impl Rendezvous {
    /// Among these nodes, by weight where weights differ.
    pub fn new(nodes: &Nodes) -> Self {
        let contenders = nodes.iter().map(|node| Contender {
            seed: xxh3_64(node.name.as_bytes()),
            weight: f64::from(node.weight),
        });
        let contenders: Vec<_> = contenders.collect();
        let mut pairs = contenders.windows(2);
        Self {
            is_weighted: pairs.any(|pair| pair[0].weight != pair[1].weight),
            contenders,
        }
    }

    /// The willing node with the highest score; of equal ones the first.
    fn highest<S: PartialOrd>(
        &self,
        score: impl Fn(&Contender) -> S,
        willing: &mut dyn FnMut(usize) -> bool,
    ) -> Option<usize> {
        let mut best: Option<(usize, S)> = None;
        for (node, contender) in self.contenders.iter().enumerate() {
            let score = score(contender);
            let is_higher = best.as_ref().is_none_or(|(_, highest)| score > *highest);
            if is_higher && willing(node) {
                best = Some((node, score));
            }
        }
        best.map(|(node, _)| node)
    }
}

impl Table for Rendezvous {
    fn heir(&self, key: u64, willing: &mut dyn FnMut(usize) -> bool) -> Option<usize> {
        if self.is_weighted {
            self.highest(|contender| contender.score(key), willing)
        } else {
            // The score grows with the hash, so of equal weights the highest hash wins.
            self.highest(|contender| contender.hash(key), willing)
        }
    }
}
