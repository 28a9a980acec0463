//! The same random calls through tower's P2C over its `PeakEwma` and through ours: the estimates are the
//! same, and of the same two candidates both choose the same one.
//!
//! Three differences are meant. The first is pinned here, the others by unit tests beside the code:
//! - Nothing was heard of an endpoint for longer than τ, and it has a call in flight: tower goes on to
//!   decay its estimate towards zero, so that it gets all calls until it answers. Ours counts at least the
//!   default then.
//! - tower takes every dropped call for a response. Ours takes one that was cancelled for a response only
//!   if it took longer than the estimate.
//! - tower does not know failures. Ours lets them cost five seconds.
//!
//! Costs agree within 10^-9, because tower's `exp` is the C library's.

use super::*;
use futures_util::task::noop_waker_ref;
use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::hash_map::DefaultHasher,
    convert::Infallible,
    future,
    hash::BuildHasherDefault,
    rc::Rc,
    task,
};
use tower::{
    Service,
    balance::p2c,
    discover::ServiceList,
    load::{CompleteOnResponse, Load, peak_ewma},
    util::rng::HasherRng,
};
use windtunnel_models::balance::load::{PeakEwma, PeakEwmaPolicy};

const TAU: Duration = Duration::from_secs(10);
const DEFAULT: Duration = Duration::from_secs(1);
const CLOSE: f64 = 1e-9;

/// An endpoint that answers when its caller lets go.
struct Silent;

impl Service<()> for Silent {
    type Response = ();
    type Error = Infallible;
    type Future = future::Pending<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), Infallible>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        future::pending()
    }
}

/// One endpoint, to be lent to many balancers of tower's.
#[derive(Clone)]
struct Lent {
    service: Rc<RefCell<peak_ewma::PeakEwma<Silent>>>,
    calls: Rc<Cell<u32>>,
}

impl Lent {
    fn new() -> Self {
        let tau = TAU.as_nanos() as f64;
        let service = peak_ewma::PeakEwma::new(Silent, DEFAULT, tau, CompleteOnResponse::default());
        Self {
            service: Rc::new(RefCell::new(service)),
            calls: Rc::default(),
        }
    }

    /// tower keeps the figure to itself, but prints it.
    fn cost(&self) -> f64 {
        let text = format!("{:?}", self.load());
        let figure = text.trim_start_matches("Cost(").trim_end_matches(')');
        figure.parse().expect("`Cost` is a number")
    }
}

impl Load for Lent {
    type Metric = peak_ewma::Cost;

    fn load(&self) -> Self::Metric {
        self.service.borrow().load()
    }
}

impl Service<()> for Lent {
    type Response = ();
    type Error = Infallible;
    type Future = <peak_ewma::PeakEwma<Silent> as Service<()>>::Future;

    fn poll_ready(
        &mut self,
        context: &mut task::Context<'_>,
    ) -> task::Poll<Result<(), Infallible>> {
        self.service.borrow_mut().poll_ready(context)
    }

    fn call(&mut self, (): ()) -> Self::Future {
        self.calls.set(self.calls.get() + 1);
        self.service.borrow_mut().call(())
    }
}

/// Lets tower's balancer call one of two; the call lasts until it is dropped.
fn call_one_of(two: [&Lent; 2]) -> Box<dyn Any> {
    let rng = HasherRng::with_hasher(BuildHasherDefault::<DefaultHasher>::default());
    let services = ServiceList::new::<()>(two.map(Clone::clone));
    let mut balance = p2c::Balance::from_rng(services, rng);
    let mut context = task::Context::from_waker(noop_waker_ref());
    assert!(balance.poll_ready(&mut context).is_ready());
    Box::new(balance.call(()))
}

/// What happens to both.
#[derive(Clone, Debug)]
enum Step {
    /// A call comes for which two endpoints are candidates.
    Pick(usize, usize),
    /// The call that is so far down the list of open ones is answered.
    Answer(prop::sample::Index),
    /// So many milliseconds pass.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let count = NAMES.len();
    let pair = (0..count, 1..count).prop_map(move |(one, by)| Step::Pick(one, (one + by) % count));
    prop_oneof![
        4 => pair,
        4 => any::<prop::sample::Index>().prop_map(Step::Answer),
        3 => (1..=300u64).prop_map(Step::Pass),
        1 => (300..=4_000u64).prop_map(Step::Pass),
    ]
}

