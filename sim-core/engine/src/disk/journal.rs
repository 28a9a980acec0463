//! The journal of the file system and the write-back of old data: what reaches the medium by itself.
//!
//! Both are computed when somebody looks, not by timers: an idle disk costs nothing, and waiting for a
//! commit never counts as work that is pending.

use super::{
    node::{Write, hash_of_size},
    tree::{NodeId, Tree},
};
use std::collections::{BTreeSet, VecDeque};
use windtunnel_record::fault::DiskOperation;

const SECOND: u64 = 1_000_000_000;
/// A transaction is committed so long after its first change (ext4's `commit`).
pub(super) const COMMIT_EVERY: u64 = 5 * SECOND;
/// Dirty data of this age are written back (`vm.dirty_expire_centisecs`) ...
pub(super) const DIRTY_EXPIRES: u64 = 30 * SECOND;
/// ... when the flusher next wakes (`vm.dirty_writeback_centisecs`).
pub(super) const WRITE_BACK_EVERY: u64 = 5 * SECOND;

/// A change that a transaction makes durable.
pub(super) enum Op {
    /// A name leads to a file, or to nothing any more.
    Name { path: String, node: Option<NodeId> },
    /// A file has another length.
    Size { node: NodeId, length: usize },
    /// Data that are on the medium before the transaction is: data=ordered.
    Data { node: NodeId, writes: Vec<Write> },
}

/// Changes that become durable together or not at all.
pub(super) struct Transaction {
    pub number: u64,
    /// When its first change came; none while it is empty.
    pub opened: Option<u64>,
    pub ops: Vec<Op>,
}

impl Transaction {
    /// Whether it changes names or lengths, not data alone.
    pub fn has_metadata(&self) -> bool {
        self.ops.iter().any(|op| !matches!(op, Op::Data { .. }))
    }
}

/// The transactions of a disk.
pub(super) struct Journal {
    pub running: Transaction,
    /// Those that an fsync closed and whose commit is under way, oldest first.
    pub closing: VecDeque<Transaction>,
    /// Files with data that are in no transaction.
    pub dirty: BTreeSet<NodeId>,
    /// Nothing is written back or committed by itself before this.
    quiet_until: u64,
}

impl Journal {
    pub fn new() -> Self {
        Self {
            running: Transaction::new(1),
            closing: VecDeque::new(),
            dirty: BTreeSet::new(),
            quiet_until: u64::MAX,
        }
    }

    /// Something was changed at `now` that the running transaction holds.
    pub fn touch(&mut self, now: u64) -> u64 {
        if self.running.opened.is_none() {
            self.running.opened = Some(now);
            self.quiet_until = self.quiet_until.min(now + COMMIT_EVERY);
        }
        self.running.number
    }

    /// Closes the running transaction and begins the next.
    pub fn close(&mut self) -> Transaction {
        let next = Transaction::new(self.running.number + 1);
        std::mem::replace(&mut self.running, next)
    }
}

impl Transaction {
    pub fn new(number: u64) -> Self {
        Self {
            number,
            opened: None,
            ops: Vec::new(),
        }
    }
}

/// What an fsync makes durable, for its event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Covered {
    pub bytes: u64,
    pub content: u64,
}

impl Op {
    fn node(&self) -> Option<NodeId> {
        match self {
            Self::Name { node, .. } => *node,
            Self::Size { node, .. } | Self::Data { node, .. } => Some(*node),
        }
    }
}

impl Tree {
    /// Enters a change at `now`; the number of its transaction.
    pub fn enter(&mut self, now: u64, op: Op) -> u64 {
        if let Some(node) = op.node() {
            self.nodes[node].mentions += 1;
        }
        self.journal.running.ops.push(op);
        self.journal.touch(now)
    }

    /// Does what the kernel did by itself until `now`: commits and write-backs, in their order.
    pub fn catch_up(&mut self, now: u64) {
        if now < self.journal.quiet_until {
            return;
        }
        loop {
            let commit = match self.journal.running.opened {
                // The commit of a transaction waits for the one before it.
                Some(opened) if self.journal.closing.is_empty() => opened + COMMIT_EVERY,
                _ => u64::MAX,
            };
            let write_back = self.next_write_back();
            let next = commit.min(write_back);
            if next > now {
                self.journal.quiet_until = next;
                return;
            }
            if commit <= write_back {
                let transaction = self.journal.close();
                self.commit(transaction);
            } else {
                self.write_back(write_back);
            }
        }
    }

    /// When the flusher will find dirty data that are old enough.
    fn next_write_back(&self) -> u64 {
        let oldest = self
            .journal
            .dirty
            .iter()
            .filter_map(|&node| self.due_at(node));
        oldest.min().unwrap_or(u64::MAX)
    }

    fn due_at(&self, node: NodeId) -> Option<u64> {
        let dirtied = self.nodes[node].dirty.first()?.at;
        Some((dirtied + DIRTY_EXPIRES).next_multiple_of(WRITE_BACK_EVERY))
    }

