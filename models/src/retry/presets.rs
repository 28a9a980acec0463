//! The defaults of peers, to compare with and to migrate from.
//!
//! | preset | attempts | pauses | server's wish | budget |
//! |---|---|---|---|---|
//! | [`aws_sdk_v2_0`] | 3 | U(0, min(20 s, 2^(n−1) s)) | none of its own, ours | capacity 500, 5 or 10 |
//! | [`aws_sdk_v2_1`] | 3 | the same from 50 ms, 1 s if throttled | clamped to 5 s above | capacity 500, 14 or 5 |
//! | [`envoy`] | 2 | U[0, 25 ms·2^(n−1)), at most 250 ms | spread, at most 300 s | 20 % in flight, at least 3 |
//! | [`grpc`] | 4 | 100 ms·2^(n−1), at most 1 s, ·U(0.8, 1.2) | push-back | 10 tokens, 0.1 |
//! | [`finagle`] | 3 | ours | ours | 20 %, 10/s, 10 s |
//! | [`polly`] | 4 | 2 s | ours | none |
//! | [`istio`] | 3 | as Envoy | as Envoy | none |
//! | [`temporal`] | unbounded | 1 s·2^(n−1), at most 100 s | ours | none |
//!
//! Where they differ from their models: the AWS SDKs of specification 2.0 cap after the jitter (here
//! before, as 2.1 does). gRPC has no policy unless a service configuration brings one; the figures are
//! those of the example in proposal A6, whose limit of five attempts is kept. Finagle leaves pauses to its
//! user and requeues at once what was not sent; here that is a replacement. Polly has no budget, no
//! statuses of its own and counts retries, three of them. Istio's and Temporal's lists of errors that are
//! (not) repeated are the judge's here. Temporal does not spread its pauses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::{
    Backoff, Budget, Capacity, ConcurrencyBudget, Costs, Failures, GrpcTokens, Law, Policy,
    ServerDelay, TokenBudget, Unlimited,
};

/// A policy and the budget that belongs to it. Share the budget among all calls to one destination.
#[derive(Clone, Debug)]
pub struct Preset {
    /// When and how often.
    pub policy: Policy<Law>,
    /// Within which bounds.
    pub budget: Arc<dyn Budget>,
}

/// Each budget checks its figures.
const VALID: &str = "the figures are valid";

const MAX_SERVER_DELAY: Duration = Duration::from_secs(300);

/// The standard mode of the AWS SDKs by specification 2.0.
pub fn aws_sdk_v2_0() -> Preset {
    let second = Duration::from_secs(1);
    Preset {
        policy: Policy {
            attempts: 3,
            backoff: Law::AwsSdk {
                base: second,
                throttled: second,
                cap: Duration::from_secs(20),
            },
            statuses: statuses([429, 500, 502, 503, 504]),
            ..default_policy()
        },
        budget: Arc::new(Capacity::new(500, Costs::V2_0).expect(VALID)),
    }
}

/// The standard mode of the AWS SDKs by specification 2.1.
pub fn aws_sdk_v2_1() -> Preset {
    let old = aws_sdk_v2_0();
    Preset {
        policy: Policy {
            backoff: Law::AwsSdk {
                base: Duration::from_millis(50),
                throttled: Duration::from_secs(1),
                cap: Duration::from_secs(20),
            },
            server_delay: ServerDelay::Clamped {
                over: Duration::from_secs(5),
            },
            ..old.policy
        },
        budget: Arc::new(Capacity::new(500, Costs::V2_1).expect(VALID)),
    }
}

/// Envoy's router with `gateway-error,reset,connect-failure,refused-stream` and a retry budget.
pub fn envoy() -> Preset {
    Preset {
        policy: Policy {
            attempts: 2,
            backoff: Law::Envoy {
                base: Duration::from_millis(25),
                cap: Duration::from_millis(250),
            },
            server_delay: ServerDelay::Spread {
                max: MAX_SERVER_DELAY,
            },
            failures: Failures {
                timeout: false,
                ..Failures::ALL
            },
            ..default_policy()
        },
        budget: Arc::new(ConcurrencyBudget::default()),
    }
}

/// The example of gRPC's proposal A6, for answers that map to UNAVAILABLE.
pub fn grpc() -> Preset {
    Preset {
        policy: Policy {
            attempts: 4,
            backoff: Law::Grpc {
                initial: Duration::from_millis(100),
                cap: Duration::from_secs(1),
                multiplier: 2.0,
            },
            statuses: statuses([429, 502, 503, 504]),
            server_delay: ServerDelay::Instead {
                max: MAX_SERVER_DELAY,
            },
            failures: Failures {
                timeout: false,
                ..Failures::ALL
            },
            ..default_policy()
        },
        budget: Arc::new(GrpcTokens::new(10, 0.1).expect(VALID)),
    }
}

/// Finagle's budget; the rest is ours.
pub fn finagle(now: Instant) -> Preset {
    let budget = TokenBudget::new(Duration::from_secs(10), 10, 0.2, now).expect(VALID);
    Preset {
        policy: default_policy(),
        budget: Arc::new(Mutex::new(budget)),
    }
}

/// Polly version 8: three retries after two seconds each.
pub fn polly() -> Preset {
    unlimited(Policy {
        attempts: 4,
        backoff: Law::Constant {
            pause: Duration::from_secs(2),
            jitter: false,
        },
        ..default_policy()
    })
}

/// Istio's default: two retries by Envoy's law, of what certainly had no effect, and of 503.
pub fn istio() -> Preset {
    let envoy = envoy().policy;
    unlimited(Policy {
        attempts: 3,
        statuses: statuses([503]),
        failures: Failures {
            reset: false,
            ..envoy.failures
        },
        ..envoy
    })
}

/// Temporal's retries of activities: for ever, so give the call a deadline.
pub fn temporal() -> Preset {
    unlimited(Policy {
        attempts: u32::MAX,
        backoff: Law::Temporal {
            initial: Duration::from_secs(1),
            cap: Duration::from_secs(100),
            coefficient: 2.0,
        },
        ..default_policy()
    })
}

fn default_policy() -> Policy<Law> {
    Policy::<Backoff>::default().with_law()
}

fn unlimited(policy: Policy<Law>) -> Preset {
    Preset {
        policy,
        budget: Arc::new(Unlimited),
    }
}

fn statuses<const N: usize>(codes: [u16; N]) -> Vec<StatusCode> {
    let codes = codes.into_iter();
    codes
        .filter_map(|code| StatusCode::from_u16(code).ok())
        .collect()
}
