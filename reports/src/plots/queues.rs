//! Waiting work per host.

use super::{Plot, Timeline, gauges};
use crate::vocabulary::QUEUE_DEPTH;
use windtunnel_record::RunRecord;

/// The plot, if the depth of any queue was read and found above zero.
pub(super) fn plot(run: &RunRecord, timeline: &Timeline) -> Option<Plot> {
    gauges::plot(
        run,
        timeline,
        &gauges::Shown {
            gauge: QUEUE_DEPTH,
            name: "queues",
            title: "Queue depth",
            unit: "requests open, or tasks waiting for a core",
        },
    )
}
