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
        }
    }
}

/// A call in flight at the endpoint that was picked; dropping it ends the count.
#[derive(Debug)]
#[must_use = "the call is in flight only as long as this lives"]
pub struct InFlight {
    member: Member,
}

impl InFlight {
    /// The endpoint.
    pub fn endpoint(&self) -> &Arc<str> {
        &self.member.name
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.member.load.fetch_sub(1, Ordering::Relaxed);
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
