//! The ring: points of the endpoints on a circle of hashes; a key belongs to the next point.

mod ketama;
mod sized;

pub use sized::Sizes;

use super::Table;

/// More points than this no ring has (Envoy's limit), as long as it has no more nodes.
const MOST_POINTS: u32 = 8 << 20;

/// How long the circle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Hashes have 32 bits. Of a key the low 32 count.
    Bits32,
    /// Hashes have 64 bits.
    Bits64,
}

impl Width {
    const fn mask(self) -> u64 {
        match self {
            Self::Bits32 => u32::MAX as u64,
            Self::Bits64 => u64::MAX,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    at: u64,
    node: u32,
}

/// Points on a circle, sorted once. Points of different nodes in one place all stay, in the order of
/// their nodes: the first one is looked up, the next one follows it.
///
/// The heir of a key is the node that would own it if those that are not willing had no points.
#[derive(Clone, PartialEq, Eq)]
pub struct Ring {
    points: Vec<Point>,
    nodes: usize,
    width: Width,
}

impl Ring {
    /// A ring of these points, each a hash and the number of its node.
    pub fn new(width: Width, points: impl IntoIterator<Item = (u64, u32)>) -> Self {
        let points = points.into_iter();
        let mut points: Vec<_> = points
            .map(|(hash, node)| Point {
                at: hash & width.mask(),
                node,
            })
            .collect();
        points.sort_unstable();
        points.dedup();
        let last = points.iter().map(|point| point.node).max();
        Self {
            nodes: last.map_or(0, |last| last as usize + 1),
            points,
            width,
        }
    }

    /// Every point in order, each a hash and the number of its node.
    pub fn points(&self) -> impl ExactSizeIterator<Item = (u64, usize)> + '_ {
        let points = self.points.iter();
        points.map(|point| (point.at, point.node as usize))
    }

    /// Which part of the circle belongs to each node.
    pub fn shares(&self) -> Vec<f64> {
        let circle = u128::from(self.width.mask()) + 1;
        let mut arcs = vec![0; self.nodes];
        let mut before = self.points.last().map_or(0, |last| u128::from(last.at));
        let mut turned = circle;
        for point in &self.points {
            let at = u128::from(point.at);
            arcs[point.node as usize] += at + turned - before;
            (before, turned) = (at, 0);
        }
        let arcs = arcs.into_iter();
        arcs.map(|arc: u128| arc as f64 / circle as f64).collect()
    }
}

impl Table for Ring {
    fn heir(&self, key: u64, willing: &mut dyn FnMut(usize) -> bool) -> Option<usize> {
        let key = key & self.width.mask();
        let start = self.points.partition_point(|point| point.at < key);
        let (before, from) = self.points.split_at(start);
        let mut walk = from.iter().chain(before).map(|point| point.node as usize);
        let owner = walk.next()?;
        if willing(owner) {
            return Some(owner);
        }
        let mut asked = vec![false; self.nodes];
        asked[owner] = true;
        let fresh = walk.filter(|node| !std::mem::replace(&mut asked[*node], true));
        // The walk ends when all were asked, not at the end of the circle.
        fresh.take(self.nodes - 1).find(|node| willing(*node))
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring")
            .field("points", &self.points.len())
            .field("nodes", &self.nodes)
            .field("width", &self.width)
            .finish()
    }
}