    /// The flusher wakes at `at`: files whose oldest dirty data have expired are written whole.
    fn write_back(&mut self, at: u64) {
        let due = |node: &NodeId| self.due_at(*node).is_some_and(|due| due <= at);
        let due: Vec<NodeId> = self.journal.dirty.iter().copied().filter(due).collect();
        for node in due {
            match self.troubles.failure(DiskOperation::Sync) {
                Some(_) => self.give_up(node, at),
                None => self.allocate(node, at),
            }
        }
    }

    /// Data of a file that are no younger than `at` could not be written: their pages count as clean
    /// from now on. Whoever syncs the file next is told.
    pub fn give_up(&mut self, number: NodeId, at: u64) {
        self.nodes[number].give_up(at);
        if self.nodes[number].dirty.is_empty() {
            self.journal.dirty.remove(&number);
        }
    }

    /// As [`Tree::begin_sync`] for a sync that will tell an error: data are written, but nothing is
    /// committed.
    pub fn begin_sync_in_vain(&mut self, number: NodeId, now: u64) {
        self.allocate(number, now);
        let nothing = Transaction::new(self.journal.running.number);
        self.journal.closing.push_back(nothing);
    }

    /// Writes the dirty data of a file that are no younger than `at`: what has its blocks is on the
    /// medium then, what needed new ones is reached when the running transaction commits.
    pub fn allocate(&mut self, number: NodeId, at: u64) {
        let node = &mut self.nodes[number];
        let in_place = node.in_place();
        let younger = node.dirty.iter().position(|write| write.at > at);
        let rest = node.dirty.split_off(younger.unwrap_or(node.dirty.len()));
        let mut added = Vec::new();
        for write in std::mem::replace(&mut node.dirty, rest) {
            let (inside, outside) = write.split(in_place);
            if let Some(inside) = inside {
                inside.apply(&mut node.medium);
            }
            added.extend(outside);
        }
        if node.dirty.is_empty() {
            self.journal.dirty.remove(&number);
        }
        if !added.is_empty() {
            let op = Op::Data {
                node: number,
                writes: added,
            };
            let transaction = self.enter(at, op);
            let node = &mut self.nodes[number];
            (node.changed_in, node.sized_in) = (transaction, transaction);
        }
    }

    /// What begins when a file is synced: its dirty data are on their way, and the running transaction
    /// is closed if it holds a change that the caller waits for. To be followed by
    /// [`Tree::finish_sync`], one for each.
    pub fn begin_sync(&mut self, number: NodeId, data_only: bool) -> Covered {
        let covered = self.covered(number);
        let node = &mut self.nodes[number];
        let in_place = node.in_place();
        let writes = std::mem::take(&mut node.dirty);
        self.journal.dirty.remove(&number);
        let grows = writes.iter().any(|write| write.end() > in_place);
        let changed_in = if data_only {
            node.sized_in
        } else {
            node.changed_in
        };
        let commits = grows || changed_in == self.journal.running.number;
        let mut transaction = if commits {
            self.journal.close()
        } else {
            Transaction::new(self.journal.running.number)
        };
        if !writes.is_empty() {
            self.nodes[number].mentions += 1;
            transaction.ops.push(Op::Data {
                node: number,
                writes,
            });
        }
        self.journal.closing.push_back(transaction);
        covered
    }

    /// What a sync of a file would make durable.
    fn covered(&self, number: NodeId) -> Covered {
        let mut covered = Covered::default();
        for op in &self.journal.running.ops {
            match op {
                Op::Size { node, length } if *node == number => {
                    covered.content = hash_of_size(*length, covered.content);
                }
                Op::Data { node, writes } if *node == number => covered.add(writes),
                _ => {}
            }
        }
        covered.add(&self.nodes[number].dirty);
        covered
    }

    /// The oldest sync that began is through.
    pub fn finish_sync(&mut self, now: u64) {
        if let Some(transaction) = self.journal.closing.pop_front() {
            self.commit(transaction);
        }
        self.journal.quiet_until = 0;
        self.catch_up(now);
    }

    /// A transaction is on the medium.
    pub fn commit(&mut self, transaction: Transaction) {
        for op in transaction.ops {
            let mentioned = op.node();
            match op {
                Op::Name { path, node } => self.commit_name(path, node),
                Op::Size { node, length } => self.nodes[node].size_committed(length),
                Op::Data { node, writes } => {
                    for write in writes {
                        write.apply(&mut self.nodes[node].medium);
                    }
                }
            }
            if let Some(node) = mentioned {
                self.nodes[node].mentions -= 1;
                self.free(node);
            }
        }
    }

    fn commit_name(&mut self, path: String, node: Option<NodeId>) {
        let before = match node {
            Some(node) => {
                self.nodes[node].durable_names += 1;
                self.durable_names.insert(path, node)
            }
            None => self.durable_names.remove(&path),
        };
        if let Some(before) = before {
            self.nodes[before].durable_names -= 1;
            self.free(before);
        }
    }
}

impl Covered {
    fn add(&mut self, writes: &[Write]) {
        for write in writes {
            self.bytes += write.bytes.len() as u64;
            self.content = write.hash(self.content);
        }
    }
}
