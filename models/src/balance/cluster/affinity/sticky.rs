//! Picks the endpoint a session is at, and moves the session when that cannot be.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::super::{Admits, Balancer, Call, InFlight, NoEndpoint};
use super::super::{Cluster, InvalidPolicy};
use super::seal::{Register, Seal};

/// What becomes of the sessions of an endpoint that drains. It never gets new ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drain {
    /// They move at their next call.
    #[default]
    Move,
    /// They stay until the endpoint leaves.
    Keep,
}

/// A cluster with sessions.
#[derive(Debug)]
pub struct Sticky {
    cluster: Arc<Cluster>,
    seal: Seal,
    drain: Drain,
    register: Mutex<Option<Register>>,
}

/// A picked endpoint, and what the client has to be told of it.
#[derive(Debug)]
#[must_use = "the call is in flight only as long as this lives"]
pub struct Stuck {
    /// The call.
    pub flight: InFlight,
    /// The session's value from now on; none if the client has it already.
    pub value: Option<String>,
}

impl Sticky {
    /// Sessions over a cluster.
    ///
    /// # Errors
    ///
    /// The secret has less than 16 bytes.
    pub fn new(cluster: Arc<Cluster>, secret: &[u8], drain: Drain) -> Result<Self, InvalidPolicy> {
        Ok(Self {
            cluster,
            seal: Seal::new(secret)?,
            drain,
            register: Mutex::default(),
        })
    }

    /// The cluster.
    pub const fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Picks for a call that carries `value`, or none yet. The session's own endpoint gets it, in whatever
    /// priority and zone, if it is in the cluster, may be called, comes into question and admits; else the
    /// cluster picks another one, and the session belongs there from now on. So a retry that leaves out
    /// the endpoint tried before moves the session.
    ///
    /// # Errors
    ///
    /// As [`Balancer::pick`].
    pub fn pick(
        &self,
        value: Option<&str>,
        call: &Call<'_>,
        admits: &mut Admits<'_>,
    ) -> Result<Stuck, NoEndpoint> {
        let Some(home) = value.and_then(|value| self.home(value)) else {
            let flight = self.cluster.pick(call, admits)?;
            return Ok(self.moved(flight));
        };
        let keeps = self.drain == Drain::Keep;
        let mut asked = 0;
        let mut ask_home = |name: &Arc<str>| {
            asked += 1;
            admits(name)
        };
        if let Some(flight) = self.cluster.pick_exactly(&home, keeps, call, &mut ask_home) {
            let value = None;
            return Ok(Stuck { flight, value });
        }
        let others = Call {
            eligible: &|name| *name != home && (call.eligible)(name),
            ..*call
        };
        let picked = self.cluster.pick(&others, admits);
        picked
            .map(|flight| self.moved(flight))
            .map_err(|error| match error {
                NoEndpoint::NoneAdmits { asked: others } => NoEndpoint::NoneAdmits {
                    asked: others + asked,
                },
                NoEndpoint::NoneEligible { .. } if asked > 0 => NoEndpoint::NoneAdmits { asked },
                error => error,
            })
    }

    fn moved(&self, flight: InFlight) -> Stuck {
        let value = Some(self.seal.value(flight.endpoint()));
        Stuck { flight, value }
    }

    /// Whom a value names, among those in the cluster now.
    fn home(&self, value: &str) -> Option<Arc<str>> {
        let names = self.cluster.names();
        let mut register = self.register.lock().unwrap_or_else(PoisonError::into_inner);
        let known = register.take().filter(|known| known.is_of(&names));
        let known = register.insert(known.unwrap_or_else(|| Register::new(&self.seal, names)));
        known.find(value).cloned()
    }
}
