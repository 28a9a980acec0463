//! What a ledger and its holders promise, one situation at a time.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::*;
use crate::limit::{Quota, Refused};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// 40 a second and 40 at once for all holders; 10 at a time for each.
const LEDGER: LedgerPolicy = LedgerPolicy {
    quota: Quota::per_second(40),
    chunk: 10,
    ttl: Duration::from_millis(1000),
    holders: 4,
};

const HOLDER: HolderPolicy = HolderPolicy {
    wanted: 10,
    low: 5,
    again: Duration::from_millis(20),
    patience: Duration::from_millis(100),
    when_down: WhenDown::Refuse,
};

fn ledger(now: Instant) -> Ledger {
    Ledger::new(LEDGER, &mut rng(0), now).unwrap()
}

fn holder(seed: u64, when_down: WhenDown, now: Instant) -> Holder {
    let policy = HolderPolicy {
        when_down,
        ..HOLDER
    };
    Holder::new(policy, &mut rng(1 + seed), now).unwrap()
}

/// Asks if it is time; the message takes no time.
fn exchange(holder: &mut Holder, ledger: &mut Ledger, now: Instant) {
    let grant = holder.ask(now).and_then(|ask| ledger.answer(&ask, now));
    if let Some(grant) = grant {
        holder.take(&grant, now);
    }
}

