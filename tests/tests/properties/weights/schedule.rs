//! The schedule by earliest deadline, and least request, a second time.

use super::*;
use std::cmp::Ordering;
use windtunnel_models::balance::load::{LeastRequest, LeastRequestPolicy};
use windtunnel_models::balance::turns::{EarliestDeadline, EarliestDeadlinePolicy};

/// A weight in steps of 2^-16, and the steps of a period.
const WHOLE: u128 = 1 << 16;
const PERIOD: u128 = 1 << 30;

/// A time, as a fraction.
#[derive(Clone, Copy, Debug)]
struct Fraction(u128, u128);

impl Fraction {
    /// So many steps of the periods of a share.
    const fn steps(steps: u128, share: u128) -> Self {
        Self(steps, share * PERIOD)
    }

    /// In steps of the periods of a share, rounded up.
    const fn in_steps(self, share: u128) -> u128 {
        (self.0 * share * PERIOD).div_ceil(self.1)
    }

    fn cmp(&self, other: &Self) -> Ordering {
        (self.0 * other.1).cmp(&(other.0 * self.1))
    }

    fn max(self, other: Self) -> Self {
        match self.cmp(&other) {
            Ordering::Less => other,
            _ => self,
        }
    }
}

#[derive(Clone)]
struct Job {
    name: Name,
    told: u128,
    share: u128,
    deadline: Fraction,
}

#[derive(Clone)]
struct Schedule {
    jobs: Vec<Job>,
    now: Fraction,
    rng: ChaCha8Rng,
}

impl Schedule {
    fn new() -> Self {
        Self {
            jobs: Vec::new(),
            now: Fraction(0, 1),
            rng: rng(),
        }
    }

    fn update(&mut self, shares: &[(Name, u128)], weigh: &dyn Fn(&str, u128) -> u128) {
        let old = std::mem::take(&mut self.jobs);
        for (name, told) in shares.iter().filter(|(_, share)| *share > 0) {
            let known = old.iter().find(|job| job.name == *name);
            if let Some(job) = known.filter(|job| job.told == *told) {
                self.jobs.push(job.clone());
                continue;
            }
            let left = match known {
                Some(job) => {
                    let due = job.deadline.in_steps(job.share);
                    due.saturating_sub(self.now.in_steps(job.share))
                }
                None => below(&mut self.rng, PERIOD as usize + 1) as u128,
            };
            let share = weigh(name, *told);
            let steps = self.now.in_steps(share) + left;
            self.jobs.push(Job {
                name: name.clone(),
                told: *told,
                share,
                deadline: Fraction::steps(steps, share),
            });
        }
    }

    fn pick(&mut self, may: &May<'_>, weigh: &dyn Fn(&str, u128) -> u128) -> Option<Name> {
        let now = self.now;
        let able = self.jobs.iter_mut().filter(|job| may(&job.name));
        // `min_by` keeps the first of equals.
        let next = able.min_by(|one, two| one.deadline.max(now).cmp(&two.deadline.max(now)))?;
        let due = next.deadline.max(now);
        next.share = weigh(&next.name, next.told);
        let steps = due.in_steps(next.share) + PERIOD;
        next.deadline = Fraction::steps(steps, next.share);
        self.now = due;
        Some(next.name.clone())
    }
}

#[derive(Clone)]
struct Deadline(Schedule);

impl Law for Deadline {
    type Tested = EarliestDeadline;

    fn update(&mut self, endpoints: &[Endpoint], _: &Loads<'_>) {
        let known = endpoints.iter().filter(|e| e.weight > 0);
        let count = known.clone().count() as u128;
        let sum: u128 = known.map(|e| u128::from(e.weight)).sum();
        let share = |weight: u32| match weight {
            _ if count < 2 => WHOLE,
            0 => (2 * sum * WHOLE + count) / (2 * count),
            weight => u128::from(weight) * WHOLE,
        };
        let each = endpoints.iter();
        let shares: Vec<_> = each.map(|e| (e.name.clone(), share(e.weight))).collect();
        self.0.update(&shares, &|_, share| share);
    }

    fn pick(&mut self, may: &May<'_>, _: &Loads<'_>) -> Option<Name> {
        self.0.pick(may, &|_, share| share)
    }

    fn taken_back(self, _: Self) -> Self {
        self
    }
}

#[derive(Clone)]
struct Least {
    choices: u32,
    endpoints: Vec<Endpoint>,
    schedule: Schedule,
}

/// The share over the calls in flight and one more, to the nearest.
fn lightened(share: u128, load: usize) -> u128 {
    let by = load as u128 + 1;
    ((2 * share + by) / (2 * by)).max(1)
}

impl Law for Least {
    type Tested = LeastRequest;

    fn update(&mut self, endpoints: &[Endpoint], loads: &Loads<'_>) {
        self.endpoints = endpoints.to_vec();
        let each = endpoints.iter();
        let shares: Vec<_> = each
            .map(|e| (e.name.clone(), u128::from(e.weight) * WHOLE))
            .collect();
        let weigh = |name: &str, share| lightened(share, loads(name));
        self.schedule.update(&shares, &weigh);
    }

    fn pick(&mut self, may: &May<'_>, loads: &Loads<'_>) -> Option<Name> {
        let mut weights: Vec<u32> = self.endpoints.iter().map(|e| e.weight).collect();
        weights.retain(|weight| *weight > 0);
        weights.dedup();
        if weights.len() > 1 {
            let weigh = |name: &str, share| lightened(share, loads(name));
            return self.schedule.pick(may, &weigh);
        }
        let able = self.endpoints.iter().filter(|e| e.weight > 0);
        let able: Vec<_> = able.filter(|e| may(&e.name)).collect();
        if able.is_empty() {
            return None;
        }
        let rng = &mut self.schedule.rng;
        let drawn = (0..self.choices).map(|_| able[below(rng, able.len())]);
        let least = drawn.min_by_key(|endpoint| loads(&endpoint.name));
        least.map(|endpoint| endpoint.name.clone())
    }

    fn taken_back(self, after: Self) -> Self {
        let rng = after.schedule.rng;
        let schedule = Schedule {
            rng,
            ..self.schedule
        };
        Self { schedule, ..self }
    }
}

#[test]
fn random_operations_keep_deadlines_as_fractions_have_them() {
    holds(|| {
        let policy = EarliestDeadlinePolicy::default();
        let tested = EarliestDeadline::new(&[], policy, rng()).expect("it can be meant");
        (tested, Deadline(Schedule::new()))
    });
}

#[test]
fn random_operations_keep_least_request_as_envoy_has_it() {
    for choices in [2, 3] {
        holds(|| {
            let policy = LeastRequestPolicy {
                choices,
                ..LeastRequestPolicy::default()
            };
            let tested = LeastRequest::new(&[], policy, rng()).expect("it can be meant");
            let law = Least {
                choices,
                endpoints: Vec::new(),
                schedule: Schedule::new(),
            };
            (tested, law)
        });
    }
}

#[test]
fn every_stretch_of_turns_by_deadline_is_exact() {
    peers::every_stretch_is_exact(|endpoints| {
        let policy = EarliestDeadlinePolicy::default();
        let built = EarliestDeadline::new(endpoints, policy, rng());
        Box::new(built.expect("it can be meant"))
    });
}
