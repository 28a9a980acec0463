//! What a gateway lets others see: every attempt, every request once, every breaker's change of state.

use std::time::Duration;

use http::{Method, StatusCode};

use super::{Client, Refusal};

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
    /// An answer that says nothing about the endpoint's health: it asks for patience (429, or 503 with a
    /// time to wait), or a gateway further on refused.
    Throttled(StatusCode),
    /// No complete answer; the word is the error's kind.
    Broken(&'static str),
    /// Given up through no fault of the endpoint: the caller left or its upload broke off.
    Cancelled,
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

/// Sees what a gateway does. Called outside of every lock, after everything was given back.
pub trait Observer: Send + Sync + 'static {
    /// A request ended.
    fn access(&self, access: &Access<'_>) {
        let _ = access;
    }

    /// An attempt ended.
    fn attempt(&self, attempt: &Attempt<'_>) {
        let _ = attempt;
    }

    /// An endpoint's breaker changed its state.
    fn breaker(&self, change: &BreakerChange<'_>) {
        let _ = change;
    }
}

/// Nobody looks.
impl Observer for () {}
/// What
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// a
    Closed,
    /// b
    Open,
    /// c
    HalfOpen,
}
/// Ch
#[derive(Debug)]
pub struct BreakerChange<'a> {
    /// a
    pub upstream: &'a str,
    /// b
    pub endpoint: &'a str,
    /// c
    pub to: State,
}
