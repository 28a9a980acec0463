//! A host's disk: files whose writes sit in a page cache until they are fsynced.
//!
//! A crash of the process keeps the page cache; a loss of power keeps what was fsynced and, of what
//! was written since, a random beginning with a torn last write. The journal of the file system works
//! as ext4's does with ordered data: any fsync commits all creations, renames and removals before it.

mod calls;
mod file;
mod tree;

pub use calls::{
    Metadata, create_dir_all, metadata, read_dir, remove_dir_all, remove_file, rename, sync_dir,
};
pub use file::{File, OpenOptions};

use crate::{
    agenda::Due,
    clock,
    host::DiskSpec,
    machine::{ArenaId, Machine},
};
use std::task::Waker;
use tree::{NodeId, Tree};
use windtunnel_record::{Event, Seed, Stream};

/// The number of an fsync under way.
pub(crate) type SyncId = ArenaId;

/// An fsync under way.
pub(crate) struct Sync {
    host: u32,
    boot: u32,
    node: Option<NodeId>,
    /// How many writes to the file it covers.
    covers: u64,
    done: bool,
    waker: Option<Waker>,
}

impl Sync {
    /// Who waits for it.
    pub fn waker(&self) -> Option<&Waker> {
        self.waker.as_ref()
    }
}

/// The disk of one host.
pub(crate) struct Disk {
    spec: DiskSpec,
    stream: Stream,
    host: u32,
    tree: Tree,
    /// When the device is done with what it was asked so far: it does one fsync after the other.
    busy_until: u64,
}

impl Disk {
    pub fn new(spec: DiskSpec, seed: Seed, name: &str, host: u32) -> Self {
        let stream = seed.stream(&format!("disk/{name}"));
        Self {
            spec,
            stream,
            host,
            tree: Tree::new(),
            busy_until: 0,
        }
    }
}

impl Machine {
    /// Begins an fsync of a file, or of directories alone; its number.
    fn begin_sync(&mut self, host: u32, node: Option<NodeId>, waker: &Waker) -> SyncId {
        let boot = self.hosts[host as usize].boots;
        let disk = &mut self.hosts[host as usize].disk;
        let covers = node.map_or(0, |node| disk.tree.writes(node));
        let takes = disk.spec.sync.sample(&mut disk.stream).as_nanos();
        let at = disk.busy_until.max(clock::now()) + takes;
        disk.busy_until = at;
        let waker = Some(waker.clone());
        let id = self.syncs.insert(Sync {
            host,
            boot,
            node,
            covers,
            done: false,
            waker,
        });
        self.agenda.enter(at, Due::Synced(id));
        id
    }

    /// An fsync is through: what it covers is durable.
    pub(crate) fn synced(&mut self, id: SyncId) {
        let Some(sync) = self.syncs.get_mut(id) else {
            return;
        };
        let (host, node, covers, boot) = (sync.host, sync.node, sync.covers, sync.boot);
        sync.done = true;
        let waker = sync.waker.take();
        let state = &mut self.hosts[host as usize];
        if state.boots == boot && state.powered {
            let (path, bytes, content) = state.disk.tree.commit(node, covers);
            let action = "sync".into();
            self.note(Event::Disk {
                host,
                action,
                path,
                bytes,
                content,
            });
        }
        self.wake(waker);
    }

    /// The power is gone: what was not synced is lost or torn.
    pub(crate) fn lose_page_cache(&mut self, host: u32) {
        let disk = &mut self.hosts[host as usize].disk;
        disk.busy_until = 0;
        let lost = disk.tree.lose_power(&mut disk.stream);
        let host = disk.host;
        for (path, bytes) in lost {
            self.note(Event::DiskLost { host, path, bytes });
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
