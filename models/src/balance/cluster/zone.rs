//! Zone-aware routing: calls stay in the caller's zone as far as every host still gets the same load.
//! Envoy's law, with parts of ten thousand in integers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::InvalidPolicy;

/// What a share of everything is.
const WHOLE: u64 = 10_000;

/// Who calls from where, and when zones count. The defaults of Envoy are 6 hosts and no force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonePolicy {
    /// The zone of this caller.
    pub own: Arc<str>,
    /// How many callers (healthy instances of the calling service, this one among them) each zone has.
    pub callers: BTreeMap<Arc<str>, u32>,
    /// With fewer healthy hosts than this in all zones together, zones are not looked at.
    pub minimum_hosts: u32,
    /// With at least so many healthy hosts in the own zone all calls stay there, whatever that does to
    /// them; none for never.
    pub force_local: Option<u32>,
}

impl ZonePolicy {
    /// Envoy's defaults for a caller in `own`.
    pub fn new(own: impl Into<Arc<str>>, callers: BTreeMap<Arc<str>, u32>) -> Self {
        Self {
            own: own.into(),
            callers,
            minimum_hosts: 6,
            force_local: None,
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// A minimum of zero, or an own zone without callers.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        if self.minimum_hosts == 0 {
            return Err(InvalidPolicy::Zero("zones.minimum_hosts"));
        }
        if self.force_local == Some(0) {
            return Err(InvalidPolicy::Zero("zones.force_local"));
        }
        match self.callers.get(&self.own) {
            None | Some(0) => Err(InvalidPolicy::OwnZoneUnknown),
            Some(_) => Ok(()),
        }
    }
}

/// Where the calls of one caller go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// To hosts of any zone; the zones are not looked at.
    Anywhere,
    /// To this zone, the caller's own.
    Local(Arc<str>),
    /// So many of ten thousand to the own zone, the others to the zones with capacity left.
    Spill {
        /// The caller's zone.
        own: Arc<str>,
        /// Of ten thousand calls.
        local: u64,
        /// The capacity that the callers of each zone themselves leave, in ten thousandths of all.
        residual: Vec<(Arc<str>, u64)>,
    },
}

impl Route {
    /// The route to zones with so many healthy hosts (also zones that have none left are listed, each
    /// once).
    ///
    /// Zones count only if there are at least two, as many as the callers', with enough healthy hosts.
    /// The own zone gets everything if its part of the hosts is not below its part of the callers.
    pub fn new(policy: &ZonePolicy, healthy: &[(Arc<str>, u64)]) -> Self {
        let all: u64 = healthy.iter().map(|(_, count)| count).sum();
        let callers = policy.callers.values().filter(|count| **count > 0).count();
        let is_enough = all >= u64::from(policy.minimum_hosts);
        if healthy.len() < 2 || healthy.len() != callers || !is_enough {
            return Self::Anywhere;
        }
        let here = healthy.iter().find(|(zone, _)| *zone == policy.own);
        let here = here.map_or(0, |(_, count)| *count);
        let forced = policy
            .force_local
            .is_some_and(|size| here >= u64::from(size));
        let (hosts, callers) = (part(here, all), policy.part_of_callers(&policy.own));
        if forced || (hosts > 0 && hosts >= callers) {
            return Self::Local(policy.own.clone());
        }
        let others = healthy.iter().filter(|(zone, _)| *zone != policy.own);
        let left = |(zone, count): &(Arc<str>, u64)| {
            let left = part(*count, all).saturating_sub(policy.part_of_callers(zone));
            (zone.clone(), left)
        };
        Self::Spill {
            own: policy.own.clone(),
            local: (hosts * WHOLE).checked_div(callers).unwrap_or(0),
            residual: others.map(left).filter(|(_, left)| *left > 0).collect(),
        }
    }

    /// The zone of one call, by numbers below a bound. None if any will do: zones are not looked at, or
    /// rounding left no capacity anywhere.
    pub fn draw(&self, mut below: impl FnMut(u64) -> u64) -> Option<&Arc<str>> {
        match self {
            Self::Anywhere => None,
            Self::Local(own) => Some(own),
            Self::Spill { own, local, .. } if below(WHOLE) < *local => Some(own),
            Self::Spill { residual, .. } => {
                let mut at = below(residual.iter().map(|(_, left)| left).sum());
                let zone = residual.iter().find(|(_, left)| {
                    let is_here = at < *left;
                    at = at.saturating_sub(*left);
                    is_here
                });
                zone.map(|(zone, _)| zone)
            }
        }
    }
}

