//! The endpoints that a table is built from, in the order that every table numbers them.

use std::ops::Index;
use std::sync::Arc;

use super::super::Endpoint;

/// Endpoints with a share, each name once (the first of its name counts), sorted by name. Whoever has the
/// same set has the same numbers, in whatever order the set was listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes(Arc<[Endpoint]>);

impl Nodes {
    /// The nodes of a set; endpoints of weight zero are left out.
    pub fn new(endpoints: &[Endpoint]) -> Self {
        let mut nodes = endpoints.to_vec();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        nodes.dedup_by(|later, first| later.name == first.name);
        nodes.retain(|node| node.weight > 0);
        Self(nodes.into())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them by number.
    pub fn iter(&self) -> std::slice::Iter<'_, Endpoint> {
        self.0.iter()
    }

    /// The sum of the weights.
    pub fn weight(&self) -> u64 {
        self.iter().map(|node| u64::from(node.weight)).sum()
    }
}

impl Index<usize> for Nodes {
    type Output = Endpoint;

    fn index(&self, node: usize) -> &Endpoint {
        &self.0[node]
    }
}
