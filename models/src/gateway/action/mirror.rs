//! Mirrors: a copy of a request for an upstream whose answer nobody sees.
//!
//! It prevents that a new version meets real traffic for the first time when it already answers it. It
//! can cause what any second sender can: writes that happen twice, and a primary that waits. Hence only
//! safe methods unless said otherwise, a task of its own for every copy, and a bound on their number.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;

use super::super::config;
use super::super::upstream::Upstream;
use super::Upstreams;
use super::stratified::Stratified;

/// One mirror of a route.
pub(in crate::gateway) struct Mirror {
    upstream: Arc<Upstream>,
    /// Of 2⁶⁴, as many draws are copied.
    share: u128,
    draws: Stratified,
    unsafe_methods: bool,
    deadline: Duration,
    max_in_flight: usize,
    in_flight: Arc<AtomicUsize>,
}

/// The right to one copy; it is under way as long as this lives.
#[derive(Debug)]
pub(in crate::gateway) struct Copied(Arc<AtomicUsize>);

impl Drop for Copied {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Mirror {
    pub(in crate::gateway) fn new(
        mirror: &config::Mirror,
        upstreams: &Upstreams,
        seed: u64,
    ) -> Option<Self> {
        // Validated: from 0 to 1, of which 2⁶⁴ parts are more than a draw can tell apart.
        let share = (mirror.share * 2f64.powi(64)) as u128;
        Some(Self {
            upstream: upstreams.get(&mirror.upstream)?.clone(),
            share,
            draws: Stratified::new(seed),
            unsafe_methods: mirror.unsafe_methods,
            deadline: mirror.deadline,
            max_in_flight: mirror.max_in_flight,
            in_flight: Arc::default(),
        })
    }

    /// Whether a request of this method is one that is copied.
    pub(in crate::gateway) fn wants(&self, method: &Method) -> bool {
        let may = self.unsafe_methods || method.is_safe();
        may && u128::from(self.draws.draw()) < self.share
    }

    /// The right to a copy, if not too many are under way.
    pub(in crate::gateway) fn admit(&self) -> Option<Copied> {
        let room = |count: usize| (count < self.max_in_flight).then_some(count + 1);
        let counted = self
            .in_flight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        counted.ok().map(|_| Copied(self.in_flight.clone()))
    }

    pub(in crate::gateway) const fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    pub(in crate::gateway) const fn deadline(&self) -> Duration {
        self.deadline
    }
}