impl ZonePolicy {
    fn part_of_callers(&self, zone: &Arc<str>) -> u64 {
        let all = self.callers.values().map(|count| u64::from(*count)).sum();
        let here = self.callers.get(zone).copied();
        part(here.unwrap_or(0).into(), all)
    }
}

fn part(count: u64, all: u64) -> u64 {
    count.saturating_mul(WHOLE).checked_div(all).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones<T: Copy>(counts: &[T]) -> Vec<(Arc<str>, T)> {
        let names = ["a", "b", "c"].map(Arc::from);
        names.into_iter().zip(counts.iter().copied()).collect()
    }

    fn policy(callers: &[u32]) -> ZonePolicy {
        ZonePolicy::new("a", zones(callers).into_iter().collect())
    }

    fn route(callers: &[u32], healthy: &[u64]) -> Route {
        Route::new(&policy(callers), &zones(healthy))
    }

    fn local() -> Route {
        Route::Local("a".into())
    }

    #[test]
    fn calls_stay_if_the_zone_has_its_part_of_the_hosts() {
        assert_eq!(route(&[1, 1], &[3, 3]), local());
        assert_eq!(route(&[1, 1], &[4, 2]), local());
        assert_ne!(route(&[1, 1], &[2, 4]), local());
    }

    #[test]
    fn what_a_zone_cannot_take_goes_where_capacity_is_left() {
        let spill = Route::Spill {
            own: "a".into(),
            local: 6250,
            residual: vec![("b".into(), 1000), ("c".into(), 500)],
        };
        assert_eq!(route(&[4, 4, 2], &[5, 10, 5]), spill);
        assert_eq!(spill.draw(|_| 6249).map(|zone| &**zone), Some("a"));
        let drawn = |second| {
            let mut numbers = [6250, second].into_iter();
            spill
                .draw(|_| numbers.next().unwrap())
                .map(ToString::to_string)
        };
        assert_eq!(drawn(999).as_deref(), Some("b"));
        assert_eq!(drawn(1000).as_deref(), Some("c"));
        assert_eq!(drawn(1499).as_deref(), Some("c"));
    }

    #[test]
    fn zones_count_only_with_two_of_them_as_many_as_the_callers_and_enough_hosts() {
        assert_eq!(route(&[1], &[9]), Route::Anywhere);
        assert_eq!(route(&[1, 1, 1], &[5, 5]), Route::Anywhere);
        assert_eq!(route(&[1, 1, 0], &[5, 5]), local());
        assert_eq!(route(&[1, 1], &[3, 2]), Route::Anywhere);
        assert_eq!(route(&[1, 1], &[3, 3]), local());
    }

    #[test]
    fn a_zone_without_healthy_hosts_keeps_nothing() {
        let Route::Spill {
            local, residual, ..
        } = route(&[1, 2], &[0, 9])
        else {
            panic!("it has nobody");
        };
        assert_eq!((local, residual), (0, vec![("b".into(), 3334)]));
    }

    #[test]
    fn force_keeps_calls_as_soon_as_the_zone_has_the_size() {
        let forced = ZonePolicy {
            force_local: Some(2),
            ..policy(&[9, 1])
        };
        assert_eq!(Route::new(&forced, &zones(&[2, 8])), local());
        assert_ne!(Route::new(&forced, &zones(&[1, 9])), local());
        assert_eq!(Route::new(&forced, &zones(&[2, 3])), Route::Anywhere);
    }

    #[test]
    fn where_rounding_leaves_no_capacity_any_zone_will_do() {
        let route = Route::Spill {
            own: "a".into(),
            local: 9999,
            residual: Vec::new(),
        };
        assert_eq!(route.draw(|bound| bound.saturating_sub(1)), None);
    }

    #[test]
    fn a_policy_that_cannot_be_meant_is_refused() {
        let mut wrong = policy(&[1, 1]);
        wrong.minimum_hosts = 0;
        assert_eq!(
            wrong.validate(),
            Err(InvalidPolicy::Zero("zones.minimum_hosts"))
        );
        let mut wrong = policy(&[1, 1]);
        wrong.force_local = Some(0);
        assert_eq!(
            wrong.validate(),
            Err(InvalidPolicy::Zero("zones.force_local"))
        );
        assert_eq!(
            policy(&[0, 1]).validate(),
            Err(InvalidPolicy::OwnZoneUnknown)
        );
        assert_eq!(policy(&[]).validate(), Err(InvalidPolicy::OwnZoneUnknown));
        assert_eq!(policy(&[1]).validate(), Ok(()));
    }
}
