//! Random laws of pauses, random wishes of servers: no pause is above its cap.

use crate::fixed;
use proptest::{collection::vec, prelude::*};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::time::Duration;
use tokio::time::Instant;
use windtunnel_models::retry::{
    Backoff, GiveUp, Jitter, Kind, Law, Policy, Reason, ServerDelay, Wish,
};

fn nanos(most: u64) -> impl Strategy<Value = Duration> {
    (1..=most).prop_map(Duration::from_nanos)
}

fn law() -> impl Strategy<Value = Law> {
    const HOUR: u64 = 3_600_000_000_000;
    let jitter = prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        Just(Jitter::Decorrelated)
    ];
    let growth = prop_oneof![Just(2.0), 1.0..1000.0f64];
    // From a nanosecond to hours, and the cap from the base on.
    let bounds = (0..42u32).prop_flat_map(|bits| {
        let base = Duration::from_nanos(1 << bits);
        nanos(HOUR).prop_map(move |over| (base, base + over))
    });
    let which = (0..8u8, jitter, any::<bool>(), growth, bounds);
    which.prop_map(
        |(which, jitter, is_spread, growth, (base, cap))| match which {
            0 | 1 => Law::Aws(Backoff { base, cap, jitter }),
            2 => Law::Constant {
                pause: base,
                jitter: is_spread,
            },
            3 => Law::Linear {
                step: base,
                cap,
                jitter: is_spread,
            },
            4 => Law::Envoy { base, cap },
            5 => Law::Grpc {
                initial: base,
                cap,
                multiplier: growth,
            },
            6 => Law::AwsSdk {
                base,
                throttled: cap,
                cap,
            },
            _ if is_spread => Law::Temporal {
                initial: base,
                cap,
                coefficient: growth,
            },
            _ => Law::DecorrelatedV2 { median: base, cap },
        },
    )
}

fn reason() -> impl Strategy<Value = Reason> {
    let kind = prop_oneof![Just(Kind::Transient), Just(Kind::Throttled)];
    let wish = prop_oneof![
        4 => Just(Wish::None),
        2 => nanos(1_000_000_000_000).prop_map(Wish::After),
        1 => Just(Wish::After(Duration::MAX)),
        1 => Just(Wish::Never),
    ];
    (kind, wish).prop_map(|(kind, wish)| Reason { kind, wish })
}

/// A rule, and by how much a wish may make a pause longer than the law's longest.
fn rule() -> impl Strategy<Value = (ServerDelay, Duration)> {
    (0..4u8, nanos(500_000_000_000)).prop_map(|(which, max)| match which {
        0 => (ServerDelay::Added { max }, max),
        1 => (ServerDelay::Spread { max }, max * 3 / 2),
        2 => (ServerDelay::Clamped { over: max }, max),
        _ => (ServerDelay::Instead { max }, max),
    })
}

#[test]
fn no_pause_is_above_its_cap_or_ends_after_the_deadline() {
    let left = prop_oneof![Just(None), nanos(10_000_000_000_000).prop_map(Some)];
    let cases = (law(), rule(), vec(reason(), 1..100), left, any::<u64>());
    let outcome = fixed::runner(3_000, 10_000).run(&cases, |(law, rule, reasons, left, seed)| {
        prop_assert_eq!(law.validate(), Ok(()));
        let (server_delay, over) = rule;
        let policy = Policy {
            attempts: 90,
            backoff: law,
            server_delay,
            ..Policy::default().with_law()
        };
        let mut now = Instant::now();
        let deadline = left.map(|left| now + left);
        let (mut rng, mut made) = (ChaCha8Rng::seed_from_u64(seed), 1);
        let mut course = policy.course(deadline);
        for reason in reasons {
            let answer = course.after(reason, now, &mut rng);
            match answer {
                Ok(pause) => {
                    let longest = match reason.wish {
                        Wish::None => law.longest(),
                        _ => law.longest() + over,
                    };
                    prop_assert!(pause <= longest, "{pause:?}");
                    prop_assert!(reason.wish != Wish::Never);
                    now += pause;
                    prop_assert!(deadline.is_none_or(|deadline| now < deadline));
                    made += 1;
                }
                Err(GiveUp::Attempts) => prop_assert_eq!(made, 90),
                Err(GiveUp::Unwanted) => prop_assert_eq!(reason.wish, Wish::Never),
                Err(GiveUp::Deadline) => prop_assert!(deadline.is_some()),
                Err(other) => prop_assert!(false, "{other:?}"),
            }
            prop_assert_eq!(course.attempts(), made);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
