//! What a disk is asked and does in its own time: syncs, and reads and writes that have to wait.

use super::{
    Disk,
    journal::Covered,
    node::BLOCK,
    trouble::{Trouble, TroubleKind},
};
use crate::{
    agenda::Due,
    clock,
    machine::{ArenaId, Machine, with},
};
use std::{
    io,
    task::{Poll, Waker},
};
use windtunnel_record::{Event, fault::DiskOperation};

/// The number of an operation under way.
pub(crate) type OperationId = ArenaId;

/// An operation under way.
pub(crate) struct Operation {
    host: u32,
    boot: u32,
    what: What,
    done: bool,
    /// Whether nobody waits for it any more.
    abandoned: bool,
    waker: Option<Waker>,
}

impl Operation {
    /// Who waits for it.
    pub fn waker(&self) -> Option<&Waker> {
        self.waker.as_ref()
    }
}

enum What {
    /// A read or a write that is late.
    Wait,
    Sync {
        path: String,
        covered: Covered,
    },
    /// A sync that fails, and how many bytes are given up for good.
    FailedSync {
        path: String,
        lost: u64,
    },
}

/// Somebody waits for an operation; it goes on when they do not wait any more.
#[derive(Debug)]
pub(super) struct Waiting(pub OperationId);

impl Drop for Waiting {
    fn drop(&mut self) {
        with(|machine| machine.abandon_operation(self.0));
    }
}

impl Disk {
    /// What an operation on the device costs from now on: `latency`, and its turn to move `bytes`.
    fn device_time(&mut self, latency: u64, bytes: u64) -> u64 {
        let now = clock::now();
        let moving = self.spec.bandwidth.map_or(0, |rate| rate.nanos_for(bytes));
        if moving == 0 {
            return now + latency;
        }
        self.busy_until = self.busy_until.max(now) + moving;
        self.busy_until + latency
    }

    /// When the bytes of a file from `from` on can be copied to a reader: at once, unless the page
    /// cache does not have them.
    fn fetched_at(&mut self, node: usize, from: usize, length: usize) -> u64 {
        let blocks = self.tree.nodes[node].fetch(from, length);
        if blocks == 0 || (self.spec.read.is_none() && self.spec.bandwidth.is_none()) {
            return clock::now();
        }
        let latency = self
            .spec
            .read
            .map_or(0, |read| read.sample(&mut self.latencies).as_nanos());
        self.device_time(latency, (blocks * BLOCK) as u64)
    }

    /// When a writer can go on.
    fn taken_at(&mut self) -> u64 {
        let latency = self
            .spec
            .write
            .map_or(0, |write| write.sample(&mut self.latencies).as_nanos());
        clock::now() + latency
    }
}

impl Machine {
    /// Begins a read of `length` bytes or, without a length, a write; how long it has to wait, if at
    /// all.
    ///
    /// # Errors
    /// EIO, if a fault says so.
    pub(super) fn begin_transfer(
        &mut self,
        host: u32,
        node: usize,
        path: &str,
        read: Option<(usize, usize)>,
        waker: &Waker,
    ) -> io::Result<Option<OperationId>> {
        let operation = match read {
            Some(_) => DiskOperation::Read,
            None => DiskOperation::Write,
        };
        let boot = self.hosts[host as usize].boots;
        let disk = &mut self.hosts[host as usize].disk;
        if let Some(fault) = disk.tree.troubles.failure(operation) {
            self.hit_if_busy(fault, &[host]);
            return Err(self.disk_failed(host, operation.word(), path, libc::EIO, 0));
        }
        let mut at = match read {
            Some((from, length)) => disk.fetched_at(node, from, length),
            None => disk.taken_at(),
        };
        if let Some((delay, fault)) = disk.tree.troubles.delay(operation) {
            at += delay;
            self.hit_if_busy(fault, &[host]);
        }
        if at <= clock::now() {
            return Ok(None);
        }
        Ok(Some(self.begin_operation(
            host,
            boot,
            What::Wait,
            at,
            waker,
        )))
    }

    /// Begins an fsync of an open file; its number.
    ///
    /// # Errors
    /// If the process has ended.
    pub(super) fn begin_sync(
        &mut self,
        host: u32,
        file: ArenaId,
        data_only: bool,
        waker: &Waker,
    ) -> io::Result<OperationId> {
        let boot = self.hosts[host as usize].boots;
        let disk = &mut self.hosts[host as usize].disk;
        let node = disk.opening(file)?.node;
        disk.tree();
        let failure = disk.tree.troubles.failure(DiskOperation::Sync);
        if failure.is_some() {
            disk.tree.give_up(node, u64::MAX);
        }
        let path = disk.tree.path_of(node);
        let (what, bytes) = match disk.untold_error(file)? {
            Some(lost) => {
                disk.tree.begin_sync_in_vain(node, clock::now());
                (What::FailedSync { path, lost }, 0)
            }
            None => {
                let covered = disk.tree.begin_sync(node, data_only);
                (What::Sync { path, covered }, covered.bytes)
            }
        };
        let takes = disk.spec.sync.sample(&mut disk.stream).as_nanos();
        let moving = disk.spec.bandwidth.map_or(0, |rate| rate.nanos_for(bytes));
        let late = disk.tree.troubles.delay(DiskOperation::Sync);
        let at = disk.busy_until.max(clock::now()) + takes + moving + late.map_or(0, |late| late.0);
        disk.busy_until = at;
        if let Some(fault) = failure.or(late.map(|late| late.1)) {
            self.hit_if_busy(fault, &[host]);
        }
        Ok(self.begin_operation(host, boot, what, at, waker))
    }

