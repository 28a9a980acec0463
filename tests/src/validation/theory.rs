//! What theory expects, computed from its formulas. Time is in mean service times unless said.

/// The probability that all `servers` are busy and a job is turned away (Erlang's B), at an offered
/// load of `erlangs`. By the recursion over the number of servers, which never overflows.
pub fn erlang_b(servers: usize, erlangs: f64) -> f64 {
    (1..=servers).fold(1.0, |blocked, server| {
        erlangs * blocked / (server as f64 + erlangs * blocked)
    })
}

/// The probability that a job waits in M/M/c (Erlang's C) at the utilisation `load`.
pub fn erlang_c(servers: usize, load: f64) -> f64 {
    let blocked = erlang_b(servers, load * servers as f64);
    blocked / (1.0 - load * (1.0 - blocked))
}

/// The mean wait in M/M/c.
pub fn mmc_wait(servers: usize, load: f64) -> f64 {
    erlang_c(servers, load) / (servers as f64 * (1.0 - load))
}

/// The mean wait in M/G/1 by Pollaczek and Khinchine; `squared_variation` is the variance of the
/// service over the square of its mean: 1 for exponential, 0 for constant service.
pub fn mg1_wait(load: f64, squared_variation: f64) -> f64 {
    load * (1.0 + squared_variation) / (2.0 * (1.0 - load))
}

/// The mean time in M/M/1.
pub fn mm1_sojourn(load: f64) -> f64 {
    1.0 + mg1_wait(load, 1.0)
}

/// The mean time in M/G/1 with processor sharing, whatever the service (L. Kleinrock, *Queueing Systems*
/// II, 4.4).
pub fn shared_sojourn(load: f64) -> f64 {
    1.0 / (1.0 - load)
}

/// The time in M/M/1, first come first served, that a job exceeds with probability `share`: times in
/// the system are exponential.
pub fn mm1_sojourn_exceeded_by(load: f64, share: f64) -> f64 {
    -share.ln() / (1.0 - load)
}

/// The mean time in the system of the supermarket model with `choices` choices at `load`:
/// Σ load^((d^i − d) / (d − 1)) for i from 1 (M. Mitzenmacher, 2001).
pub fn supermarket_sojourn(choices: u32, load: f64) -> f64 {
    let choices = f64::from(choices);
    let exponents = (1..60).map(|i| (choices.powi(i) - choices) / (choices - 1.0));
    exponents.map(|exponent| load.powf(exponent)).sum()
}

/// The probability that at least one of `count` independent events of probability `each` happens.
pub fn any_of(count: u32, each: f64) -> f64 {
    1.0 - (1.0 - each).powf(f64::from(count))
}

/// How many round trips slow start takes for `packets`, from a window of ten that doubles in each
/// (RFC 5681, RFC 6928).
pub fn slow_start_rounds(packets: u64) -> u32 {
    (1..)
        .find(|&rounds| 10 * ((1_u64 << rounds) - 1) >= packets)
        .unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
    }

    #[test]
    fn erlang_c_is_as_published() {
        let published = [
            (2, 0.8, 0.711111, 1.777778),
            (4, 0.8, 0.596432, 0.745541),
            (8, 0.8, 0.457645, 0.286028),
            (10, 0.9, 0.668732, 0.668732),
            (50, 0.9, 0.363864, 0.072773),
            (100, 0.95, 0.506457, 0.101291),
        ];
        for (servers, load, waits, mean) in published {
            near(erlang_c(servers, load), waits);
            near(mmc_wait(servers, load), mean);
        }
    }

    #[test]
    fn one_server_is_the_case_of_all_formulas() {
        near(erlang_c(1, 0.9), 0.9);
        near(mmc_wait(1, 0.9), mg1_wait(0.9, 1.0));
        near(mm1_sojourn(0.9), 10.0);
        near(mm1_sojourn_exceeded_by(0.9, 0.01), 46.051702);
        near(mg1_wait(0.9, 0.0), 4.5);
    }

    #[test]
    fn the_supermarket_follows_from_its_fixed_point() {
        // The share of servers with at least i jobs: one, the load, and then the load times the share
        // before it to the power of the choices. Their sum is the jobs of a server, by Little's law
        // the load times the time in the system.
        for (choices, load) in [(2, 0.5), (2, 0.9), (2, 0.99), (3, 0.5), (3, 0.99)] {
            let shares =
                std::iter::successors(Some(load), |share: &f64| Some(load * share.powi(choices)));
            let jobs: f64 = shares.take(60).sum();
            near(supermarket_sojourn(choices as u32, load), jobs / load);
        }
        near(
            supermarket_sojourn(2, 0.5),
            1.0 + 0.25 + 0.015625 + 0.5_f64.powi(14) + 0.5_f64.powi(30),
        );
    }

    #[test]
    fn the_tail_at_scale_is_as_published() {
        assert!((any_of(100, 0.01) - 0.634).abs() < 5e-4);
        assert!((any_of(2000, 1e-4) - 0.181).abs() < 5e-4);
    }

    #[test]
    fn slow_start_doubles() {
        let rounds = [1, 10, 11, 30, 31, 70, 150, 310, 630].map(slow_start_rounds);
        assert_eq!(rounds, [1, 1, 2, 2, 3, 3, 4, 5, 6]);
    }
}
