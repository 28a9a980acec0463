//! Over what the calls of a closed breaker are counted.

use std::time::Duration;

use super::InvalidPolicy;
use super::policy::time;

const MOST_BUCKETS: u128 = 10_000;
const MOST_CALLS: u64 = 100_000;

/// Over what the calls of a closed breaker are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Since it closed.
    Forever,
    /// Since the last multiple of an interval: the counts begin anew at the first look later than it.
    Fixed(Duration),
    /// Over the last `interval`, rounded up to whole buckets.
    Rolling {
        /// The width of the window.
        interval: Duration,
        /// The width of a bucket.
        bucket: Duration,
    },
    /// Over the last so many calls that ended, and those in flight (resilience4j). An excluded call takes
    /// no place in it, and is not counted among the exclusions either.
    Calls(u64),
}

impl Window {
    pub(super) fn validate(&self) -> Result<(), InvalidPolicy> {
        match *self {
            Self::Forever => Ok(()),
            Self::Fixed(interval) => time("window", interval),
            Self::Rolling { interval, bucket } => {
                time("window.interval", interval)?;
                time("window.bucket", bucket)?;
                if interval.as_nanos().div_ceil(bucket.as_nanos()) > MOST_BUCKETS {
                    return Err(InvalidPolicy::TooManyBuckets);
                }
                Ok(())
            }
            Self::Calls(0) => Err(InvalidPolicy::Zero("window.calls")),
            Self::Calls(calls) if calls > MOST_CALLS => {
                Err(InvalidPolicy::OutOfRange("window.calls"))
            }
            Self::Calls(_) => Ok(()),
        }
    }
}
