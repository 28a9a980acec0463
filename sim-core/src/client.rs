//! A client of a load: asks, and tells the history what it asked and what it knows.

use crate::{simulation, trace};
use std::{
    fmt,
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use windtunnel_record::{Outcome, Seed, Stream};

/// One client, for one operation or several.
#[derive(Clone, Debug)]
pub struct Client {
    seed: Seed,
    load: String,
    number: u64,
    /// How many operations it has begun.
    begun: Arc<AtomicU64>,
}

impl Client {
    pub(crate) fn new(seed: Seed, load: &str, number: u64) -> Self {
        Self {
            seed,
            load: load.into(),
            number,
            begun: Arc::default(),
        }
    }

    /// Its number in its load, from 0: unique, so that an identity or an order can be named by it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// A random stream of its own.
    pub fn stream(&self) -> Stream {
        self.seed
            .stream(&format!("load/{}/client/{}", self.load, self.number))
    }

    /// Carries out an operation and notes it in the history. What `answer` gives says whether it
    /// happened ([`Answer`]); if the future is dropped, it stays pending. The requests that `answer`
    /// makes with [`crate::http`] carry a trace id of the operation's own; others do with
    /// [`crate::traceparent`].
    pub async fn operation<A: Answer>(
        &self,
        name: &str,
        key: impl fmt::Display,
        answer: impl Future<Output = A>,
    ) -> A {
        let begun = self.begun.fetch_add(1, Ordering::Relaxed);
        let stream = format!(
            "load/{}/client/{}/operation/{begun}",
            self.load, self.number
        );
        let (id, answer) = trace::within(self.seed, &stream, answer);
        let operation = simulation::invoked(name, &key.to_string());
        simulation::traced(operation, id);
        let answer = answer.await;
        let (outcome, detail) = answer.tell();
        simulation::completed(operation, outcome, &detail);
        answer
    }
}

/// What a client learns from an answer.
pub trait Answer {
    /// Whether it happened, and a short text for people.
    fn tell(&self) -> (Outcome, String);
}

impl Answer for () {
    fn tell(&self) -> (Outcome, String) {
        (Outcome::Ok, String::new())
    }
}

impl Answer for (Outcome, String) {
    fn tell(&self) -> (Outcome, String) {
        self.clone()
    }
}

impl<T: Answer, E: Failure> Answer for Result<T, E> {
    fn tell(&self) -> (Outcome, String) {
        match self {
            Ok(answer) => answer.tell(),
            Err(error) => {
                let outcome = if error.surely_not_done() {
                    Outcome::Fail
                } else {
                    Outcome::Unknown
                };
                (outcome, error.to_string())
            }
        }
    }
}

/// Success for 2xx, certain failure for other statuses below 500, unknown from 500 on: a gateway
/// that says 502 or 504 does not know either.
impl Answer for http::StatusCode {
    fn tell(&self) -> (Outcome, String) {
        let outcome = match self.as_u16() {
            200..=299 => Outcome::Ok,
            500.. => Outcome::Unknown,
            _ => Outcome::Fail,
        };
        (outcome, self.as_u16().to_string())
    }
}

impl<B> Answer for http::Response<B> {
    fn tell(&self) -> (Outcome, String) {
        self.status().tell()
    }
}

/// An error that may say that nothing was done.
pub trait Failure: fmt::Display {
    /// Whether the operation certainly did not happen.
    fn surely_not_done(&self) -> bool {
        false
    }
}

impl Failure for io::Error {
    fn surely_not_done(&self) -> bool {
        self.kind() == io::ErrorKind::ConnectionRefused
    }
}
