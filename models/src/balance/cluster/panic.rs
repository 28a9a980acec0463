//! Panic: so few hosts are healthy that the checks are more likely wrong than the hosts, or those few would
//! drown; calls then go to all of them. It belongs to a priority as a whole, never to a zone of it.

use super::priority::Tally;

/// Whether less than `threshold` percent of the hosts are healthy (strictly); of no host at all, if there
/// is a threshold.
pub fn is_in_panic(tally: Tally, threshold: u32) -> bool {
    let Tally { hosts, healthy } = tally;
    let threshold = u128::from(threshold);
    if hosts == 0 {
        return threshold > 0;
    }
    u128::from(healthy) * 100 < threshold * u128::from(hosts)
}

/// The percentages of priorities that are all in panic: by the number of hosts, healthy or not, rounded
/// down; what that leaves goes to the first that has hosts.
pub fn by_size(tallies: &[Tally]) -> Vec<u64> {
    let total: u128 = tallies.iter().map(|tally| u128::from(tally.hosts)).sum();
    let share = |tally: &Tally| {
        let load = (u128::from(tally.hosts) * 100).checked_div(total);
        load.unwrap_or(0) as u64
    };
    let mut loads: Vec<u64> = tallies.iter().map(share).collect();
    let left = 100 - loads.iter().sum::<u64>();
    let first = tallies.iter().position(|tally| tally.hosts > 0);
    if let Some(load) = loads.get_mut(first.unwrap_or(0)) {
        *load += left;
    }
    loads
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(healthy: u64, hosts: u64) -> Tally {
        Tally { hosts, healthy }
    }

    #[test]
    fn the_threshold_itself_is_no_panic() {
        assert!(!is_in_panic(tally(5, 10), 50));
        assert!(is_in_panic(tally(4, 10), 50));
        assert!(is_in_panic(tally(49, 99), 50));
        assert!(!is_in_panic(tally(7, 25), 28));
    }

    #[test]
    fn a_threshold_of_zero_is_no_panic_ever() {
        assert!(!is_in_panic(tally(0, 10), 0));
        assert!(!is_in_panic(tally(0, 0), 0));
    }

    #[test]
    fn sizes_are_shared_out_to_the_last_percent() {
        assert_eq!(
            by_size(&[tally(0, 1), tally(0, 1), tally(0, 1)]),
            [34, 33, 33]
        );
        assert_eq!(
            by_size(&[tally(0, 0), tally(0, 3), tally(0, 4)]),
            [0, 43, 57]
        );
        assert_eq!(by_size(&[tally(0, 0), tally(0, 0)]), [100, 0]);
        assert_eq!(by_size(&[]), [0; 0]);
    }
}
