//! Smooth weighted round robin: the shares of the weights, without runs.
//!
//! It prevents that a heavy endpoint gets all its calls in one go. With failures that weigh it prevents,
//! too, that an endpoint that fails gets its full share until somebody else notices. It can cause that a
//! set of which every endpoint failed has nobody left for `fail_timeout`.
//!
//! Source: nginx, `ngx_http_upstream_round_robin`.

mod peers;
mod policy;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

pub use peers::{PeerId, SmoothPeers, SmoothTurn, SmoothWeights};
pub use policy::SmoothPolicy;

use super::super::asking::ask;
use super::super::members::{End, InFlight, Member, Memory, loads, updated};
use super::super::{Admits, Balancer, Call, Endpoint, InvalidPolicy, NoEndpoint};

/// Picks by weight, and takes failures off the weights. Of a call's outcome it needs to be told
/// ([`InFlight::report`]); calls of which nothing is said neither help nor harm.
#[derive(Debug)]
pub struct SmoothWeighted {
    /// Locked before the peers wherever both are.
    members: Mutex<Vec<Member<Informer>>>,
    peers: Arc<Mutex<SmoothPeers>>,
}

/// Tells the peers how a call ended.
#[derive(Debug)]
struct Informer {
    peers: Arc<Mutex<SmoothPeers>>,
    id: Option<PeerId>,
}

impl Memory for Informer {
    fn ended(&mut self, end: &End) {
        if let Some(id) = self.id {
            lock(&self.peers).ended(id, end.outcome, end.now);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SmoothWeighted {
    /// Picks among `endpoints`; endpoints of weight zero get nothing.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(endpoints: &[Endpoint], policy: SmoothPolicy) -> Result<Self, InvalidPolicy> {
        let balancer = Self {
            members: Mutex::default(),
            peers: Arc::new(Mutex::new(SmoothPeers::new(policy)?)),
        };
        balancer.update(endpoints);
        Ok(balancer)
    }

    /// The weights as they are now.
    pub fn weights(&self) -> Vec<SmoothWeights> {
        lock(&self.peers).weights()
    }

    fn draw(&self, call: &Call<'_>, refused: &[Arc<str>]) -> Option<(InFlight, SmoothTurn)> {
        let members = lock(&self.members);
        let may = |name: &Arc<str>| (call.eligible)(name) && !refused.contains(name);
        let turn = lock(&self.peers).pick(Instant::now(), &may)?;
        let member = members.iter().find(|member| member.name == *turn.name())?;
        Some((member.take(), turn))
    }
}

impl Balancer for SmoothWeighted {
    fn pick(&self, call: &Call<'_>, admits: &mut Admits<'_>) -> Result<InFlight, NoEndpoint> {
        let endpoints = lock(&self.members).len();
        let draw = |refused: &[Arc<str>]| self.draw(call, refused);
        ask(endpoints, admits, draw, |turn| lock(&self.peers).undo(turn))
    }

    fn update(&self, endpoints: &[Endpoint]) {
        let mut members = lock(&self.members);
        let mut peers = lock(&self.peers);
        peers.update(endpoints);
        *members = updated(&members, endpoints, |endpoint| Informer {
            peers: self.peers.clone(),
            id: peers.find(&endpoint.name),
        });
    }

    fn loads(&self) -> Vec<(Arc<str>, usize)> {
        loads(&lock(&self.members))
    }
}
