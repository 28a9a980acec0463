//! A call: what has to be known of it, and how it is carried out with the permit it was given.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt;

use super::{Outcome, Priority};
use crate::timeout::Deadline;

/// What has to be known of a call before it is admitted. Its head is enough: no body is read for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Its class.
    pub priority: Priority,
    /// Orders the calls of one class, 0 first: a hash of the user, so that the same users are served
    /// through a whole chain of services. Only laws with levels look at it; from 128 up it counts as 127.
    pub user: u8,
    /// When nobody waits for it any more.
    pub deadline: Option<Deadline>,
}

impl Call {
    /// A call of a class, without more.
    pub const fn of(priority: Priority) -> Self {
        Self {
            priority,
            user: 0,
            deadline: None,
        }
    }
}

/// What the result of a call says about its callee's load.
pub type Classify<T, E> = fn(&Result<T, E>) -> Outcome;

/// `Ok` succeeded, `Err` failed and says nothing about the load. An answer that says "overloaded" needs a
/// law of the caller's.
pub const fn by_result<T, E>(result: &Result<T, E>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Failure,
    }
}

/// A permit: dropped without a report, its call counts as cancelled.
pub(super) trait Report {
    /// Tells how the call ended.
    fn report(self, outcome: Outcome);
}

/// Runs `call` and reports it: a panic as a failure, raised again.
pub(super) async fn carry_out<T, E>(
    permit: impl Report,
    call: impl Future<Output = Result<T, E>>,
    classify: Classify<T, E>,
) -> Result<T, E> {
    // After a panic the call is never polled again, so its broken state is not seen.
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(result) => {
            permit.report(classify(&result));
            result
        }
        Err(panic) => {
            permit.report(Outcome::Failure);
            resume_unwind(panic)
        }
    }
}
