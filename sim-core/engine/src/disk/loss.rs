//! What a loss of power leaves: the committed names and lengths, what was synced, and of the rest
//! what happened to be written, sector by sector.
//!
//! The kernel may write dirty pages at any moment (memory runs short, another program calls sync), so
//! what is left of unsynced data is drawn. Bytes that replace others survive sector by sector, in no
//! order. Bytes that a file grows by survive as a beginning: with data=ordered its length never
//! covers what was not written. A file whose length was set since the last commit is the old one.

use super::{
    journal::{Journal, Op, Transaction},
    node::{SECTOR, Write},
    tree::{NodeId, Tree},
};
use std::collections::BTreeMap;
use windtunnel_record::Stream;

impl Tree {
    /// The power is gone at `now`. Gives each file that lost unsynced bytes, and how many.
    pub fn lose_power(&mut self, now: u64, stream: &mut Stream) -> Vec<(String, u64)> {
        self.catch_up(now);
        self.draw_commits(stream);
        let mut left = self.uncommitted();
        let mut lost = Vec::new();
        let names: Vec<_> = self
            .names
            .iter()
            .map(|(name, node)| (name.clone(), *node))
            .collect();
        for (name, node) in names {
            let Some(writes) = left.remove(&node) else {
                continue;
            };
            let total: u64 = writes.iter().map(|write| write.bytes.len() as u64).sum();
            let kept = self.keep_some(node, writes, stream);
            if total > kept {
                lost.push((name, total - kept));
            }
        }
        self.boot();
        lost
    }

    /// A commit that was under way may have got through, with all that came before it.
    fn draw_commits(&mut self, stream: &mut Stream) {
        let closing = self.journal.closing.iter().enumerate();
        let with_metadata = closing.filter(|(_, transaction)| transaction.has_metadata());
        let places: Vec<usize> = with_metadata.map(|(place, _)| place).collect();
        if places.is_empty() {
            return;
        }
        let through = stream.below(places.len() as u64 + 1) as usize;
        let count = through.checked_sub(1).map_or(0, |last| places[last] + 1);
        let through: Vec<Transaction> = self.journal.closing.drain(..count).collect();
        for transaction in through {
            self.commit(transaction);
        }
    }

    /// The writes of each file that no commit covers, in order.
    fn uncommitted(&mut self) -> BTreeMap<NodeId, Vec<Write>> {
        let mut left: BTreeMap<NodeId, Vec<Write>> = BTreeMap::new();
        let closing = self.journal.closing.drain(..).collect::<Vec<_>>();
        for transaction in closing.into_iter().chain([self.journal.close()]) {
            for op in transaction.ops {
                if let Op::Data { node, writes } = op {
                    left.entry(node).or_default().extend(writes);
                }
            }
        }
        for node in std::mem::take(&mut self.journal.dirty) {
            let writes = std::mem::take(&mut self.nodes[node].dirty);
            left.entry(node).or_default().extend(writes);
        }
        left
    }

    /// Writes a random part of these to the medium; how many bytes that is.
    fn keep_some(&mut self, number: NodeId, writes: Vec<Write>, stream: &mut Stream) -> u64 {
        let node = &mut self.nodes[number];
        let (in_place, resized) = (node.in_place(), node.is_resized());
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for write in writes {
            let (before, behind) = write.split(in_place);
            inside.extend(before);
            outside.extend(behind);
        }
        let mut kept = keep_sectors(&inside, &mut node.medium, stream);
        if !resized && !outside.is_empty() {
            kept += keep_beginning(&outside, &mut node.medium, stream);
        }
        kept
    }

    /// The host boots: only what is durable is left.
    fn boot(&mut self) {
        self.journal = Journal::new();
        self.names.clone_from(&self.durable_names);
        self.used = 0;
        for number in 0..self.nodes.len() {
            let node = &mut self.nodes[number];
            if node.vacant {
                continue;
            }
            node.reread();
            node.names = node.durable_names;
            (node.changed_in, node.sized_in) = (0, 0);
            self.used += node.allocated();
            self.free(number);
        }
    }
}

/// Each sector is what one of the writes to it made of it, or what it was.
fn keep_sectors(writes: &[Write], medium: &mut Vec<u8>, stream: &mut Stream) -> u64 {
    let mut touched: BTreeMap<usize, Vec<&Write>> = BTreeMap::new();
    for write in writes {
        for sector in write.offset / SECTOR..write.end().div_ceil(SECTOR) {
            touched.entry(sector).or_default().push(write);
        }
    }
    let mut kept = 0;
    for (sector, versions) in touched {
        let version = stream.below(versions.len() as u64 + 1) as usize;
        for write in &versions[..version] {
            let (_, from) = (*write).clone().split(sector * SECTOR);
            let part = from.and_then(|from| from.split((sector + 1) * SECTOR).0);
            if let Some(part) = part {
                part.apply(medium);
                kept += part.bytes.len() as u64;
            }
        }
    }
    kept
}

/// A random number of the writes, and of the next one whole sectors from its beginning.
fn keep_beginning(writes: &[Write], medium: &mut Vec<u8>, stream: &mut Stream) -> u64 {
    let keep = stream.below(writes.len() as u64 + 1) as usize;
    let mut kept = 0;
    for write in &writes[..keep] {
        write.apply(medium);
        kept += write.bytes.len() as u64;
    }
    if let Some(write) = writes.get(keep) {
        let torn = write.torn_after(stream.below(write.sectors() as u64 + 1) as usize);
        if !torn.bytes.is_empty() {
            torn.apply(medium);
        }
        kept += torn.bytes.len() as u64;
    }
    kept
}
