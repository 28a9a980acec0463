//! The cluster itself: draws priority and zone, and has a balancer pick there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand_core::Rng;

use super::super::{Admits, Balancer, Call, Endpoint, InFlight, NoEndpoint};
use super::asking::Asking;
use super::counters::Counting;
use super::lots::{Lots, SharedRng};
use super::membership::{Cell, Factory, Membership};
use super::survey::{Judge, Survey};
use super::zone::ZonePolicy;
use super::{Counters, EmptySet, Health, Host, InvalidPolicy, Observer, Policy};

/// Endpoints of several priorities and zones. Each is in the care of one balancer, so that what it has in
/// flight is one number; one that moves to another place begins anew there.
pub struct Cluster {
    policy: Policy,
    zones: Mutex<Option<Arc<ZonePolicy>>>,
    members: Mutex<Arc<Membership>>,
    /// Locked during an update: one comes after the other, and no pick waits for a factory.
    factory: Mutex<Box<Factory>>,
    judge: Box<Judge>,
    rng: SharedRng,
    observer: Arc<dyn Observer>,
    counting: Counting,
    panics: Mutex<BTreeSet<u32>>,
}

impl Cluster {
    /// A cluster without hosts, all healthy when they come. `factory` makes the balancer of one place; it
    /// must not change the cluster itself. Two clusters need two independent generators.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        policy: Policy,
        factory: impl FnMut(&[Endpoint]) -> Box<dyn Balancer> + Send + 'static,
        rng: impl Rng + Send + 'static,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        Ok(Self {
            zones: Mutex::new(policy.zones.clone().map(Arc::new)),
            policy,
            members: Mutex::default(),
            factory: Mutex::new(Box::new(factory)),
            judge: Box::new(|_| Health::Healthy),
            rng: Mutex::new(Box::new(rng)),
            observer: Arc::new(()),
            counting: Counting::default(),
            panics: Mutex::default(),
        })
    }

    /// Says who knows how an endpoint is. Asked for every endpoint at every pick, outside of all locks: it
    /// has to be quick.
    #[must_use]
    pub fn judged_by(self, judge: impl Fn(&Arc<str>) -> Health + Send + Sync + 'static) -> Self {
        let judge = Box::new(judge);
        Self { judge, ..self }
    }

    /// Says who is told.
    #[must_use]
    pub fn watched_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// Replaces the hosts. Those that keep their place keep load and memory; one that left is never
    /// picked again.
    ///
    /// # Errors
    ///
    /// The new set is empty and the present one is not: that is rather a failure of the discovery than of
    /// all endpoints, so nothing changes and the observer is told.
    pub fn replace(&self, hosts: &[Host]) -> Result<(), EmptySet> {
        self.is_meant(hosts.is_empty())?;
        self.change(|_| hosts.to_vec());
        Ok(())
    }

    /// Takes all hosts out, and means it.
    pub fn clear(&self) {
        self.change(|_| Vec::new());
    }

    /// Says how many callers each zone has now. Without effect on a cluster that does not look at zones.
    ///
    /// # Errors
    ///
    /// The own zone has none.
    pub fn set_callers(&self, callers: BTreeMap<Arc<str>, u32>) -> Result<(), InvalidPolicy> {
        let mut zones = lock(&self.zones);
        if let Some(present) = &*zones {
            let next = ZonePolicy {
                callers,
                ..ZonePolicy::clone(present)
            };
            next.validate()?;
            *zones = Some(Arc::new(next));
        }
        Ok(())
    }

    /// How many calls were picked for and refused.
    pub fn counters(&self) -> Counters {
        self.counting.read()
    }

    /// The names of those in it; the same list as long as nothing changes.
    pub(super) fn names(&self) -> Arc<[Arc<str>]> {
        self.members().names.clone()
    }

    /// Picks one endpoint and no other, for a call that belongs there; one that drains only if it is said
    /// so. A pick that fails is not counted.
    pub(super) fn pick_exactly(
        &self,
        name: &Arc<str>,
        is_draining_kept: bool,
        call: &Call<'_>,
        admits: &mut Admits<'_>,
    ) -> Option<InFlight> {
        let members = self.members();
        let at = members.position(name)?;
        let survey = Survey::new(&members, &self.policy, &*self.judge);
        self.tell_panics(&survey);
        if !survey.may_keep(at, is_draining_kept) || !(call.eligible)(name) {
            return None;
        }
        let only = Call {
            eligible: &|other| other == name,
            ..*call
        };
        let cell = &members.tiers[at.tier].cells[at.cell];
        let picked = cell.balancer.pick(&only, admits).ok()?;
        self.counting.picked(survey.shares.panics()[at.tier]);
        Some(picked)
    }

    fn is_meant(&self, is_empty: bool) -> Result<(), EmptySet> {
        let kept = self.members().hosts.len();
        if is_empty && kept > 0 {
            self.observer.empty_set_ignored(kept);
            return Err(EmptySet { kept });
        }
        Ok(())
    }

    fn members(&self) -> Arc<Membership> {
        lock(&self.members).clone()
    }

    fn change(&self, hosts: impl FnOnce(&Membership) -> Vec<Host>) {
        let mut factory = lock(&self.factory);
        let present = self.members();
        let next = present.next(&hosts(&present), &self.policy, &mut **factory);
        // Under the lock: who fails with the old members because their balancers have the new ones
        // already, waits here and tries those.
        let mut members = lock(&self.members);
        present.tell(&next);
        *members = Arc::new(next);
    }

    /// The priority drawn, then the others from the preferred one on.
    fn pick_among(&self, members: &Membership, asking: &mut Asking<'_, '_>) -> Option<InFlight> {
        let survey = Survey::new(members, &self.policy, &*self.judge);
        self.tell_panics(&survey);
        let lots = Lots::new(asking.key(), &self.rng);
        let drawn = survey.shares.at(lots.below(100));
        let others = (0..members.tiers.len()).filter(|tier| Some(*tier) != drawn);
        let mut tiers = drawn.into_iter().chain(others);
        tiers.find_map(|tier| {
            let picked = self.pick_in(&members.tiers[tier].cells, tier, &survey, &lots, asking)?;
            self.counting.picked(survey.shares.panics()[tier]);
            Some(picked)
        })
    }

    /// The zone drawn, then the others, each as likely as those weigh who could be picked there.
    fn pick_in(
        &self,
        cells: &[Cell],
        tier: usize,
        survey: &Survey<'_>,
        lots: &Lots<'_>,
        asking: &mut Asking<'_, '_>,
    ) -> Option<InFlight> {
        if let [only] = cells {
            return asking.ask(&*only.balancer, survey);
        }
        let mut left: Vec<&Cell> = cells.iter().collect();
        let mut drawn = self.zone(cells, tier, survey, lots);
        loop {
            let at = drawn.take().or_else(|| {
                let weigh = |cell: &&Cell| survey.weight(cell, tier, |name| asking.may_ask(name));
                let weights: Vec<_> = left.iter().map(weigh).collect();
                lots.weighted(&weights)
            })?;
            let cell = left.remove(at);
            if let Some(picked) = asking.ask(&*cell.balancer, survey) {
                return Some(picked);
            }
        }
    }

    fn zone(
        &self,
        cells: &[Cell],
        tier: usize,
        survey: &Survey<'_>,
        lots: &Lots<'_>,
    ) -> Option<usize> {
        let zones = lock(&self.zones).clone()?;
        let route = survey.route(tier, &zones);
        let zone = route.draw(|bound| lots.below(bound))?;
        cells.iter().position(|cell| cell.zone == *zone)
    }

    fn tell_panics(&self, survey: &Survey<'_>) {
        let present: BTreeSet<u32> = survey.panics().collect();
        let before = std::mem::replace(&mut *lock(&self.panics), present.clone());
        for priority in present.difference(&before) {
            self.observer.panic_began(*priority);
        }
        for priority in before.difference(&present) {
            self.observer.panic_ended(*priority);
        }
    }
}

impl Balancer for Cluster {
    fn pick(&self, call: &Call<'_>, admits: &mut Admits<'_>) -> Result<InFlight, NoEndpoint> {
        let mut asking = Asking::new(call, admits);
        loop {
            let members = self.members();
            if let Some(picked) = self.pick_among(&members, &mut asking) {
                return Ok(picked);
            }
            // If somebody changed the members meanwhile, nobody may have been found between two sets.
            if Arc::ptr_eq(&members, &self.members()) {
                self.counting.refused();
                return Err(NoEndpoint::after(members.hosts.len(), asking.refused()));
            }
        }
    }

    /// Those that are known keep priority and zone, a new one has priority 0 and no zone; an empty set is
    /// ignored as by [`replace`](Cluster::replace).
    fn update(&self, endpoints: &[Endpoint]) {
        if self.is_meant(endpoints.is_empty()).is_ok() {
            self.change(|members| members.placed(endpoints));
        }
    }

    fn loads(&self) -> Vec<(Arc<str>, usize)> {
        self.members().loads()
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("policy", &self.policy)
            .field("loads", &self.loads())
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
