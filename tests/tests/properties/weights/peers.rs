//! nginx's smooth weighted round robin, a second time.

use super::*;
use windtunnel_models::balance::turns::{SmoothPolicy, SmoothWeighted};

const FAIL_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Peer {
    name: Name,
    weight: i64,
    effective: i64,
    current: i64,
    fails: u32,
    accessed: Option<Instant>,
    checked: Option<Instant>,
}

#[derive(Clone)]
struct Smooth {
    max_fails: u32,
    peers: Vec<Peer>,
}

impl Smooth {
    fn weighted(&self) -> usize {
        self.peers.iter().filter(|peer| peer.weight > 0).count()
    }
}

impl Law for Smooth {
    type Tested = SmoothWeighted;

    fn update(&mut self, endpoints: &[Endpoint], _: &Loads<'_>) {
        let old = std::mem::take(&mut self.peers);
        for Endpoint { name, weight } in endpoints {
            let weight = i64::from(*weight);
            let mut peer = match old.iter().find(|peer| peer.name == *name) {
                Some(peer) => peer.clone(),
                None => Peer {
                    name: name.clone(),
                    weight,
                    effective: weight,
                    current: 0,
                    fails: 0,
                    accessed: None,
                    checked: None,
                },
            };
            if peer.weight != weight {
                let lacking = peer.weight - peer.effective;
                peer.effective = (weight - lacking).max(0);
                peer.current = peer.current * weight / peer.weight.max(1);
                peer.weight = weight;
            }
            self.peers.push(peer);
        }
        // One by one, the first first, until nothing is left over.
        let mut sum: i64 = self.peers.iter().map(|peer| peer.current).sum();
        while sum < 0 {
            self.peers.iter_mut().for_each(|peer| peer.current += 1);
            sum += self.peers.len() as i64;
        }
        let mut turn = 0;
        while sum > 0 {
            let count = self.peers.len();
            self.peers[turn % count].current -= 1;
            (sum, turn) = (sum - 1, turn + 1);
        }
    }

    fn pick(&mut self, may: &May<'_>, _: &Loads<'_>) -> Option<Name> {
        let now = Instant::now();
        let alone = self.weighted() == 1;
        let (mut total, mut best) = (0, None::<usize>);
        for index in 0..self.peers.len() {
            let peer = &mut self.peers[index];
            let fresh = peer.checked.is_some_and(|at| now - at <= FAIL_TIMEOUT);
            let down = self.max_fails > 0 && peer.fails >= self.max_fails && fresh && !alone;
            if peer.weight == 0 || down || !may(&peer.name) {
                continue;
            }
            peer.current += peer.effective;
            total += peer.effective;
            if peer.effective < peer.weight {
                peer.effective += 1;
            }
            let current = peer.current;
            if best.is_none_or(|best| current > self.peers[best].current) {
                best = Some(index);
            }
        }
        let peer = &mut self.peers[best?];
        peer.current -= total;
        if peer.checked.is_none_or(|at| now - at > FAIL_TIMEOUT) {
            peer.checked = Some(now);
        }
        Some(peer.name.clone())
    }

    fn taken_back(self, _: Self) -> Self {
        self
    }

    fn ended(&mut self, name: &str, _: Instant, outcome: Outcome) {
        let now = Instant::now();
        let (alone, max_fails) = (self.weighted() == 1, self.max_fails);
        let mut peers = self.peers.iter_mut();
        let peer = peers.find(|peer| *peer.name == *name).expect("it is there");
        match outcome {
            Outcome::Success if peer.accessed < peer.checked => peer.fails = 0,
            Outcome::Failure { .. } if max_fails > 0 && !alone => {
                peer.fails += 1;
                peer.accessed = Some(now);
                peer.checked = Some(now);
                peer.effective -= peer.weight / i64::from(max_fails);
                peer.effective = peer.effective.max(0);
            }
            _ => {}
        }
    }

    fn agrees(&self, tested: &SmoothWeighted) -> Result<(), TestCaseError> {
        let weights = tested.weights();
        let got: Vec<_> = weights
            .iter()
            .map(|w| (&w.name, w.effective, w.current))
            .collect();
        let peers = self.peers.iter();
        let expected: Vec<_> = peers.map(|p| (&p.name, p.effective, p.current)).collect();
        prop_assert_eq!(got, expected);
        let sum: i64 = self.peers.iter().map(|peer| peer.current).sum();
        prop_assert_eq!(sum, 0);
        Ok(())
    }
}

#[test]
fn random_operations_keep_smooth_weights_as_nginx_has_them() {
    for max_fails in [0, 1, 3] {
        holds(|| {
            let policy = SmoothPolicy {
                max_fails,
                fail_timeout: FAIL_TIMEOUT,
            };
            let tested = SmoothWeighted::new(&[], policy).expect("it can be meant");
            let peers = Vec::new();
            (tested, Smooth { max_fails, peers })
        });
    }
}

/// V-06, here and for the schedule by deadline: every stretch of as many picks as the weights sum up to
/// has each as often as its weight says.
pub(super) fn every_stretch_is_exact(build: impl Fn(&[Endpoint]) -> Box<dyn Balancer>) {
    let weights = vec(1..=9u32, 2..=NAMES.len());
    let outcome = fixed::runner(300, 1_000).run(&weights, |weights| {
        let each = NAMES.iter().zip(&weights);
        let endpoints: Vec<_> = each
            .map(|(name, weight)| Endpoint::new(*name).weighing(*weight))
            .collect();
        let balancer = build(&endpoints);
        let sum: u32 = weights.iter().sum();
        let picks: Vec<Name> = (0..4 * sum)
            .map(|_| {
                let pick = balancer.pick(&Call::default(), &mut |_| true);
                pick.expect("all admit").endpoint().clone()
            })
            .collect();
        for stretch in picks.windows(sum as usize) {
            for endpoint in &endpoints {
                let count = stretch
                    .iter()
                    .filter(|name| **name == endpoint.name)
                    .count();
                prop_assert_eq!(count, endpoint.weight as usize, "{:?}", stretch);
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn v06_every_stretch_of_smooth_turns_is_exact() {
    every_stretch_is_exact(|endpoints| {
        let policy = SmoothPolicy::default();
        Box::new(SmoothWeighted::new(endpoints, policy).expect("it can be meant"))
    });
}
