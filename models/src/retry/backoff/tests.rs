//! The laws one by one.

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn drawn(law: Law, seed: u64, count: usize) -> Vec<Duration> {
    let (mut rng, mut pauses) = (ChaCha8Rng::seed_from_u64(seed), law.pauses());
    (0..count).map(|_| pauses.next(&mut rng)).collect()
}

const CAP: Duration = Duration::from_millis(1000);

/// Each law with its cap of a second, the AWS ones aside, and whether chance spreads it.
fn laws() -> [(Law, bool); 9] {
    let base = ms(10);
    let aws = |jitter| {
        Law::Aws(Backoff {
            base,
            cap: CAP,
            jitter,
        })
    };
    [
        (aws(Jitter::Full), true),
        (aws(Jitter::Decorrelated), true),
        (
            Law::Constant {
                pause: CAP,
                jitter: true,
            },
            true,
        ),
        (
            Law::Linear {
                step: base,
                cap: CAP,
                jitter: true,
            },
            true,
        ),
        (Law::Envoy { base, cap: CAP }, true),
        (
            Law::Grpc {
                initial: base,
                cap: CAP,
                multiplier: 2.0,
            },
            true,
        ),
        (
            Law::AwsSdk {
                base,
                throttled: base,
                cap: CAP,
            },
            true,
        ),
        (
            Law::Temporal {
                initial: base,
                cap: CAP,
                coefficient: 2.0,
            },
            false,
        ),
        (
            Law::DecorrelatedV2 {
                median: base,
                cap: CAP,
            },
            true,
        ),
    ]
}

#[test]
fn the_cap_is_reached_and_never_exceeded_however_late_the_attempt() {
    for (law, _) in laws() {
        let pauses = drawn(law, 3, 300);
        let longest = *pauses.iter().max().unwrap();
        assert!(longest <= law.longest(), "{law:?}: {longest:?}");
        assert!(longest > CAP * 9 / 10, "{law:?}: {longest:?}");
    }
}

#[test]
fn clients_part_also_at_the_cap() {
    for (law, is_spread) in laws() {
        let at_the_cap = |seed| drawn(law, seed, 100)[99];
        let mut pauses: Vec<_> = (0..50).map(at_the_cap).collect();
        pauses.sort();
        pauses.dedup();
        // AWS's decorrelated pauses pile up at the cap, as the law has it; half of them do not.
        let least = if is_spread { 20 } else { 1 };
        assert!(pauses.len() >= least, "{law:?}: {}", pauses.len());
        assert_eq!(pauses.len() > 1, is_spread, "{law:?}");
    }
}

#[test]
fn polly_spreads_by_a_quarter_in_both_directions() {
    let constant = |jitter| Law::Constant {
        pause: ms(2000),
        jitter,
    };
    assert_eq!(drawn(constant(false), 1, 3), [ms(2000); 3]);
    let pauses = drawn(constant(true), 1, 1000);
    let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
    assert!(*least >= ms(1500) && *least < ms(1510), "{least:?}");
    assert!(*most <= ms(2500) && *most > ms(2490), "{most:?}");
    let linear = Law::Linear {
        step: ms(300),
        cap: ms(1000),
        jitter: false,
    };
    assert_eq!(
        drawn(linear, 1, 5),
        [300, 600, 900, 1000, 1000].map(ms).to_vec()
    );
}

#[test]
fn envoys_bound_doubles_up_to_ten_times_the_base_and_is_not_reached() {
    let law = Law::Envoy {
        base: ms(25),
        cap: ms(250),
    };
    for (n, bound) in [25, 50, 100, 200, 250, 250].into_iter().enumerate() {
        let most = (0..2000).map(|seed| drawn(law, seed, n + 1)[n]).max();
        let most = most.unwrap();
        assert!(most < ms(bound), "{n}: {most:?}");
        assert!(most > ms(bound) * 99 / 100, "{n}: {most:?}");
    }
    // A bound of one nanosecond leaves only zero: it is not part of the interval.
    let least = Law::Envoy {
        base: Duration::from_nanos(1),
        cap: Duration::from_nanos(1),
    };
    assert_eq!(drawn(least, 0, 9), [Duration::ZERO; 9]);
}

