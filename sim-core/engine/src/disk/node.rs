//! One file or directory: its bytes as the page cache shows them and as they are on the medium.

use std::time::SystemTime;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The unit in which a medium writes whole or not at all.
pub(super) const SECTOR: usize = 512;
/// The unit in which the file system allocates.
pub(super) const BLOCK: usize = 4096;
/// How much a read that misses the page cache brings in at least (Linux `read_ahead_kb`).
const READ_AHEAD: usize = 128 << 10;

/// A file or directory, whatever it is called.
pub(super) struct Node {
    pub is_dir: bool,
    /// The bytes as a reader sees them.
    pub cached: Vec<u8>,
    /// The bytes on the medium that a committed transaction leads to.
    pub medium: Vec<u8>,
    /// What is newer in the page cache, in order, and in no transaction yet.
    pub dirty: Vec<Write>,
    /// Up to here a write goes to blocks that it had at the last commit and keeps; what lies behind is
    /// reached by a commit only.
    floor: usize,
    /// How many changes of its length are not committed.
    uncommitted_sizes: u32,
    /// The last transaction that changed anything of it (`i_sync_tid`).
    pub changed_in: u64,
    /// The last transaction that changed what is needed to find its bytes (`i_datasync_tid`).
    pub sized_in: u64,
    /// It was emptied and is to be allocated when it is closed.
    pub flush_on_close: bool,
    /// How many names lead to it, now and after a loss of power, and how many hold it open.
    pub names: u32,
    pub durable_names: u32,
    pub handles: u32,
    /// How many changes of it are in transactions that are not committed.
    pub mentions: u32,
    /// Whether its place in the tree is free.
    pub vacant: bool,
    /// When its bytes were last changed, by its host's clock.
    pub modified: SystemTime,
    /// Which of its blocks are allocated.
    blocks: Vec<bool>,
    /// Which of its blocks the page cache does not have; those behind the end of this are there.
    cold: Vec<bool>,
    /// How many times its data could not be written, and whether anybody was told of the last time.
    pub errors: u32,
    pub error_told: bool,
    /// How many bytes were given up that way and in no event yet.
    pub given_up: u64,
}

/// Bytes in the page cache that the medium does not have.
#[derive(Clone)]
pub(super) struct Write {
    pub at: u64,
    pub offset: usize,
    pub bytes: Vec<u8>,
}

impl Write {
    pub fn end(&self) -> usize {
        self.offset + self.bytes.len()
    }

    pub fn apply(&self, to: &mut Vec<u8>) {
        if to.len() < self.end() {
            to.resize(self.end(), 0);
        }
        to[self.offset..self.end()].copy_from_slice(&self.bytes);
    }

    /// A hash of this write after others, whose hash is `before`.
    pub fn hash(&self, before: u64) -> u64 {
        xxh3_64_with_seed(&self.bytes, before.rotate_left(1) ^ self.offset as u64)
    }

    /// The parts before and behind `place`; nothing where a part would be empty.
    pub fn split(mut self, place: usize) -> (Option<Self>, Option<Self>) {
        if self.end() <= place {
            return (Some(self), None);
        }
        if self.offset >= place {
            return (None, Some(self));
        }
        let behind = Self {
            at: self.at,
            offset: place,
            bytes: self.bytes.split_off(place - self.offset),
        };
        (Some(self), Some(behind))
    }

    /// How many sectors of the medium it touches.
    pub fn sectors(&self) -> usize {
        self.end().div_ceil(SECTOR) - self.offset / SECTOR
    }

    /// The beginning of it that fills so many of its sectors.
    pub fn torn_after(&self, sectors: usize) -> Self {
        let cut = (self.offset / SECTOR + sectors) * SECTOR;
        let kept = cut.clamp(self.offset, self.end()) - self.offset;
        Self {
            at: self.at,
            offset: self.offset,
            bytes: self.bytes[..kept].to_vec(),
        }
    }
}

/// A hash of a change of length after others, whose hash is `before`.
pub(super) fn hash_of_size(length: usize, before: u64) -> u64 {
    xxh3_64_with_seed(&length.to_le_bytes(), before.rotate_left(1))
}

impl Node {
    pub fn new(is_dir: bool, transaction: u64) -> Self {
        Self {
            is_dir,
            cached: Vec::new(),
            medium: Vec::new(),
            dirty: Vec::new(),
            floor: 0,
            uncommitted_sizes: 0,
            changed_in: transaction,
            sized_in: transaction,
            flush_on_close: false,
            names: 0,
            durable_names: 0,
            handles: 0,
            mentions: 0,
            vacant: false,
            modified: SystemTime::now(),
            // A directory takes one block.
            blocks: vec![true; usize::from(is_dir)],
            cold: Vec::new(),
            errors: 0,
            error_told: false,
            given_up: 0,
        }
    }

    /// Up to where a write replaces bytes of the medium rather than adding to them.
    pub fn in_place(&self) -> usize {
        if self.uncommitted_sizes == 0 {
            self.medium.len()
        } else {
            self.floor
        }
    }

    /// Whether its length was set since the last commit.
    pub fn is_resized(&self) -> bool {
        self.uncommitted_sizes > 0
    }

