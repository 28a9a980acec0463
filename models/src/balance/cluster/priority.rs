//! How much of the load each priority gets: Envoy's law of priority levels, in integers.

use super::panic;

/// The hosts of one priority, without those that drain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub hosts: u64,
    /// Those that are healthy, at most all.
    pub healthy: u64,
}

impl Tally {
    /// The percentage of the whole load these hosts can take, at most 100: `factor` (in percent) times
    /// the healthy part, rounded down. Nobody can take nothing.
    pub fn health(self, factor: u32) -> u64 {
        let healthy = u128::from(self.healthy.min(self.hosts)) * u128::from(factor);
        let health = healthy.checked_div(u128::from(self.hosts));
        health.unwrap_or(0).min(100) as u64
    }
}

/// What each priority gets of the load, in percent, and which of them ignore health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    loads: Vec<u64>,
    panics: Vec<bool>,
}

impl Shares {
    /// The shares of priorities with these hosts, the preferred one first.
    ///
    /// A priority gets its health, as far as load is left, scaled up if all healths together are below
    /// 100; what rounding leaves goes to the first one with any health. If all are in panic, they share by
    /// the number of their hosts. If nobody is healthy and there is no panic, the first one has to take
    /// all of it. So the loads of any number of priorities but zero sum up to 100.
    pub fn new(tallies: &[Tally], factor: u32, panic_threshold: u32) -> Self {
        let healths: Vec<u64> = tallies.iter().map(|tally| tally.health(factor)).collect();
        let total = healths.iter().sum::<u64>().min(100);
        let panics: Vec<bool> = tallies
            .iter()
            .map(|tally| total < 100 && panic::is_in_panic(*tally, panic_threshold))
            .collect();
        let loads = if panics.iter().all(|panic| *panic) {
            panic::by_size(tallies)
        } else {
            by_health(&healths, total)
        };
        Self { loads, panics }
    }

    /// The percentages.
    pub fn loads(&self) -> &[u64] {
        &self.loads
    }

    /// Which priorities ignore health.
    pub fn panics(&self) -> &[bool] {
        &self.panics
    }

    /// The priority that a number below 100 falls on.
    pub fn at(&self, number: u64) -> Option<usize> {
        let mut end = 0;
        self.loads.iter().position(|load| {
            end += load;
            number < end
        })
    }
}

fn by_health(healths: &[u64], total: u64) -> Vec<u64> {
    let mut left = 100;
    let share = |health: &u64| {
        let load = (health * 100).checked_div(total).unwrap_or(0).min(left);
        left -= load;
        load
    };
    let mut loads: Vec<u64> = healths.iter().map(share).collect();
    let first = healths.iter().position(|health| *health > 0);
    if let Some(load) = loads.get_mut(first.unwrap_or(0)) {
        *load += left;
    }
    loads
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[(u64, u64)], threshold: u32) -> Shares {
        let tallies: Vec<_> = parts
            .iter()
            .map(|(healthy, hosts)| Tally {
                hosts: *hosts,
                healthy: *healthy,
            })
            .collect();
        Shares::new(&tallies, 140, threshold)
    }

    #[test]
    fn a_priority_is_whole_until_less_than_72_of_100_are_healthy() {
        assert_eq!(of(&[(72, 100), (100, 100)], 50).loads(), [100, 0]);
        assert_eq!(of(&[(71, 100), (100, 100)], 50).loads(), [99, 1]);
    }

    #[test]
    fn lb_25_what_rounding_leaves_goes_to_the_first_with_any_health() {
        assert_eq!(of(&[(0, 3), (1, 3), (1, 4)], 0).loads(), [0, 57, 43]);
        assert_eq!(of(&[(1, 9), (1, 9), (1, 9)], 0).loads(), [34, 33, 33]);
        for healthy in 0..=7u64 {
            for hosts in 0..=7u64 {
                for third in 0..=7u64 {
                    let shares = of(&[(healthy, 7), (hosts, 11), (third, 13)], 50);
                    let sum: u64 = shares.loads().iter().sum();
                    assert_eq!(sum, 100, "{healthy}/7 {hosts}/11 {third}/13: {shares:?}");
                }
            }
        }
    }

    #[test]
    fn no_priority_is_in_panic_while_all_together_can_take_everything() {
        let shares = of(&[(1, 10), (10, 10)], 50);
        assert_eq!(shares.panics(), [false, false]);
        assert_eq!(shares.loads(), [14, 86]);
    }

    #[test]
    fn one_priority_can_be_in_panic_without_the_others() {
        let shares = of(&[(1, 10), (5, 10)], 50);
        assert_eq!(shares.panics(), [true, false]);
        assert_eq!(shares.loads(), [17, 83]);
    }

    #[test]
    fn all_in_panic_share_by_their_hosts() {
        let shares = of(&[(0, 1), (0, 2), (0, 3)], 50);
        assert_eq!(shares.panics(), [true; 3]);
        assert_eq!(shares.loads(), [17, 33, 50]);
    }

    #[test]
    fn without_panic_and_health_the_first_has_to_take_it() {
        let shares = of(&[(0, 2), (0, 2)], 0);
        assert_eq!(shares.panics(), [false, false]);
        assert_eq!(shares.loads(), [100, 0]);
        assert_eq!(of(&[], 50).at(0), None);
    }

    #[test]
    fn a_number_falls_on_the_priority_whose_part_it_is_in() {
        let shares = of(&[(0, 3), (50, 100), (100, 100)], 50);
        assert_eq!(shares.loads(), [0, 70, 30]);
        assert_eq!(
            [0, 69, 70, 99].map(|n| shares.at(n)),
            [1, 1, 2, 2].map(Some)
        );
        assert_eq!(shares.at(100), None);
    }
}