#[tokio::test(start_paused = true)]
async fn four_gateways_together_get_one_limit() {
    let began = Instant::now();
    let mut ledger = ledger(began);
    let mut holders: Vec<_> = (0..4).map(|n| holder(n, WhenDown::Refuse, began)).collect();
    let mut passed = [0; 4];
    for tick in 0..5000 {
        let now = began + ms(tick);
        for (holder, passed) in holders.iter_mut().zip(&mut passed) {
            exchange(holder, &mut ledger, now);
            *passed += u32::from(holder.spend(1, now).is_ok());
        }
    }
    let all: u32 = passed.iter().sum();
    // 40 at once and 40 a second for 5 s, not four times that; and it is nearly used up.
    assert!((200..=40 + 200).contains(&all), "{all}");
    // Nobody starves: each gets at least half of an equal share.
    assert!(passed.iter().all(|passed| *passed >= all / 8), "{passed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_down_is_handled_as_the_flag_says() {
    let began = Instant::now();
    let local = Quota::per_second(3);
    for (when_down, expected) in [
        (WhenDown::Refuse, 0),
        (WhenDown::Admit, 50),
        (WhenDown::Local(local), 3),
    ] {
        let mut ledger = ledger(began);
        let mut holder = holder(0, when_down, began);
        exchange(&mut holder, &mut ledger, began);
        let spend =
            |holder: &mut Holder, now| (0..50).filter(|_| holder.spend(1, now).is_ok()).count();
        // Nobody answers, and that has not been for long: what is held is spent, and no more.
        assert_eq!(spend(&mut holder, began), 10);
        assert!(holder.ask(began).is_some());
        let before = began + ms(100) - Duration::from_nanos(1);
        assert_eq!(spend(&mut holder, before), 0, "{when_down:?}");
        assert!(!holder.down(before));
        let refused = holder.spend(1, before).unwrap_err();
        assert!(matches!(refused, Refused::NotYet { .. }));
        let now = began + ms(100);
        assert!(holder.down(now));
        assert_eq!(spend(&mut holder, now), expected, "{when_down:?}");
        if when_down == WhenDown::Refuse {
            let refused = holder.spend(1, now).unwrap_err();
            assert!(matches!(refused, Refused::Unavailable { .. }));
        }
        let counts = holder.counts();
        assert_eq!(counts.admitted, 10);
        assert_eq!(counts.unshared, expected as u64);
        // An answer ends it at once.
        let ask = holder.ask(now).unwrap();
        holder.take(&ledger.answer(&ask, now).unwrap(), now);
        assert!(!holder.down(now));
        assert_eq!(spend(&mut holder, now), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_ask_twice_is_lent_once_and_an_overtaken_one_not_at_all() {
    let now = Instant::now();
    let (mut ledger, mut holder) = (ledger(now), holder(0, WhenDown::Refuse, now));
    let first = holder.ask(now).unwrap();
    let grant = ledger.answer(&first, now).unwrap();
    assert_eq!(ledger.answer(&first, now).unwrap(), grant);
    assert_eq!(ledger.lent(now), 10);
    let later = now + ms(20);
    let second = holder.ask(later).unwrap();
    let again = ledger.answer(&second, later).unwrap();
    assert_eq!(again.lent, 10, "what is on its way is not lent anew");
    assert_eq!(ledger.answer(&first, later), None);
    holder.take(&again, later);
    holder.take(&grant, later);
    assert_eq!(holder.held(later), 10);
}

#[tokio::test(start_paused = true)]
async fn a_lease_runs_out_for_its_holder_before_it_does_for_the_ledger() {
    let began = Instant::now();
    let (mut ledger, mut holder) = (ledger(began), holder(0, WhenDown::Refuse, began));
    let ask = holder.ask(began).unwrap();
    let arrived = began + ms(300);
    let grant = ledger.answer(&ask, arrived).unwrap();
    holder.take(&grant, began + ms(600));
    let just_before = began + ms(1000) - Duration::from_nanos(1);
    assert_eq!(holder.held(just_before), 10);
    assert_eq!(holder.held(began + ms(1000)), 0);
    assert_eq!(
        ledger.lent(arrived + ms(1000) - Duration::from_nanos(1)),
        10
    );
    assert_eq!(ledger.lent(arrived + ms(1000)), 0);
    assert_eq!(ledger.holders(arrived + ms(1000)), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_its_time_is_not_spent() {
    let began = Instant::now();
    let (mut ledger, mut holder) = (ledger(began), holder(0, WhenDown::Refuse, began));
    let ask = holder.ask(began).unwrap();
    let grant = ledger.answer(&ask, began).unwrap();
    holder.take(&grant, began + ms(1000));
    assert_eq!(holder.held(began + ms(1000)), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_is_lent_again_at_once_and_what_is_lost_only_by_the_rate() {
    let began = Instant::now();
    let mut ledger = ledger(began);
    let mut holders: Vec<_> = (0..4).map(|n| holder(n, WhenDown::Refuse, began)).collect();
    for holder in &mut holders {
        exchange(holder, &mut ledger, began);
    }
    assert_eq!(ledger.lent(began), 40);
    assert_eq!(holders[0].spend(4, began), Ok(()));
    let bye = holders[0].give_back(began);
    assert_eq!(holders[0].held(began), 0);
    ledger.answer(&bye, began).unwrap();
    assert_eq!(ledger.lent(began), 30);
    ledger.answer(&bye, began).unwrap();
    let mut fifth = holder(5, WhenDown::Refuse, began);
    let ask = fifth.ask(began).unwrap();
    assert_eq!(ledger.answer(&ask, began), None, "four holders are known");
    // Six came back, four were spent.
    let later = began + ms(50);
    let more = holders[0].ask(later).unwrap();
    let grant = ledger.answer(&more, later).unwrap();
    assert_eq!(
        grant.lent - more.known,
        6 + 2,
        "and two by the rate of 50 ms"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_crashed_ledger_may_have_lent_is_not_lent_again() {
    let began = Instant::now();
    let mut holder = holder(0, WhenDown::Refuse, began);
    exchange(&mut holder, &mut ledger(began), began);
    let mut ledger = Ledger::restarted(LEDGER, &mut rng(9), began).unwrap();
    holder.spend(10, began).unwrap();
    let last = began + ms(1000) - Duration::from_nanos(1);
    let ask = holder.ask(last).unwrap();
    assert_eq!(ledger.answer(&ask, last), None);
    let now = began + ms(1025);
    exchange(&mut holder, &mut ledger, now);
    assert_eq!(holder.held(now), 1, "by the rate of 25 ms");
}

#[tokio::test(start_paused = true)]
async fn settings_that_cannot_be_meant_are_refused() {
    let now = Instant::now();
    let (zero, quota) = (Duration::ZERO, Quota::per_second(0));
    let ledgers = [
        LedgerPolicy { quota, ..LEDGER },
        LedgerPolicy { chunk: 0, ..LEDGER },
        LedgerPolicy {
            chunk: 41,
            ..LEDGER
        },
        LedgerPolicy {
            ttl: zero,
            ..LEDGER
        },
        LedgerPolicy {
            holders: 0,
            ..LEDGER
        },
    ];
    for policy in ledgers {
        assert!(Ledger::new(policy, &mut rng(0), now).is_err(), "{policy:?}");
    }
    let when_down = WhenDown::Local(quota);
    let patience = ms(19);
    let holders = [
        HolderPolicy {
            wanted: 0,
            ..HOLDER
        },
        HolderPolicy { low: 10, ..HOLDER },
        HolderPolicy {
            again: zero,
            ..HOLDER
        },
        HolderPolicy { patience, ..HOLDER },
        HolderPolicy {
            when_down,
            ..HOLDER
        },
    ];
    for policy in holders {
        assert!(Holder::new(policy, &mut rng(0), now).is_err(), "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_from_a_new_account_is_not_taken_for_spent() {
    let began = Instant::now();
    let (mut ledger, mut holder) = (ledger(began), holder(0, WhenDown::Refuse, began));
    exchange(&mut holder, &mut ledger, began);
    holder.spend(10, began).unwrap();
    // The account is written off. The first answer from the next one is lost.
    let later = began + ms(1000);
    let ask = holder.ask(later).unwrap();
    assert!(ledger.answer(&ask, later).is_some());
    let now = later + ms(20);
    exchange(&mut holder, &mut ledger, now);
    assert_eq!((holder.held(now), ledger.lent(now)), (10, 10));
}

/// Ten at once for all, so that one holder can have all of it.
fn small_ledger(now: Instant) -> Ledger {
    let quota = Quota {
        burst: 10,
        ..LEDGER.quota
    };
    let policy = LedgerPolicy { quota, ..LEDGER };
    Ledger::new(policy, &mut rng(0), now).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_poor_ask_repeated_is_not_lent_more() {
    let now = Instant::now();
    let mut ledger = small_ledger(now);
    let [mut rich, mut poor] = [0, 1].map(|n| holder(n, WhenDown::Refuse, now));
    exchange(&mut rich, &mut ledger, now);
    let ask = poor.ask(now).unwrap();
    assert_eq!(ledger.answer(&ask, now).map(|grant| grant.lent), Some(0));
    assert!(ledger.answer(&rich.give_back(now), now).is_some());
    assert_eq!(ledger.answer(&ask, now).map(|grant| grant.lent), Some(0));
    // What came back was put aside for whoever waited.
    exchange(&mut rich, &mut ledger, now + ms(20));
    assert_eq!(rich.held(now + ms(20)), 0);
    exchange(&mut poor, &mut ledger, now + ms(20));
    assert_eq!(poor.held(now + ms(20)), 10);
}

#[tokio::test(start_paused = true)]
async fn nobody_gives_back_more_than_it_had() {
    let now = Instant::now();
    let mut ledger = small_ledger(now);
    let mut holders = [0, 1, 2].map(|n| holder(n, WhenDown::Refuse, now));
    for holder in &mut holders {
        exchange(holder, &mut ledger, now);
    }
    let bye = Ask {
        returned: 1000,
        ..holders[0].give_back(now)
    };
    assert!(ledger.answer(&bye, now).is_some());
    let later = now + ms(20);
    holders
        .iter_mut()
        .for_each(|holder| exchange(holder, &mut ledger, later));
    let held = holders.map(|mut holder| holder.held(later));
    assert_eq!(held, [0, 5, 5]);
}

#[tokio::test(start_paused = true)]
async fn what_was_put_aside_for_a_holder_that_died_goes_to_the_others() {
    let began = Instant::now();
    let mut ledger = small_ledger(began);
    let [mut rich, mut dead, mut late] = [0, 1, 2].map(|n| holder(n, WhenDown::Refuse, began));
    exchange(&mut rich, &mut ledger, began);
    exchange(&mut dead, &mut ledger, began);
    ledger.answer(&rich.give_back(began), began).unwrap();
    assert_eq!(ledger.lent(began + ms(999)), 10);
    exchange(&mut late, &mut ledger, began + ms(1000));
    assert_eq!(late.held(began + ms(1000)), 10);
}

#[tokio::test(start_paused = true)]
async fn an_idle_holder_renews_its_lease_half_way() {
    let began = Instant::now();
    let (mut ledger, mut holder) = (ledger(began), holder(0, WhenDown::Refuse, began));
    exchange(&mut holder, &mut ledger, began);
    assert_eq!(holder.due(), began + ms(500));
    let half = began + ms(500);
    assert!(holder.ask(half - Duration::from_nanos(1)).is_none());
    exchange(&mut holder, &mut ledger, half);
    assert_eq!(holder.held(began + ms(1499)), 10);
    assert_eq!(ledger.lent(began + ms(1499)), 10, "the same ten");
}

#[tokio::test(start_paused = true)]
async fn a_poor_holder_asks_again_before_the_little_it_has_runs_out() {
    let began = Instant::now();
    let quota = Quota {
        cells: 1,
        period: Duration::from_secs(3600),
        burst: 2,
    };
    let policy = LedgerPolicy {
        quota,
        chunk: 1,
        ..LEDGER
    };
    let mut ledger = Ledger::new(policy, &mut rng(0), began).unwrap();
    let [mut poor, mut other] = [0, 1].map(|n| holder(n, WhenDown::Refuse, began));
    // The other one spends its cell and is not seen again; the rate brings the next in an hour.
    exchange(&mut other, &mut ledger, began);
    other.spend(1, began).unwrap();
    for tick in 0..10_000 {
        exchange(&mut poor, &mut ledger, began + ms(tick));
        assert_eq!(poor.held(began + ms(tick)), 1, "{tick}");
    }
}
