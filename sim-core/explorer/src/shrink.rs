//! From a failing run to the smallest one that fails the same way.
//!
//! Greedy: a move proposes smaller runs ([`drop_fault`], then [`narrow_window`]), the first that
//! still breaks the same rule is taken, and it goes on from there until no move helps. The order of
//! the candidates is fixed and the only budget is a number of runs, so the result is the same on
//! every machine. Source of dropping by halves: A. Zeller and R. Hildebrandt, *Simplifying and
//! Isolating Failure-Inducing Input* (2002).

mod drop_fault;
mod narrow_window;

use windtunnel_record::RunSpec;

/// What is left of a failing run.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    /// The smallest run found, with the schedule under which it fails.
    pub spec: RunSpec,
    /// The rule that it breaks; none if the run given did not fail at all.
    pub rule: Option<String>,
    /// How many runs it took.
    pub runs: usize,
    /// Whether no single move makes it smaller, under any schedule tried; false when the budget
    /// ended before that was known.
    pub minimal: bool,
}

/// Shrinks the explicit faults of `spec` in at most `budget` runs.
///
/// `broken` runs a spec and names the rule it breaks, if it breaks one. Its first call, on `spec`
/// itself, tells which rule is to stay broken. Removing a fault changes the course of a run from
/// its first effect on, so each candidate is tried under up to `schedules` schedules (its own, then
/// others drawn from the seed), and the one that fails is stored in the result. A `spec` whose
/// faults are not explicit comes back as it is.
pub fn shrink(
    spec: &RunSpec,
    budget: usize,
    schedules: u64,
    broken: impl FnMut(&RunSpec) -> Option<String>,
) -> Shrunk {
    let mut search = Search {
        best: spec.clone(),
        rule: None,
        tried: Vec::new(),
        redrawn: 0,
        budget,
        schedules,
        broken,
    };
    search.rule = search.run(spec).flatten();
    let minimal = search.rule.is_some() && spec.faults.is_some() && search.exhaust();
    Shrunk {
        spec: search.best,
        rule: search.rule,
        runs: search.tried.len(),
        minimal,
    }
}

struct Search<B> {
    best: RunSpec,
    rule: Option<String>,
    /// The runs made so far; none of them is made twice.
    tried: Vec<RunSpec>,
    /// How many schedules were drawn, which names the next one.
    redrawn: u64,
    budget: usize,
    schedules: u64,
    broken: B,
}

/// What came of looking for a smaller run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Smaller,
    Nothing,
    OutOfBudget,
}

type Move = fn(&RunSpec) -> Vec<RunSpec>;

const MOVES: [Move; 2] = [drop_fault::smaller, narrow_window::smaller];

impl<B: FnMut(&RunSpec) -> Option<String>> Search<B> {
    /// Applies each move until it helps no more, and all of them again while any of them helped.
    /// False when the budget ends.
    fn exhaust(&mut self) -> bool {
        loop {
            let mut helped = false;
            for smaller in MOVES {
                loop {
                    match self.step(smaller) {
                        Step::Smaller => helped = true,
                        Step::Nothing => break,
                        Step::OutOfBudget => return false,
                    }
                }
            }
            if !helped {
                return true;
            }
        }
    }

    fn step(&mut self, smaller: Move) -> Step {
        for candidate in smaller(&self.best) {
            for attempt in 0..self.schedules.max(1) {
                let mut candidate = candidate.clone();
                if attempt > 0 {
                    candidate.schedule = Some(self.another_schedule());
                }
                if self.tried.contains(&candidate) {
                    continue;
                }
                match self.run(&candidate) {
                    None => return Step::OutOfBudget,
                    Some(rule) if rule == self.rule => {
                        self.best = candidate;
                        return Step::Smaller;
                    }
                    Some(_) => {}
                }
            }
        }
        Step::Nothing
    }

    /// The rule that `spec` breaks; none on the outside when the budget is used up.
    fn run(&mut self, spec: &RunSpec) -> Option<Option<String>> {
        if self.tried.len() == self.budget {
            return None;
        }
        self.tried.push(spec.clone());
        Some((self.broken)(spec))
    }

    /// A schedule that was not tried yet, drawn from the seed.
    fn another_schedule(&mut self) -> u64 {
        self.redrawn += 1;
        let name = format!("shrink/schedule/{}", self.redrawn);
        self.best.seed.derive(&name)
    }
}

#[cfg(test)]
mod tests;
