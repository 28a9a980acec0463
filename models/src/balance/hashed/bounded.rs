//! Bounded loads: no endpoint has more than a bounded multiple of its fair part in flight.

use super::{InvalidPolicy, Nodes, Rendezvous, Table};

/// How far above its fair part an endpoint may be, in percent of that part: 125 is an ε of 0.25.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound(u32);

impl Bound {
    /// The bound of so many percent, as Envoy's and HAProxy's balance factor.
    ///
    /// # Errors
    ///
    /// Not above 100: ε is zero or less, and how many keys move with each call has no bound.
    pub const fn percent(percent: u32) -> Result<Self, InvalidPolicy> {
        if percent <= 100 {
            return Err(InvalidPolicy::OutOfRange("bound"));
        }
        Ok(Self(percent))
    }

    /// ⌈(1 + ε)·m·w/W⌉ in integers: what a node that has `weight` of `weights` may have in flight of
    /// `calls`. Zero if there are no weights.
    pub fn capacity(self, calls: u64, weight: u32, weights: u64) -> u64 {
        let whole = 100 * u128::from(weights);
        if whole == 0 {
            return 0;
        }
        let part = u128::from(calls).saturating_mul(u128::from(self.0) * u128::from(weight));
        u64::try_from(part.div_ceil(whole)).unwrap_or(u64::MAX)
    }
}

/// Where a call goes: the number of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its key's first willing node.
    Home(usize),
    /// Another one, because that has no room.
    Overflow(usize),
}

impl Place {
    /// The number of the node.
    pub const fn node(self) -> usize {
        match self {
            Self::Home(node) | Self::Overflow(node) => node,
        }
    }
}

/// A bound on what the nodes of a table have in flight.
///
/// A call whose node has no room goes where a random jump lands, and the jump is the key's own: calls of
/// one key overflow to the same node, those of another key of the same node to another one, so a full node
/// does not fill its neighbour. Jumps land by weight (they are [`Rendezvous`] scores, which is to jump
/// until there is room, without landing twice in one place).
#[derive(Clone, Debug)]
pub struct Bounded {
    bound: Bound,
    nodes: Nodes,
    jumps: Rendezvous,
}

impl Bounded {
    /// A bound on these nodes.
    pub fn new(nodes: &Nodes, bound: Bound) -> Self {
        Self {
            bound,
            nodes: nodes.clone(),
            jumps: Rendezvous::new(nodes),
        }
    }

    /// Where in `table`, which is of the same nodes, a call with this key goes if `calls` are spread.
    /// `loads` is what each node has, none if it is not willing: such a node takes no part in the
    /// reckoning either, so the others share what it would have had.
    ///
    /// None if no node has room. If `calls` is one more than the sum of the loads, there is always room
    /// at one of the willing.
    pub fn place(
        &self,
        table: &dyn Table,
        key: u64,
        calls: u64,
        loads: &[Option<u64>],
    ) -> Option<Place> {
        let willing = |node: &usize| loads[*node].is_some();
        let weight = |node: usize| self.nodes[node].weight;
        let numbers = (0..self.nodes.len()).filter(willing);
        let weights = numbers.map(|node| u64::from(weight(node))).sum();
        let mut has_room = |node: usize| {
            let capacity = self.bound.capacity(calls, weight(node), weights);
            loads[node].is_some_and(|load| load < capacity)
        };
        let home = table.heir(key, &mut |node| willing(&node))?;
        if has_room(home) {
            return Some(Place::Home(home));
        }
        let heir = self.jumps.heir(key, &mut has_room);
        heir.map(Place::Overflow)
    }
}
