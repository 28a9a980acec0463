//! Who should get a key, from tables of every set of willing endpoints.

use std::{collections::BTreeMap, sync::Arc};
use windtunnel_models::balance::Endpoint;
use windtunnel_models::balance::hashed::{Layout, Maglev, Nodes, Rendezvous, Ring, Table};

/// Endpoints that may be in the set.
pub const NAMES: [&str; 6] = ["a:80", "b:80", "c:80", "d:80", "e:80", "f:80"];

/// What they weigh.
pub const WEIGHTS: [[u32; 6]; 2] = [[1; 6], [1, 3, 2, 1, 0, 2]];

pub fn has(mask: u8, name: &str) -> bool {
    let mut bits = NAMES.iter().enumerate();
    bits.any(|(bit, known)| *known == name && mask & (1 << bit) != 0)
}

pub fn endpoints(mask: u8, weights: usize) -> Vec<Endpoint> {
    let named = NAMES.iter().zip(WEIGHTS[weights]);
    named
        .filter(|(name, _)| has(mask, name))
        .map(|(name, weight)| Endpoint::new(*name).weighing(weight))
        .collect()
}

/// Every set of endpoints with a table of its own. Where the law allows it, who gets a key is looked up
/// in the table of those that are willing, so there is no order of succession in here to be wrong.
pub struct Tables {
    pub layout: Layout,
    sets: BTreeMap<Set, Built>,
}

/// Weights and mask.
type Set = (usize, u8);

struct Built {
    nodes: Nodes,
    table: Box<dyn Table>,
    jumps: Rendezvous,
    /// The points of a sized ring.
    ring: Option<Ring>,
}

impl Built {
    fn new(layout: Layout, nodes: Nodes) -> Self {
        let mut sized = None;
        let table: Box<dyn Table> = match layout {
            Layout::Ketama => Box::new(Ring::ketama(&nodes)),
            Layout::Ring(sizes) => Box::new(sized.insert(Ring::sized(&nodes, sizes)).clone()),
            Layout::Maglev(size) => Box::new(Maglev::new(&nodes, size).unwrap()),
            Layout::Rendezvous => Box::new(Rendezvous::new(&nodes)),
        };
        Self {
            jumps: Rendezvous::new(&nodes),
            ring: sized,
            table,
            nodes,
        }
    }

    fn owner(&self, table: &dyn Table, key: u64) -> Option<Arc<str>> {
        table.owner(key).map(|node| self.nodes[node].name.clone())
    }
}

impl Tables {
    pub fn new(layout: Layout) -> Self {
        let masks = 0..1u8 << NAMES.len();
        let sets = (0..WEIGHTS.len()).flat_map(|weights| masks.clone().map(move |m| (weights, m)));
        let built = |set @ (weights, mask)| {
            let nodes = Nodes::new(&endpoints(mask, weights));
            (set, Built::new(layout, nodes))
        };
        Self {
            layout,
            sets: sets.map(built).collect(),
        }
    }

    fn owner(&self, key: u64, weights: usize, mask: u8) -> Option<Arc<str>> {
        let built = &self.sets[&(weights, mask)];
        built.owner(&*built.table, key)
    }

    pub fn jump(&self, key: u64, weights: usize, mask: u8) -> Option<Arc<str>> {
        let built = &self.sets[&(weights, mask)];
        built.owner(&built.jumps, key)
    }

    /// Who gets a key if of `members` those of `willing` may.
    pub fn heir(&self, key: u64, weights: usize, members: u8, willing: u8) -> Option<Arc<str>> {
        match self.layout {
            Layout::Ketama | Layout::Rendezvous => self.owner(key, weights, willing),
            Layout::Maglev(_) => {
                let owner = self.owner(key, weights, members)?;
                if has(willing, &owner) {
                    return Some(owner);
                }
                self.jump(key, weights, willing)
            }
            Layout::Ring(_) => {
                let Built { nodes, ring, .. } = &self.sets[&(weights, members)];
                let points = ring.as_ref()?.points();
                let willing = points.filter(|(_, node)| has(willing, &nodes[*node].name));
                // The nearest point from the key on.
                let nearest = willing.min_by_key(|(at, _)| at.wrapping_sub(key));
                nearest.map(|(_, node)| nodes[node].name.clone())
            }
        }
    }
}
