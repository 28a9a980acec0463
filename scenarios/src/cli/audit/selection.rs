//! Which seeds of which scenarios an audit runs.

use super::{pins::Pins, twice::Twice};
use crate::{
    catalogue,
    cli::{
        arguments::Audit,
        door,
        exit::{Exit, Failure},
        target,
        workers::{Conditions, Workers},
    },
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use windtunnel_explorer::{Seeds, SeedsError};
use windtunnel_record::{RunSpec, Seed};

/// A scenario and its seeds.
pub struct Chosen {
    /// As it was named.
    pub name: String,
    /// Its seeds.
    pub seeds: Vec<Seed>,
    spec: RunSpec,
}

/// What the arguments select, or what is pinned.
///
/// # Errors
/// Exit 4 if that is nothing, 3 if a scenario is invalid.
pub fn of(arguments: &Audit, pins: Option<&Pins>) -> Result<Vec<Chosen>, Failure> {
    if let Some(pins) = pins {
        let pinned = pins.seeds().into_iter();
        return pinned
            .map(|(name, seeds)| chosen(name, seeds, &BTreeMap::new()))
            .collect();
    }
    let seeds: Seeds = arguments
        .seeds
        .parse()
        .map_err(|error: SeedsError| Failure::new(Exit::Nothing, error))?;
    let seeds: Vec<Seed> = seeds.iter().collect();
    if seeds.is_empty() {
        return Err(Failure::new(Exit::Nothing, "no seeds were selected"));
    }
    let overrides = target::overrides(&arguments.overrides)?;
    if !arguments.all {
        let choose = |name: &String| chosen(name, seeds.clone(), &overrides);
        return arguments.targets.iter().map(choose).collect();
    }
    let all = catalogue::SCENARIOS.iter();
    let mut all: Vec<_> = all
        .map(|(name, _)| chosen(name, Vec::new(), &overrides))
        .collect::<Result<_, _>>()?;
    let mut costs = Vec::new();
    for scenario in &all {
        costs.push(scenario.cost(seeds[0], arguments)?);
    }
    let mut rest = seeds.as_slice();
    for (scenario, share) in all.iter_mut().zip(shares(seeds.len(), &costs)) {
        let (mine, others) = rest.split_at(share);
        scenario.seeds = mine.to_vec();
        rest = others;
    }
    Ok(all)
}

fn chosen(
    name: &str,
    seeds: Vec<Seed>,
    overrides: &BTreeMap<String, String>,
) -> Result<Chosen, Failure> {
    let scenario = target::load(name, overrides)?;
    door::simulated(&scenario, name)?;
    Ok(Chosen {
        name: name.into(),
        seeds,
        spec: scenario.spec(name, Seed(0), overrides),
    })
}

impl Chosen {
    /// How its seeds are run twice; what differs is kept below `directory`.
    pub fn auditor(&self, arguments: &Audit, directory: &Path) -> Twice {
        let workers = |elsewhere| Workers {
            conditions: Conditions {
                holds: true,
                elsewhere,
            },
            ..self.workers(arguments)
        };
        Twice {
            scenario: self.name.clone(),
            spec: self.spec.clone(),
            fresh: workers(false),
            busy: workers(true),
            directory: fs::canonicalize(directory).unwrap_or_else(|_| directory.into()),
        }
    }

    fn workers(&self, arguments: &Audit) -> Workers {
        Workers {
            target: wherever(&self.name),
            overrides: arguments.overrides.clone(),
            patience: arguments.patience.into(),
            conditions: Conditions::default(),
        }
    }

    /// How many events a run of it has, which is what it costs. The machine's clock would give other
    /// seeds on each machine.
    fn cost(&self, seed: Seed, arguments: &Audit) -> Result<u64, Failure> {
        let mut spec = self.spec.clone();
        spec.seed = seed;
        let answer = self.workers(arguments).run_alone(&spec)?;
        Ok(answer.line.run.events.max(1))
    }
}

/// The name of a scenario as a process in another directory must write it.
fn wherever(name: &str) -> String {
    let known = catalogue::SCENARIOS.iter().any(|(known, _)| *known == name);
    if known {
        return name.into();
    }
    let path = fs::canonicalize(name).unwrap_or_else(|_| PathBuf::from(name));
    path.display().to_string()
}

/// So many seeds for each, in inverse proportion to what a run costs; but each gets a quarter of an
/// equal share, and one if there is one for each. The sum is `seeds`.
fn shares(seeds: usize, costs: &[u64]) -> Vec<usize> {
    let scenarios = costs.len().max(1);
    let least = (seeds / (4 * scenarios)).max(usize::from(seeds >= scenarios));
    let free = (seeds - least * costs.len()) as f64;
    let whole: f64 = costs.iter().map(|&cost| 1.0 / cost as f64).sum();
    let mut shares: Vec<usize> = costs
        .iter()
        .map(|&cost| least + (free / cost as f64 / whole) as usize)
        .collect();
    let mut left = seeds - shares.iter().sum::<usize>();
    let mut by_share: Vec<usize> = (0..shares.len()).collect();
    by_share.sort_by_key(|&index| shares[index]);
    for index in by_share.into_iter().cycle() {
        if left == 0 {
            break;
        }
        shares[index] += 1;
        left -= 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn cheap_scenarios_get_more_seeds_and_every_seed_is_given_out() {
        let costs = [100_000, 50_000, 1_000_000];
        for seeds in [1, 2, 3, 10, 200, 10_000] {
            let shares = shares(seeds, &costs);
            assert_eq!(shares.iter().sum::<usize>(), seeds, "{shares:?}");
        }
        let of_many = shares(10_000, &costs);
        assert!(of_many[1] > of_many[0] && of_many[0] > of_many[2]);
        assert!(of_many[2] >= 10_000 / 12, "{of_many:?}");
        assert_eq!(shares(3, &costs), [1, 1, 1]);
        assert!(
            shares(5, &[1, 1, 1, 1_000_000])
                .iter()
                .all(|&share| share > 0)
        );
    }
}
