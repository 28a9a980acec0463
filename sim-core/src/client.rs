//! A client of a load: asks, and tells the history what it asked and what it knows.

use std::{fmt, future::Future, io};
use windtunnel_record::{Outcome, Seed, Stream};

/// One client, for one operation or several.
#[derive(Clone, Debug)]
pub struct Client {
    seed: Seed,
    load: String,
    number: u64,
}

impl Client {
    pub(crate) fn new(seed: Seed, load: &str, number: u64) -> Self {
        Self {
            seed,
            load: load.into(),
            number,
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
    /// happened ([`Answer`]); if the future is dropped, it stays pending.
    pub async fn operation<A: Answer>(
        &self,
        name: &str,
        key: impl fmt::Display,
        answer: impl Future<Output = A>,
    ) -> A {
        let operation = crate::simulation::invoked(name, &key.to_string());
        let answer = answer.await;
        let (outcome, detail) = answer.tell();
        crate::simulation::completed(operation, outcome, &detail);
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