/// The same endpoints twice.
struct Twins {
    ours: PeakEwma,
    towers: Vec<Lent>,
    open: Vec<(InFlight, Box<dyn Any>, usize)>,
    heard: Vec<Instant>,
    /// How often both chose, and how often only ours did, because the ramp held.
    chosen: (u32, u32),
}

impl Twins {
    fn new() -> Self {
        let endpoints = NAMES.map(Endpoint::new);
        let policy = PeakEwmaPolicy {
            tau: TAU,
            default_rtt: DEFAULT,
            ..PeakEwmaPolicy::default()
        };
        Self {
            ours: PeakEwma::new(&endpoints, policy, rng()).expect("it can be meant"),
            towers: endpoints.iter().map(|_| Lent::new()).collect(),
            open: Vec::new(),
            heard: vec![Instant::now(); NAMES.len()],
            chosen: (0, 0),
        }
    }

    async fn apply(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Pick(one, two) => self.pick(one, two)?,
            Step::Answer(_) if self.open.is_empty() => {}
            Step::Answer(which) => {
                let which = which.index(self.open.len());
                let (mut ours, towers, at) = self.open.swap_remove(which);
                ours.report(Outcome::Success);
                drop((ours, towers));
                self.heard[at] = Instant::now();
            }
            Step::Pass(millis) => time::sleep(Duration::from_millis(millis)).await,
        }
        for (at, (_, cost)) in self.ours.costs().into_iter().enumerate() {
            let expected = self.expected(at);
            prop_assert!(
                (cost - expected).abs() <= CLOSE * expected,
                "{cost}, not {expected}"
            );
        }
        Ok(())
    }

    fn pending(&self, at: usize) -> usize {
        self.open
            .iter()
            .filter(|(_, _, there)| *there == at)
            .count()
    }

    /// Whether the first difference holds there.
    fn is_ramped(&self, at: usize) -> bool {
        self.pending(at) > 0 && self.heard[at].elapsed() > TAU
    }

    /// tower's cost, or that of the ramp.
    fn expected(&self, at: usize) -> f64 {
        let cost = self.towers[at].cost();
        let most = DEFAULT.as_nanos() as f64 * (self.pending(at) as f64 + 1.0);
        if self.is_ramped(at) {
            cost.max(most)
        } else {
            cost
        }
    }

    fn pick(&mut self, one: usize, two: usize) -> Result<(), TestCaseError> {
        let costs = [self.expected(one), self.expected(two)];
        let call = Call {
            eligible: &|name| **name == *NAMES[one] || **name == *NAMES[two],
            ..Call::default()
        };
        let ours = self.ours.pick(&call, &mut |_| true);
        let ours = ours.expect("both are eligible");
        let at = if **ours.endpoint() == *NAMES[one] {
            one
        } else {
            two
        };
        let is_tie = (costs[0] - costs[1]).abs() <= CLOSE * costs[0];
        let cheaper = if costs[0] < costs[1] { one } else { two };
        prop_assert!(is_tie || at == cheaper, "{at} of {one}, {two} at {costs:?}");
        let is_ramped = self.is_ramped(one) || self.is_ramped(two);
        let towers = if is_tie || is_ramped {
            self.chosen.1 += u32::from(is_ramped);
            Box::new(self.towers[at].call(()))
        } else {
            self.chosen.0 += 1;
            let before = self.towers[at].calls.get();
            let call = call_one_of([&self.towers[one], &self.towers[two]]);
            prop_assert_eq!(
                self.towers[at].calls.get(),
                before + 1,
                "tower chose the other"
            );
            call
        };
        self.open.push((ours, towers, at));
        Ok(())
    }
}

#[test]
fn tower_and_ours_choose_the_same_of_two_by_the_same_costs() {
    let chosen = Cell::new((0, 0));
    let outcome = fixed::runner(500, 1_000).run(&vec(step(), 200), |steps| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let mut twins = Twins::new();
            for step in steps {
                twins.apply(step).await?;
            }
            let (both, ramped) = chosen.get();
            chosen.set((both + twins.chosen.0, ramped + twins.chosen.1));
            Ok(())
        })
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let (both, ramped) = chosen.get();
    assert!(both > 2 * ramped, "{both} by both, {ramped} by the ramp");
}
