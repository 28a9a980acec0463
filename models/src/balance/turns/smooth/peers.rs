//! The arithmetic of smooth weighted round robin, without clock and locks.

use std::sync::Arc;

use tokio::time::Instant;

use super::super::super::{Endpoint, InvalidPolicy, Outcome};
use super::SmoothPolicy;

/// Who a peer is. One that leaves and comes back under its old name is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerId(u64);

#[derive(Debug)]
struct Peer {
    id: PeerId,
    name: Arc<str>,
    weight: i64,
    /// What it gains with each pick: the weight, less what failures took.
    effective: i64,
    /// What it has gained and not spent.
    current: i64,
    fails: u32,
    /// The last failure.
    failed: Option<Instant>,
    /// The last failure, or the last pick that came so late that it asks whether the peer is well.
    checked: Option<Instant>,
}

impl Peer {
    fn new(id: PeerId, endpoint: &Endpoint) -> Self {
        Self {
            id,
            name: endpoint.name.clone(),
            weight: endpoint.weight.into(),
            effective: endpoint.weight.into(),
            current: 0,
            fails: 0,
            failed: None,
            checked: None,
        }
    }

    /// The same peer with another weight: it lacks as much as before, and keeps its place in units of its
    /// weight.
    fn weighing(mut self, weight: u32) -> Self {
        let (old, new) = (self.weight, i64::from(weight));
        self.effective = (new - (old - self.effective)).clamp(0, new);
        let place = i128::from(self.current) * i128::from(new) / i128::from(old.max(1));
        self.current = i64::try_from(place).unwrap_or(0);
        self.weight = new;
        self
    }

    fn is_long_unchecked(&self, policy: &SmoothPolicy, now: Instant) -> bool {
        let since = |at| now.saturating_duration_since(at);
        self.checked
            .is_none_or(|at| since(at) > policy.fail_timeout)
    }

    fn is_down(&self, policy: &SmoothPolicy, now: Instant) -> bool {
        policy.max_fails > 0
            && self.fails >= policy.max_fails
            && !self.is_long_unchecked(policy, now)
    }
}

/// A pick, and all that it changed.
#[derive(Debug)]
pub struct SmoothTurn {
    id: PeerId,
    name: Arc<str>,
    gains: Vec<Gain>,
    total: i64,
    /// What `checked` was and became, if it was moved.
    checked: Option<(Option<Instant>, Instant)>,
}

#[derive(Debug)]
struct Gain {
    id: PeerId,
    by: i64,
    is_recovery: bool,
}

impl SmoothTurn {
    /// Who was picked.
    pub const fn peer(&self) -> PeerId {
        self.id
    }

    /// The name of who was picked.
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }
}

/// The weights of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmoothWeights {
    /// Whose.
    pub name: Arc<str>,
    /// What it gains with each pick.
    pub effective: i64,
    /// What it has gained and not spent; the highest is picked next. The sum over all peers is zero.
    pub current: i64,
}

/// The peers of a set and whose turn it is: nginx's smooth weighted round robin, with its weighting of
/// failures. Peers of weight zero get nothing.
///
/// Over any stretch of as many picks as the weights sum up to, without failures and with a set that stays,
/// every peer is picked exactly as often as its weight says.
#[derive(Debug)]
pub struct SmoothPeers {
    policy: SmoothPolicy,
    peers: Vec<Peer>,
    born: u64,
}

