//! What a gateway lets others see: every attempt, every request once, every breaker's change of state.

use std::time::Duration;

use http::{Method, StatusCode};

use tokio::time::Instant;

use super::{Client, Refusal};
use crate::balance;
use crate::breaker::{self, Rejected, State};
use crate::health::outlier;
use crate::http::Sending;
use crate::retry::GiveUp;

/// How a request's answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The answer was delivered whole.
    Complete,
    /// The caller went away first.
    CallerLeft,
    /// The answer's body broke off, or outlived its deadline.
    BrokenOff,
}

/// One request, told exactly once: when its answer's last byte was handed over, or when it was given up.
#[derive(Debug)]
pub struct Access<'a> {
    /// Who asked, if that was established.
    pub client: Option<&'a Client>,
    /// The method.
    pub method: &'a Method,
    /// The host asked for, in its normal form; empty if it could not be read.
    pub host: &'a str,
    /// The path, in its normal form if it has one. A log's field, not a metric's label.
    pub path: &'a str,
    /// The route it belonged to.
    pub route: Option<&'a str>,
    /// The upstream of that route.
    pub upstream: Option<&'a str>,
    /// The endpoint of the last attempt.
    pub endpoint: Option<&'a str>,
    /// What the client was answered; none if it left before.
    pub status: Option<StatusCode>,
    /// Attempts made.
    pub attempts: u32,
    /// From the request's head to the end.
    pub latency: Duration,
    /// Why the gateway answered itself, if it did.
    pub refusal: Option<&'a Refusal>,
    /// How it ended.
    pub end: End,
    /// The trace it belongs to; zero if its head was refused before that was read.
    pub trace: u128,
}

/// How one attempt ended, as its endpoint's breaker learned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer that speaks for the endpoint.
    Succeeded(StatusCode),
    /// An answer that speaks against it (5xx).
    Failed(StatusCode),
    /// An answer that says nothing about the endpoint's health: a client's mistake (4xx), a request
    /// for patience (429, or 503 with a time to wait), or the refusal of a gateway further on.
    Neutral(StatusCode),
    /// No complete answer; the word is the error's kind.
    Broken(&'static str),
    /// Given up through no fault of the endpoint: the caller left or its upload broke off.
    Cancelled,
}

impl Outcome {
    /// What it tells the balancer, of an endpoint that asked for this much `patience`.
    pub(super) fn of_balance(self, patience: Option<Duration>) -> balance::Outcome {
        match self {
            Self::Succeeded(_) => balance::Outcome::Success,
            Self::Failed(_) | Self::Broken(_) => balance::Outcome::Failure { patience },
            // Whoever asks for patience wants less of everything.
            Self::Neutral(status) if status == StatusCode::TOO_MANY_REQUESTS => {
                balance::Outcome::Failure { patience }
            }
            Self::Neutral(StatusCode::SERVICE_UNAVAILABLE) => {
                balance::Outcome::Failure { patience }
            }
            Self::Neutral(_) => balance::Outcome::Success,
            Self::Cancelled => balance::Outcome::Cancelled,
        }
    }

    /// What it tells the endpoint's breaker.
    pub(super) const fn verdict(self) -> breaker::Outcome {
        match self {
            Self::Succeeded(_) => breaker::Outcome::Success,
            Self::Failed(_) | Self::Broken(_) => breaker::Outcome::Failure,
            Self::Neutral(_) | Self::Cancelled => breaker::Outcome::Excluded,
        }
    }
}

/// One attempt, told exactly once, when it ended.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The upstream.
    pub upstream: &'a str,
    /// The endpoint tried.
    pub endpoint: &'a str,
    /// 1 for the first attempt of a request.
    pub number: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// From the pick to the end of the answer's body (or of the attempt).
    pub latency: Duration,
    /// The trace it belongs to.
    pub trace: u128,
}

