//! Busy cores per host.

use super::{Plot, Timeline, gauges};
use crate::vocabulary::CORES_BUSY;
use windtunnel_record::RunRecord;

/// The plot, if any core was found busy.
pub(super) fn plot(run: &RunRecord, timeline: &Timeline) -> Option<Plot> {
    gauges::plot(
        run,
        timeline,
        &gauges::Shown {
            gauge: CORES_BUSY,
            name: "cores",
            title: "Busy cores",
            unit: "cores",
        },
    )
}
