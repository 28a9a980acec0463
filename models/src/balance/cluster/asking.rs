//! One call on its way through the places of a cluster.

use std::cell::RefCell;
use std::sync::Arc;

use super::super::{Admits, Balancer, Call, InFlight};
use super::survey::Survey;

/// A call, and who refused it so far: nobody is asked twice, wherever the call falls to.
pub(super) struct Asking<'a, 'b> {
    call: &'a Call<'a>,
    admits: &'a mut Admits<'b>,
    refused: RefCell<Vec<Arc<str>>>,
}

impl<'a, 'b> Asking<'a, 'b> {
    pub(super) const fn new(call: &'a Call<'a>, admits: &'a mut Admits<'b>) -> Self {
        let refused = RefCell::new(Vec::new());
        Self {
            call,
            admits,
            refused,
        }
    }

    pub(super) const fn key(&self) -> Option<u64> {
        self.call.key
    }

    /// How many refused.
    pub(super) fn refused(&self) -> usize {
        self.refused.borrow().len()
    }

    /// Whether an endpoint comes into question for the caller and was not asked yet.
    pub(super) fn may_ask(&self, name: &Arc<str>) -> bool {
        !self.refused.borrow().contains(name) && (self.call.eligible)(name)
    }

    /// Has one balancer pick among those the survey finds usable.
    pub(super) fn ask(&mut self, balancer: &dyn Balancer, survey: &Survey<'_>) -> Option<InFlight> {
        let Self {
            call,
            admits,
            refused,
        } = self;
        let refused = &*refused;
        let call = Call {
            key: call.key,
            eligible: &|name| {
                let is_new = !refused.borrow().contains(name);
                is_new && survey.is_usable(name) && (call.eligible)(name)
            },
        };
        let picked = balancer.pick(&call, &mut |name| {
            let admitted = admits(name);
            if !admitted {
                refused.borrow_mut().push(name.clone());
            }
            admitted
        });
        picked.ok()
    }
}
