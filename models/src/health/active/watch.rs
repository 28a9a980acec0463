//! The future that probes: one loop per endpoint, all of them inside one future of the caller's.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Checks, Probed};

/// The loops under way.
#[derive(Default)]
struct Watches {
    loops: FuturesUnordered<Abortable<BoxFuture<'static, ()>>>,
    handles: BTreeMap<Arc<str>, (u64, AbortHandle)>,
}

impl Checks {
    /// Probes every endpoint of the set when it is time; to be spawned by the owner of the set. A panic of
    /// the observer ends it.
    ///
    /// # Cancellation
    ///
    /// Dropping it drops all probes and leaves every endpoint as it was seen last; it may be run again.
    pub async fn run(self) -> Infallible {
        let mut watches = Watches::default();
        loop {
            // Listening begins before the look, so that no change in between is missed.
            let changed = self.shared.changed.notified();
            watches.follow(&self);
            tokio::select! {
                biased;
                () = changed => {}
                Some(_) = watches.loops.next() => {}
            }
        }
    }

    /// Probes one endpoint again and again until it leaves.
    async fn watch(self, endpoint: Arc<str>, coming: u64) {
        loop {
            let changed = self.shared.changed.notified();
            let Some(due) = self.set().due(&endpoint) else {
                return;
            };
            tokio::select! {
                biased;
                () = sleep_until(due) => self.probe(&endpoint, coming).await,
                () = changed => {}
            }
        }
    }

    async fn probe(&self, endpoint: &Arc<str>, coming: u64) {
        let began = Instant::now();
        let deadline = began + self.shared.policy.timeout;
        let under_way = UnderWay::begin(self);
        // After a panic the future is never polled again, so its broken state is not seen.
        let asking = AssertUnwindSafe(async { self.shared.probe.probe(endpoint, deadline).await });
        let answer = timeout_at(deadline, asking.catch_unwind()).await;
        let probed = answer.map_or(Probed::Failed, |answer| answer.unwrap_or(Probed::Failed));
        under_way.end();
        let change = self.set().ended(endpoint, coming, probed, began);
        self.shared.observer.probed(endpoint, probed);
        if let Some(change) = change {
            self.shared.observer.changed(endpoint, &change);
        }
    }
}

impl Watches {
    /// Drops the loops of those that left and begins those of newcomers.
    fn follow(&mut self, checks: &Checks) {
        let set = checks.set();
        self.handles.retain(|endpoint, (coming, handle)| {
            let member = set.members.get(endpoint);
            let stays = member.is_some_and(|member| member.coming == *coming);
            if !stays {
                handle.abort();
            }
            stays
        });
        for (endpoint, member) in &set.members {
            if !self.handles.contains_key(endpoint) {
                let (handle, registration) = AbortHandle::new_pair();
                let watch = checks.clone().watch(endpoint.clone(), member.coming);
                self.loops.push(Abortable::new(watch.boxed(), registration));
                self.handles
                    .insert(endpoint.clone(), (member.coming, handle));
            }
        }
    }
}

/// A probe under way: counted as cancelled unless it ends.
struct UnderWay<'a> {
    checks: &'a Checks,
    has_ended: bool,
}

impl<'a> UnderWay<'a> {
    fn begin(checks: &'a Checks) -> Self {
        let counters = &mut checks.set().counters;
        counters.begun = counters.begun.saturating_add(1);
        Self {
            checks,
            has_ended: false,
        }
    }

    fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            let counters = &mut self.checks.set().counters;
            counters.cancelled = counters.cancelled.saturating_add(1);
        }
    }
}