impl SmoothPeers {
    /// A set with nobody in it.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(policy: SmoothPolicy) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        Ok(Self {
            policy,
            peers: Vec::new(),
            born: 0,
        })
    }

    /// Replaces the set, each name once. Those that stay keep failures and place; what those that left had
    /// unspent or owed falls to all alike, so that it neither favours nor starves who joins later.
    pub fn update(&mut self, endpoints: &[Endpoint]) {
        let mut old = std::mem::take(&mut self.peers);
        for endpoint in endpoints {
            if self.find(&endpoint.name).is_some() {
                continue;
            }
            let known = old.iter().position(|peer| peer.name == endpoint.name);
            let peer = match known {
                Some(at) if old[at].weight == i64::from(endpoint.weight) => old.swap_remove(at),
                Some(at) => old.swap_remove(at).weighing(endpoint.weight),
                None => {
                    self.born += 1;
                    Peer::new(PeerId(self.born), endpoint)
                }
            };
            self.peers.push(peer);
        }
        self.recentre();
    }

    /// Brings the sum of the current weights back to zero.
    fn recentre(&mut self) {
        let count = self.peers.len() as i64;
        if count == 0 {
            return;
        }
        let sum: i64 = self.peers.iter().map(|peer| peer.current).sum();
        let (each, left) = (sum.div_euclid(count), sum.rem_euclid(count));
        for (index, peer) in self.peers.iter_mut().enumerate() {
            peer.current -= each + i64::from((index as i64) < left);
        }
    }

    /// The peer of that name.
    pub fn find(&self, name: &str) -> Option<PeerId> {
        let found = self.peers.iter().find(|peer| *peer.name == *name);
        found.map(|peer| peer.id)
    }

    /// The weights of all peers, in the order of the set.
    pub fn weights(&self) -> Vec<SmoothWeights> {
        let each = self.peers.iter();
        each.map(|peer| SmoothWeights {
            name: peer.name.clone(),
            effective: peer.effective,
            current: peer.current,
        })
        .collect()
    }

    /// Whose turn it is among the eligible ones that failures have not taken out; of equals the first.
    /// Who is not asked gains nothing.
    pub fn pick(
        &mut self,
        now: Instant,
        eligible: &dyn Fn(&Arc<str>) -> bool,
    ) -> Option<SmoothTurn> {
        let able = self.able(now, eligible);
        let mut gains = Vec::with_capacity(able.len());
        let (mut total, mut best): (i64, Option<usize>) = (0, None);
        for index in able {
            let peer = &mut self.peers[index];
            let (id, by) = (peer.id, peer.effective);
            let is_recovery = by < peer.weight;
            peer.current += by;
            peer.effective += i64::from(is_recovery);
            total += by;
            gains.push(Gain {
                id,
                by,
                is_recovery,
            });
            let current = peer.current;
            if best.is_none_or(|best| current > self.peers[best].current) {
                best = Some(index);
            }
        }
        let chosen = &mut self.peers[best?];
        chosen.current -= total;
        let before = chosen.checked;
        let checked = chosen.is_long_unchecked(&self.policy, now).then(|| {
            chosen.checked = Some(now);
            (before, now)
        });
        Some(SmoothTurn {
            id: chosen.id,
            name: chosen.name.clone(),
            gains,
            total,
            checked,
        })
    }

    /// Who can be picked. Asked before anything changes: the question is somebody else's, and may panic.
    fn able(&self, now: Instant, eligible: &dyn Fn(&Arc<str>) -> bool) -> Vec<usize> {
        let is_alone = self.is_one_alone();
        let is_able = |peer: &Peer| {
            let is_up = is_alone || !peer.is_down(&self.policy, now);
            peer.weight > 0 && is_up && eligible(&peer.name)
        };
        let each = self.peers.iter().enumerate();
        each.filter(|(_, peer)| is_able(peer))
            .map(|(index, _)| index)
            .collect()
    }

    /// nginx's group of one, which never goes down: who else should get the call?
    fn is_one_alone(&self) -> bool {
        self.peers.iter().filter(|peer| peer.weight > 0).count() == 1
    }

    /// Takes a pick back, as if who was picked had not been eligible; what happened since stays.
    pub fn undo(&mut self, turn: SmoothTurn) {
        for gain in turn.gains {
            let Some(peer) = self.peer(gain.id) else {
                continue;
            };
            peer.current -= gain.by;
            peer.effective = (peer.effective - i64::from(gain.is_recovery)).max(0);
        }
        if let Some(peer) = self.peer(turn.id) {
            peer.current += turn.total;
            if let Some((before, set)) = turn.checked
                && peer.checked == Some(set)
            {
                peer.checked = before;
            }
        }
    }

    /// A call to that peer ended; a peer that left the set is not minded. One that was cancelled says
    /// nothing.
    pub fn ended(&mut self, id: PeerId, outcome: Outcome, now: Instant) {
        let (is_alone, max_fails) = (self.is_one_alone(), self.policy.max_fails);
        let Some(peer) = self.peer(id) else {
            return;
        };
        match outcome {
            Outcome::Failure { .. } if max_fails > 0 && !is_alone => {
                peer.fails = peer.fails.saturating_add(1);
                peer.failed = peer.failed.max(Some(now));
                peer.checked = peer.checked.max(Some(now));
                let loss = peer.weight / i64::from(max_fails);
                peer.effective = (peer.effective - loss).max(0);
            }
            // Only a call that was sent to look is proof; one that was under way when the others failed
            // is not.
            Outcome::Success if peer.failed < peer.checked => peer.fails = 0,
            Outcome::Success | Outcome::Failure { .. } | Outcome::Cancelled => {}
        }
    }

    fn peer(&mut self, id: PeerId) -> Option<&mut Peer> {
        self.peers.iter_mut().find(|peer| peer.id == id)
    }
}
