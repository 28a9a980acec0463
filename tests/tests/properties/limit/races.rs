//! Check and spending are one step, also when threads ask at one instant. Here the threads are real: the
//! limiters ask nobody for the time, and in a simulation nothing comes between two lines without an await.

use std::{sync::Barrier, thread, time::Duration};
use tokio::time::Instant;
use windtunnel_models::limit::{
    Descriptor, Gcra, KeyedLimiter, Limiter, Pattern, Quota, Rule, Rules, SlidingWindow,
};

const THREADS: usize = 4;
const ROUNDS: u32 = 200;

/// How many of all threads' `calls` pass, in each of the rounds.
fn passed(calls: u32, call: impl Fn(Instant) -> bool + Sync) -> Vec<usize> {
    let began = Instant::now() + Duration::from_secs(1);
    let start = Barrier::new(THREADS);
    let round = |n: u32| {
        // Long enough that all is there again.
        let now = began + Duration::from_secs(10) * n;
        start.wait();
        let passed = (0..calls).filter(|_| call(now)).count();
        start.wait();
        passed
    };
    let thread = || (0..ROUNDS).map(round).collect::<Vec<_>>();
    let all = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(thread)).collect();
        let ends = threads
            .into_iter()
            .map(|thread| thread.join().expect("it ends"));
        ends.collect::<Vec<_>>()
    });
    (0..ROUNDS as usize)
        .map(|round| all.iter().map(|passed| passed[round]).sum())
        .collect()
}

#[test]
fn threads_that_ask_at_one_instant_get_one_burst_together() {
    let quota = Quota::per_second(7);
    let expected = vec![7; ROUNDS as usize];
    let one = Limiter::new(&quota).expect("the quota can be meant");
    assert_eq!(passed(20, |now| one.check_at(1, now).is_ok()), expected);
    let window = SlidingWindow::new(7, Duration::from_secs(1)).expect("it can be meant");
    let keyed = KeyedLimiter::with_law(window, 1).expect("it has room");
    assert_eq!(
        passed(20, |now| keyed.check_at(&1, 1, now).is_ok()),
        expected
    );
}

#[test]
fn threads_that_ask_several_rules_at_one_instant_charge_all_or_none() {
    let law = |cells| Gcra::new(&Quota::per_second(cells)).expect("the quota can be meant");
    let rule = |name: &str, pattern, cells| Rule::new(name, pattern, law(cells), 10);
    let rules = vec![
        rule("all", Pattern::everything(), 7).expect("it has room"),
        rule("client", Pattern::everything().each("client"), 9).expect("it has room"),
    ];
    let rules = Rules::new(rules).expect("the names differ");
    let client = [Descriptor::new().with("client", "a")];
    let got = passed(20, |now| rules.check_at(&client, 1, now).is_ok());
    assert_eq!(got, vec![7; ROUNDS as usize]);
}