    /// Writes into the page cache; how many bytes were allocated for it.
    pub fn write(&mut self, write: Write) -> u64 {
        write.apply(&mut self.cached);
        let allocated = self.allocate(write.offset, write.end());
        self.dirty.push(write);
        self.modified = SystemTime::now();
        allocated
    }

    fn allocate(&mut self, from: usize, to: usize) -> u64 {
        let (first, last) = (from / BLOCK, to.div_ceil(BLOCK));
        if self.blocks.len() < last {
            self.blocks.resize(last, false);
        }
        let mut count = 0;
        for block in &mut self.blocks[first..last] {
            count += u64::from(!*block);
            *block = true;
        }
        let cached = last.min(self.cold.len());
        self.cold[first.min(cached)..cached].fill(false);
        count * BLOCK as u64
    }

    /// How many of `length` bytes at `offset` can be written if no more than `room` is allocated.
    pub fn fits(&self, offset: usize, length: usize, room: u64) -> usize {
        let mut left = room / BLOCK as u64;
        for block in offset / BLOCK..(offset + length).div_ceil(BLOCK) {
            if !self.blocks.get(block).copied().unwrap_or(false) {
                if left == 0 {
                    return (block * BLOCK).saturating_sub(offset);
                }
                left -= 1;
            }
        }
        length
    }

    /// Brings into the page cache what a read of `length` bytes at `from` needs, with what is read
    /// ahead; how many blocks that are.
    pub fn fetch(&mut self, from: usize, length: usize) -> usize {
        let needed = (from / BLOCK).min(self.cold.len())
            ..(from + length).div_ceil(BLOCK).min(self.cold.len());
        if !self.cold[needed.clone()].contains(&true) {
            return 0;
        }
        let ahead = needed.end.max(needed.start + READ_AHEAD / BLOCK);
        let fetched = &mut self.cold[needed.start..ahead.min(self.medium.len().div_ceil(BLOCK))];
        let count = fetched.iter().filter(|cold| **cold).count();
        fetched.fill(false);
        count
    }

    /// Up to which failed write-back a new opening counts as told: an error that nobody was told of is
    /// told to it as well.
    pub fn errors_known(&self) -> u32 {
        if self.errors > 0 && !self.error_told {
            self.errors - 1
        } else {
            self.errors
        }
    }

    /// The kernel could not write data: it gives up what is no younger than `at` and remembers to tell.
    pub fn give_up(&mut self, at: u64) {
        let younger = self.dirty.iter().position(|write| write.at > at);
        let rest = self.dirty.split_off(younger.unwrap_or(self.dirty.len()));
        let given_up = std::mem::replace(&mut self.dirty, rest);
        self.given_up += given_up
            .iter()
            .map(|write| write.bytes.len() as u64)
            .sum::<u64>();
        self.errors += 1;
        self.error_told = false;
    }

    /// How many bytes are allocated for it.
    pub fn allocated(&self) -> u64 {
        self.blocks.iter().filter(|taken| **taken).count() as u64 * BLOCK as u64
    }

    /// Sets the length, in the page cache; the change of the medium is the transaction's.
    pub fn resize(&mut self, length: usize) {
        let before = self.cached.len();
        self.cached.resize(length, 0);
        self.blocks.truncate(length.div_ceil(BLOCK));
        self.cold.truncate(length.div_ceil(BLOCK));
        self.floor = self.in_place().min(length);
        self.uncommitted_sizes += 1;
        // Pages behind the end are dropped, written or not.
        for write in &mut self.dirty {
            let kept = length.clamp(write.offset, write.end()) - write.offset;
            write.bytes.truncate(kept);
        }
        self.dirty.retain(|write| !write.bytes.is_empty());
        self.flush_on_close |= length == 0 && before > 0;
        self.modified = SystemTime::now();
    }

    /// A transaction that set the length is committed.
    pub fn size_committed(&mut self, length: usize) {
        self.medium.resize(length, 0);
        self.uncommitted_sizes -= 1;
    }

    /// The power is back: the page cache is what the medium has.
    pub fn reread(&mut self) {
        self.cached.clone_from(&self.medium);
        self.dirty.clear();
        self.uncommitted_sizes = 0;
        self.flush_on_close = false;
        (self.handles, self.mentions) = (0, 0);
        let blocks = self.medium.len().div_ceil(BLOCK);
        self.blocks
            .resize(blocks.max(usize::from(self.is_dir)), true);
        self.cold = vec![true; blocks];
        (self.errors, self.given_up) = (0, 0);
    }

    /// Frees its place in the page cache when nobody can reach it any more; how much space that gives back.
    pub fn free_if_unreachable(&mut self) -> u64 {
        if self.names > 0 || self.handles > 0 {
            return 0;
        }
        let freed = self.allocated();
        self.blocks = Vec::new();
        self.cached = Vec::new();
        self.dirty = Vec::new();
        freed
    }

    /// Whether nothing leads to it, now, after a loss of power, or by a commit that is to come.
    pub fn is_forgotten(&self) -> bool {
        self.names + self.durable_names + self.handles + self.mentions == 0
    }
}