    fn begin_operation(
        &mut self,
        host: u32,
        boot: u32,
        what: What,
        at: u64,
        waker: &Waker,
    ) -> OperationId {
        let id = self.disk_operations.insert(Operation {
            host,
            boot,
            what,
            done: false,
            abandoned: false,
            waker: Some(waker.clone()),
        });
        self.agenda.enter(at, Due::DiskDone(id));
        id
    }

    /// The device is through with an operation.
    pub(crate) fn disk_done(&mut self, id: OperationId) {
        let Some(operation) = self.disk_operations.get_mut(id) else {
            return;
        };
        operation.done = true;
        let (host, boot, abandoned) = (operation.host, operation.boot, operation.abandoned);
        let waker = operation.waker.take();
        let state = &mut self.hosts[host as usize];
        if state.boots == boot && self.power[host as usize] {
            self.carry_out_operation(id, host);
        }
        self.wake(waker);
        if abandoned {
            self.disk_operations.remove(id);
        }
    }

    fn carry_out_operation(&mut self, id: OperationId, host: u32) {
        let Some(operation) = self.disk_operations.get_mut(id) else {
            return;
        };
        match &mut operation.what {
            What::Wait => {}
            What::Sync { path, covered } => {
                let (path, covered) = (std::mem::take(path), *covered);
                self.hosts[host as usize]
                    .disk
                    .tree
                    .finish_sync(clock::now());
                self.note(Event::Disk {
                    host,
                    action: "sync".into(),
                    path: path.into(),
                    bytes: covered.bytes,
                    content: covered.content,
                });
            }
            What::FailedSync { path, lost } => {
                let (path, lost) = (path.clone(), *lost);
                self.hosts[host as usize]
                    .disk
                    .tree
                    .finish_sync(clock::now());
                self.disk_failed(host, "sync", &path, libc::EIO, lost);
            }
        }
    }

    /// Takes down that an operation failed; the error that its caller gets.
    pub(super) fn disk_failed(
        &mut self,
        host: u32,
        operation: &str,
        path: &str,
        number: i32,
        lost: u64,
    ) -> io::Error {
        let error = if number == libc::ENOSPC {
            "ENOSPC"
        } else {
            "EIO"
        };
        self.note(Event::DiskFailed {
            host,
            operation: operation.into(),
            path: path.into(),
            error: error.into(),
            lost,
        });
        io::Error::from_raw_os_error(number)
    }

    /// How an operation ended, once it has.
    pub(super) fn poll_operation(
        &mut self,
        id: OperationId,
        waker: &Waker,
    ) -> Poll<io::Result<()>> {
        let mut retired = Vec::new();
        let polled = match self.disk_operations.get_mut(id) {
            Some(operation) if !operation.done => {
                Self::register(&mut retired, &mut operation.waker, waker);
                Poll::Pending
            }
            Some(Operation {
                what: What::FailedSync { .. },
                ..
            }) => Poll::Ready(Err(io::Error::from_raw_os_error(libc::EIO))),
            _ => Poll::Ready(Ok(())),
        };
        self.retired().append(&mut retired);
        polled
    }

    /// Nobody waits for an operation any more.
    fn abandon_operation(&mut self, id: OperationId) {
        let Some(operation) = self.disk_operations.get_mut(id) else {
            return;
        };
        operation.abandoned = true;
        let (done, waker) = (operation.done, operation.waker.take());
        self.retire(waker);
        if done {
            self.disk_operations.remove(id);
        }
    }

    /// Puts a fault on the disks of some hosts, with a stream of its own for each.
    pub(crate) fn trouble_disks(
        &mut self,
        fault: u32,
        hosts: &[u32],
        kind: impl Fn() -> TroubleKind,
    ) {
        let id = self.fault_id(fault).to_owned();
        for &host in hosts {
            let name = format!("faults/{id}/{}", self.topology.name(host));
            let stream = self.seed.stream(&name);
            let disk = &mut self.hosts[host as usize].disk;
            // What the kernel did by itself before now did not meet the fault.
            disk.tree().troubles.begin(Trouble {
                fault,
                kind: kind(),
                stream,
            });
        }
    }

    /// Takes a fault off the disks of some hosts.
    pub(crate) fn calm_disks(&mut self, fault: u32, hosts: &[u32]) {
        for &host in hosts {
            let disk = &mut self.hosts[host as usize].disk;
            disk.tree().troubles.end(fault);
        }
    }
}
