//! The one table that says what an answer means: for breakers, and as the word under which metrics count.

use http::header::RETRY_AFTER;
use http::{HeaderMap, Response, StatusCode};

use super::Outcome;
use crate::http::Error;
use crate::retry::retry_after;

/// What kind of ending a call had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The endpoint did what was asked.
    Success,
    /// It did not.
    Failure,
    /// It asked for less.
    Throttled,
    /// The caller's doing: nothing is said about the endpoint.
    Excluded,
}

impl Class {
    /// The word for it in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Throttled => "throttled",
            Self::Excluded => "excluded",
        }
    }
}

/// A table from statuses and kinds of errors to classes. Without exceptions:
///
/// | ending | class |
/// |---|---|
/// | 1xx, 2xx, 3xx | success |
/// | 429 | throttled |
/// | other 4xx | excluded |
/// | 503 with `Retry-After` | throttled |
/// | other 5xx, and what is no status of HTTP | failure |
/// | errors `request-body`, `canceled`, `unsendable` | excluded |
/// | all other errors | failure |
///
/// Kinds are the words of [`crate::http::Error::kind`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classification {
    statuses: Vec<(StatusCode, Class)>,
    errors: Vec<(&'static str, Class)>,
}

impl Classification {
    /// The table without exceptions.
    pub const fn new() -> Self {
        Self {
            statuses: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Another class for one status, with or without `Retry-After`. The last one said holds.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode, class: Class) -> Self {
        self.statuses.retain(|(known, _)| *known != status);
        self.statuses.push((status, class));
        self
    }

    /// Another class for one kind of error. The last one said holds.
    #[must_use]
    pub fn with_error(mut self, kind: &'static str, class: Class) -> Self {
        self.errors.retain(|(known, _)| *known != kind);
        self.errors.push((kind, class));
        self
    }

    /// The class of an answer.
    pub fn answer(&self, status: StatusCode, headers: &HeaderMap) -> Class {
        let exception = self.statuses.iter().find(|(known, _)| *known == status);
        if let Some((_, class)) = exception {
            return *class;
        }
        let asks_for_time = headers.contains_key(RETRY_AFTER);
        match status.as_u16() {
            429 => Class::Throttled,
            503 if asks_for_time => Class::Throttled,
            100..=399 => Class::Success,
            400..=499 => Class::Excluded,
            _ => Class::Failure,
        }
    }

    /// The class of a call without an answer.
    pub fn error(&self, kind: &str) -> Class {
        let exception = self.errors.iter().find(|(known, _)| *known == kind);
        match (exception, kind) {
            (Some((_, class)), _) => *class,
            (None, "request-body" | "canceled" | "unsendable") => Class::Excluded,
            (None, _) => Class::Failure,
        }
    }

    /// What a breaker is told of a call; a throttled one brings its `Retry-After` along, if it can be read.
    pub fn outcome<B>(&self, result: &Result<Response<B>, Error>) -> Outcome {
        let (class, patience) = match result {
            Ok(answer) => {
                let headers = answer.headers();
                (self.answer(answer.status(), headers), retry_after(headers))
            }
            Err(error) => (self.error(error.kind()), None),
        };
        match class {
            Class::Success => Outcome::Success,
            Class::Failure => Outcome::Failure,
            Class::Throttled => Outcome::Throttled { patience },
            Class::Excluded => Outcome::Excluded,
        }
    }
}

/// By the table without exceptions; for a [`BreakerLayer`](super::BreakerLayer).
pub fn by_answer<B>(result: &Result<Response<B>, Error>) -> Outcome {
    Classification::new().outcome(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn answer(status: u16, wait: Option<&str>) -> Result<Response<()>, Error> {
        let mut answer = Response::builder().status(status);
        if let Some(wait) = wait {
            answer = answer.header(RETRY_AFTER, wait);
        }
        Ok(answer.body(()).unwrap())
    }

    #[test]
    fn what_a_client_did_wrong_or_gave_up_says_nothing_about_the_endpoint() {
        for status in [400, 401, 403, 404, 409, 422, 499] {
            assert_eq!(by_answer(&answer(status, None)), Outcome::Excluded);
        }
        let table = Classification::new();
        assert_eq!(table.error("canceled"), Class::Excluded);
        assert_eq!(table.error("request-body"), Class::Excluded);
        assert_eq!(table.error("reset"), Class::Failure);
        assert_eq!(table.error("a word of tomorrow"), Class::Failure);
    }

    #[test]
    fn whoever_asks_for_patience_is_throttled_and_not_down() {
        let throttled = |secs: Option<u64>| Outcome::Throttled {
            patience: secs.map(Duration::from_secs),
        };
        assert_eq!(by_answer(&answer(429, None)), throttled(None));
        assert_eq!(by_answer(&answer(429, Some("7"))), throttled(Some(7)));
        assert_eq!(by_answer(&answer(503, Some("7"))), throttled(Some(7)));
        // It asks for time, but nobody can say how much.
        assert_eq!(by_answer(&answer(503, Some("soon"))), throttled(None));
        assert_eq!(by_answer(&answer(503, None)), Outcome::Failure);
    }

    #[test]
    fn the_table_covers_all_statuses_and_takes_exceptions() {
        for (status, class) in [
            (101, Class::Success),
            (200, Class::Success),
            (302, Class::Success),
            (500, Class::Failure),
            (502, Class::Failure),
            (504, Class::Failure),
            (999, Class::Failure),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let got = Classification::new().answer(status, &HeaderMap::new());
            assert_eq!(got, class, "{status}");
        }
        let table = Classification::new()
            .with_status(StatusCode::NOT_FOUND, Class::Excluded)
            .with_status(StatusCode::NOT_FOUND, Class::Success)
            .with_error("deadline", Class::Throttled);
        assert_eq!(table.outcome(&answer(404, None)), Outcome::Success);
        assert_eq!(table.error("deadline").word(), "throttled");
    }
}
