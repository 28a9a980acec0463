//! A host's disk: files whose writes sit in a page cache until they are fsynced or written back.
//!
//! A crash of the process keeps the page cache. A loss of power keeps what ext4 keeps with its default
//! options (data=ordered, auto_da_alloc, commit=5). The rules, each with the test in `tests` that
//! holds it:
//!
//! | Rule | Source |
//! |---|---|
//! | fsync makes durable what was written to the file before it, and nothing written after it began | fsync(2) |
//! | fsync of a file that changed since the last commit commits the running transaction: every creation, rename, removal and change of length on the disk before it, the file's own name too | ext4 `fsync.c`, jbd2 |
//! | fdatasync does the same if the file grew or was cut off, and commits nothing if bytes were only replaced | fdatasync(2), `i_datasync_tid` |
//! | fsync of a directory commits if a name in it changed | ext4 `fsync.c` |
//! | names and lengths without a sync are durable 5 s after the first change of their transaction, in order | ext4 `commit=5` |
//! | a name can be durable before the bytes: the file is then short or empty (delayed allocation) | ext4 `delalloc` |
//! | a rename over a file puts the new bytes on the medium before the rename: afterwards there is the old file or the new one, whole | ext4 `auto_da_alloc` |
//! | a file that was emptied, rewritten and closed is the old one or the new one as well; while it is still open, it may be empty | ext4 `auto_da_alloc` |
//! | dirty data of 30 s are written when the flusher wakes, each 5 s; what they add to a file is reached with the next commit | `vm.dirty_expire_centisecs`, `vm.dirty_writeback_centisecs` |
//! | unsynced bytes that replace others survive in any part, in units of 512-byte sectors, in no order | block devices; ext4 orders no overwrites |
//! | unsynced bytes that a file grows by survive as a beginning | ext4 data=ordered |
//! | files do not wait for each other: a later write to one can survive when an earlier write to another does not | fsync(2) |
//! | a hole, and what `set_len` adds, reads as zeros | ftruncate(2), lseek(2) |
//! | a file that was removed lives, and takes its space, until the last handle is closed; a loss of power ends it | unlink(2) |
//!
//! Simpler than ext4: the page cache has no bound; what is freed can be used again at once; early
//! write-back makes data durable and does not commit other changes with them; each change of a file
//! changes its time stamp, so that fsync always commits (ext4 sees one in a few milliseconds).

mod calls;
mod file;
mod journal;
mod loss;
mod node;
mod operation;
#[cfg(test)]
mod tests;
mod tree;
mod trouble;

pub use calls::{
    Metadata, canonicalize, create_dir, create_dir_all, hard_link, metadata, read_dir, remove_dir,
    remove_dir_all, remove_file, rename,
};
pub use file::{File, OpenOptions};
pub(crate) use operation::{Operation, OperationId};
pub(crate) use trouble::TroubleKind;

use crate::{
    clock,
    host::DiskSpec,
    machine::{Arena, Machine},
    process::ProcessId,
};
use file::OpenFile;
use tree::Tree;
use windtunnel_record::{Event, Seed, Stream};

/// The disk of one host.
pub(crate) struct Disk {
    spec: DiskSpec,
    stream: Stream,
    /// How long reads and writes take.
    latencies: Stream,
    tree: Tree,
    open: Arena<OpenFile>,
    /// When the device is done with what it was asked so far: it does one fsync after the other.
    busy_until: u64,
}

impl Disk {
    pub fn new(spec: DiskSpec, seed: Seed, name: &str) -> Self {
        let stream = seed.stream(&format!("disk/{name}"));
        let latencies = seed.stream(&format!("disk/{name}/latencies"));
        let mut tree = Tree::new();
        tree.capacity = spec
            .capacity
            .map_or(u64::MAX, |capacity| capacity.as_bytes());
        Self {
            spec,
            stream,
            latencies,
            tree,
            open: Arena::default(),
            busy_until: 0,
        }
    }

    /// How many handles of files a process holds.
    pub(crate) fn handles_of(&self, process: ProcessId) -> usize {
        let open = self.open.iter().filter(|(_, file)| file.process == process);
        open.map(|(_, file)| file.handles as usize).sum()
    }

    /// The tree as it is now.
    fn tree(&mut self) -> &mut Tree {
        self.tree.catch_up(clock::now());
        &mut self.tree
    }
}

impl Machine {
    /// The power is gone: what was not synced is lost or torn.
    pub(crate) fn lose_page_cache(&mut self, host: u32) {
        let disk = &mut self.hosts[host as usize].disk;
        disk.busy_until = 0;
        let held: Vec<_> = disk.open.iter().map(|(id, _)| id).collect();
        for id in held {
            disk.open.remove(id);
        }
        let lost = disk.tree.lose_power(clock::now(), &mut disk.stream);
        for (path, bytes) in lost {
            self.note(Event::DiskLost {
                host,
                path: path.into(),
                bytes,
            });
        }
    }

    /// A process ended: its kernel closes what it held open.
    pub(crate) fn close_files(&mut self, host: u32, process: ProcessId) {
        let disk = &mut self.hosts[host as usize].disk;
        let held = disk.open.iter().filter(|(_, file)| file.process == process);
        let held: Vec<_> = held.map(|(id, _)| id).collect();
        for id in held {
            disk.close(id);
        }
    }

    fn note_disk(&mut self, host: u32, action: &str, path: &str, bytes: &[u8]) {
        let content = xxhash_rust::xxh3::xxh3_64(bytes);
        let (action, path, bytes) = (action.into(), path.into(), bytes.len() as u64);
        self.note(Event::Disk {
            host,
            action,
            path,
            bytes,
            content,
        });
    }
}