#[test]
fn grpc_spreads_the_capped_pause_by_a_fifth_and_begins_anew_after_a_push_back() {
    let law = Law::Grpc {
        initial: ms(100),
        cap: ms(1000),
        multiplier: 2.0,
    };
    let centres = [100, 200, 400, 800, 1000, 1000];
    for (n, centre) in centres.into_iter().enumerate() {
        let pauses: Vec<_> = (0..2000).map(|seed| drawn(law, seed, n + 1)[n]).collect();
        let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
        assert!(*least >= ms(centre) * 4 / 5 && *least < ms(centre) * 81 / 100);
        assert!(*most <= ms(centre) * 6 / 5 && *most > ms(centre) * 119 / 100);
    }
    let (mut rng, mut pauses) = (ChaCha8Rng::seed_from_u64(0), law.pauses());
    for _ in 0..4 {
        pauses.next(&mut rng);
    }
    pauses.reset();
    assert!(pauses.next(&mut rng) <= ms(120));
}

#[test]
fn the_sdks_factor_depends_on_the_failure_and_the_cap_comes_at_the_tenth_attempt() {
    let law = Law::AwsSdk {
        base: ms(50),
        throttled: ms(1000),
        cap: ms(20_000),
    };
    let bounds = [
        50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 20_000, 20_000,
    ];
    for (n, bound) in bounds.into_iter().enumerate() {
        let most = (0..1000).map(|seed| drawn(law, seed, n + 1)[n]).max();
        let most = most.unwrap();
        assert!(most <= ms(bound), "{n}: {most:?}");
        assert!(most > ms(bound) * 98 / 100, "{n}: {most:?}");
    }
    let throttled = |seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        law.pauses().after(Kind::Throttled, &mut rng)
    };
    let most = (0..1000).map(throttled).max().unwrap();
    assert!(most <= ms(1000) && most > ms(980), "{most:?}");
}

#[test]
fn temporals_pauses_are_not_spread() {
    let law = Law::Temporal {
        initial: ms(1000),
        cap: ms(100_000),
        coefficient: 2.0,
    };
    let secs = [1, 2, 4, 8, 16, 32, 64, 100, 100];
    assert_eq!(drawn(law, 0, 9), secs.map(|s| ms(s * 1000)).to_vec());
}

#[test]
fn the_second_formula_has_its_median_and_doubles_on_average() {
    let law = Law::DecorrelatedV2 {
        median: ms(1000),
        cap: ms(10_000_000),
    };
    let column = |n: usize| {
        let pauses = (0..4000).map(|seed| drawn(law, seed, n + 1)[n].as_secs_f64());
        let mut pauses: Vec<_> = pauses.collect();
        pauses.sort_by(f64::total_cmp);
        pauses
    };
    // x(0.5)/1.4: the median is a tenth below what it is named for.
    let first = column(0);
    assert!((first[2000] - 0.897).abs() < 0.02, "{}", first[2000]);
    let mean = |n| column(n).iter().sum::<f64>() / 4000.0;
    let (fifth, sixth) = (mean(4), mean(5));
    assert!((sixth / fifth - 2.0).abs() < 0.1, "{fifth} {sixth}");
}

#[test]
fn pauses_that_cannot_be_meant_are_refused() {
    let zero = InvalidPolicy::Zero("backoff.base");
    let cap = InvalidPolicy::OutOfRange("backoff.cap");
    let growth = InvalidPolicy::OutOfRange("backoff.growth");
    let grpc = |initial, cap, multiplier| Law::Grpc {
        initial,
        cap,
        multiplier,
    };
    for (law, expected) in [
        (grpc(ms(0), ms(1), 2.0), zero),
        (grpc(ms(2), ms(1), 2.0), cap),
        (grpc(ms(2), Duration::MAX, 2.0), cap),
        (grpc(ms(1), ms(1), 0.9), growth),
        (grpc(ms(1), ms(1), f64::NAN), growth),
        (grpc(ms(1), ms(1), f64::INFINITY), growth),
        (
            Law::Constant {
                pause: ms(0),
                jitter: true,
            },
            zero,
        ),
    ] {
        assert_eq!(law.validate(), Err(expected), "{law:?}");
    }
    for (law, _) in laws() {
        assert_eq!(law.validate(), Ok(()));
    }
}