/// What is under way at one endpoint.
#[derive(Debug)]
pub struct Load<'a> {
    /// The upstream.
    pub upstream: &'a str,
    /// The endpoint.
    pub endpoint: &'a str,
    /// Attempts in flight, as the balancer counts them.
    pub in_flight: usize,
    /// Permits of the endpoint's breaker whose outcome is not known yet; zero without a breaker.
    pub permits: usize,
}

/// What was decided about another attempt, after one that failed and could have been repeated.
#[derive(Debug)]
pub struct Retrying<'a> {
    /// The upstream.
    pub upstream: &'a str,
    /// The attempt that failed; 1 for the first.
    pub after: u32,
    /// The pause before the next one, or why there is none.
    pub pause: Result<Duration, GiveUp>,
    /// The trace it belongs to.
    pub trace: u128,
}

/// An endpoint's breaker changed its state.
#[derive(Debug)]
pub struct BreakerChange<'a> {
    /// The upstream.
    pub upstream: &'a str,
    /// The endpoint.
    pub endpoint: &'a str,
    /// Before.
    pub from: State,
    /// After.
    pub to: State,
    /// When it took effect.
    pub at: Instant,
}

/// An endpoint's breaker did not admit a request; another endpoint may have.
#[derive(Debug)]
pub struct BreakerRejection<'a> {
    /// The upstream.
    pub upstream: &'a str,
    /// The endpoint.
    pub endpoint: &'a str,
    /// Why.
    pub rejected: Rejected,
}

/// An endpoint was left out for a while, came back, or was spared.
#[derive(Debug)]
pub struct OutlierChange<'a> {
    /// The upstream.
    pub upstream: &'a str,
    /// What happened.
    pub event: &'a outlier::Event,
}

/// How the copy of a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorEnd {
    /// The mirror's answer was read to its end, and thrown away.
    Answered(StatusCode),
    /// There was no complete answer; the word is the error's kind.
    Failed(&'static str),
    /// No copy was sent: `body` if the gateway does not hold the whole body, `full` if too many copies are
    /// under way, else the kind of the [`Refusal`].
    Skipped(&'static str),
}

/// One copy of a request, told exactly once.
#[derive(Debug)]
pub struct Mirrored<'a> {
    /// The upstream that mirrors.
    pub upstream: &'a str,
    /// How it ended.
    pub end: MirrorEnd,
}

/// Sees what a gateway does. Called outside of every lock, after what was held was given back to the
/// breaker; until the head of the answer is there the request's trace is in force
/// ([`trace::present`](crate::trace::present)).
pub trait Observer: Send + Sync + 'static {
    /// A request ended.
    fn access(&self, access: &Access<'_>) {
        let _ = access;
    }

    /// Whether [`sending`](Self::sending) is of use to it. Asked once, when a gateway is built or reloaded:
    /// to know the connection of every attempt costs each of them something.
    fn sees_sendings(&self) -> bool {
        true
    }

    /// An attempt has a connection and is handed to it.
    fn sending(&self, sending: &Sending) {
        let _ = sending;
    }

    /// An attempt ended.
    fn attempt(&self, attempt: &Attempt<'_>) {
        let _ = attempt;
    }

    /// An attempt began or ended: what is under way at its endpoint now.
    fn load(&self, load: &Load<'_>) {
        let _ = load;
    }

    /// Another attempt was granted or denied.
    fn retry(&self, retrying: &Retrying<'_>) {
        let _ = retrying;
    }

    /// A breaker changed its state.
    fn breaker(&self, change: &BreakerChange<'_>) {
        let _ = change;
    }

    /// An endpoint does worse than the others.
    fn outlier(&self, change: &OutlierChange<'_>) {
        let _ = change;
    }

    /// The copy of a request ended, or was not sent.
    fn mirrored(&self, mirrored: &Mirrored<'_>) {
        let _ = mirrored;
    }

    /// A breaker did not admit a request.
    fn rejected(&self, rejection: &BreakerRejection<'_>) {
        let _ = rejection;
    }
}

/// Nobody looks.
impl Observer for () {
    fn sees_sendings(&self) -> bool {
        false
    }
}
