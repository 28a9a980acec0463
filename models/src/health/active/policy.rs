//! How often an endpoint is asked, and how many answers change the mind.

use std::time::Duration;

use super::super::InvalidPolicy;
use super::super::error::{bounded, lasting, positive};

/// The settings of active checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// From the start of one probe to the start of the next.
    pub interval: Duration,
    /// How long a probe may take; an answer at exactly that instant counts. Not longer than `interval`.
    pub timeout: Duration,
    /// So many failures in a row make a healthy endpoint unhealthy.
    pub unhealthy_threshold: u32,
    /// So many successes in a row make an unhealthy endpoint healthy. If the very first probe passes, one
    /// is enough.
    pub healthy_threshold: u32,
    /// The first probe comes up to so much later.
    pub initial_jitter: Duration,
    /// Every other probe comes up to so much later.
    pub interval_jitter: Duration,
    /// The interval of an unhealthy endpoint; as `interval` if none.
    pub unhealthy_interval: Option<Duration>,
    /// The one interval right after an endpoint became unhealthy; as that of an unhealthy one if none.
    pub unhealthy_edge_interval: Option<Duration>,
    /// The one interval right after an endpoint became healthy; as `interval` if none.
    pub healthy_edge_interval: Option<Duration>,
    /// Every interval until the set has seen traffic (see [`Checks::saw_traffic`]). For callers that
    /// report traffic only: without a report it stays like that for ever.
    ///
    /// [`Checks::saw_traffic`]: super::Checks::saw_traffic
    pub no_traffic_interval: Option<Duration>,
}

impl Default for Policy {
    /// Every 10 s for at most 1 s; 3 failures out, 2 successes in; checks of many sets part within 1 s.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(1),
            unhealthy_threshold: 3,
            healthy_threshold: 2,
            initial_jitter: Duration::from_secs(1),
            interval_jitter: Duration::ZERO,
            unhealthy_interval: None,
            unhealthy_edge_interval: None,
            healthy_edge_interval: None,
            no_traffic_interval: None,
        }
    }
}

impl Policy {
    /// The same policy with Envoy's interval of 60 s for a set that has not seen traffic yet.
    #[must_use]
    pub const fn idle_until_traffic(mut self) -> Self {
        self.no_traffic_interval = Some(Duration::from_secs(60));
        self
    }

    /// The longest time from the last probe that a healthy endpoint of a set with traffic passed until it
    /// is seen as unhealthy, if it answers nothing any more: `unhealthy_threshold × interval + timeout`,
    /// with the jitter of every interval, and with the edge interval if that is longer.
    pub fn longest_detection(&self) -> Duration {
        let first = self.interval.max(self.wait(true, true));
        let others = self.interval.saturating_mul(self.unhealthy_threshold - 1);
        let jitter = self
            .interval_jitter
            .saturating_mul(self.unhealthy_threshold);
        let whole = first.saturating_add(others).saturating_add(jitter);
        whole.saturating_add(self.timeout)
    }

    /// The interval after a probe that left the endpoint healthy or not, and changed that or not.
    pub(super) fn wait(&self, healthy: bool, changed: bool) -> Duration {
        let edge = match healthy {
            true => self.healthy_edge_interval,
            false => self.unhealthy_edge_interval,
        };
        let usual = match healthy {
            true => None,
            false => self.unhealthy_interval,
        };
        edge.filter(|_| changed).or(usual).unwrap_or(self.interval)
    }

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        lasting("interval", self.interval)?;
        lasting("timeout", self.timeout)?;
        bounded("initial_jitter", self.initial_jitter)?;
        bounded("interval_jitter", self.interval_jitter)?;
        for (name, interval) in [
            ("unhealthy_interval", self.unhealthy_interval),
            ("unhealthy_edge_interval", self.unhealthy_edge_interval),
            ("healthy_edge_interval", self.healthy_edge_interval),
            ("no_traffic_interval", self.no_traffic_interval),
        ] {
            interval.map_or(Ok(()), |interval| lasting(name, interval))?;
        }
        positive("unhealthy_threshold", u64::from(self.unhealthy_threshold))?;
        positive("healthy_threshold", u64::from(self.healthy_threshold))?;
        // Else probes that time out would stretch the intervals, and the promised bound with them.
        if self.timeout > self.interval {
            return Err(InvalidPolicy::Exceeds("timeout", "interval"));
        }
        Ok(())
    }
}
