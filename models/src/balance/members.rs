//! The endpoints of a set and what each has in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One endpoint and the number of calls it has in flight.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: Arc<str>,
    load: Arc<AtomicUsize>,
}

impl Member {
    fn new(name: &Arc<str>) -> Self {
        Self {
            name: name.clone(),
            load: Arc::new(AtomicUsize::new(0)),
        }
    }

    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(super) fn take(&self) -> InFlight {
        self.load.fetch_add(1, Ordering::Relaxed);
        InFlight {
            member: self.clone(),
            is_counted: true,
        }
    }
}

/// A call in flight at the endpoint that was picked; dropping it ends the count.
#[derive(Debug)]
#[must_use = "the call is in flight only as long as this lives"]
pub struct InFlight {
    member: Member,
    is_counted: bool,
}

impl InFlight {
    /// The endpoint.
    pub fn endpoint(&self) -> &Arc<str> {
        &self.member.name
    }

    /// Ends the count, and tells how many calls the endpoint has in flight then.
    pub fn end(&mut self) -> usize {
        if std::mem::take(&mut self.is_counted) {
            self.member.load.fetch_sub(1, Ordering::Relaxed);
        }
        self.member.load()
    }

    /// How many calls the endpoint has in flight, this one among them.
    pub fn load(&self) -> usize {
        self.member.load()
    }

    /// The mistake that `gateway::config::Planted` plants: the count is never ended.
    pub(crate) fn forget(&mut self) {
        self.is_counted = false;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.end();
    }
}

/// The set, each name once, in the order given; those that stay keep their load.
pub(super) fn updated(old: &[Member], names: &[Arc<str>]) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::with_capacity(names.len());
    for name in names {
        if members.iter().any(|member| member.name == *name) {
            continue;
        }
        let known = old.iter().find(|member| member.name == *name);
        members.push(known.cloned().unwrap_or_else(|| Member::new(name)));
    }
    members
}

pub(super) fn loads(members: &[Member]) -> Vec<(Arc<str>, usize)> {
    let each = members.iter();
    each.map(|member| (member.name.clone(), member.load()))
        .collect()
}
