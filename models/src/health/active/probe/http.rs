//! Asks for a page over the pooled client.

use std::ops::RangeInclusive;
use std::sync::Arc;

use http::Request;
use http::uri::PathAndQuery;
use tokio::time::Instant;

use super::{Probe, Probed, Probing};
use crate::health::InvalidPolicy;
use crate::http::{Client, Error, empty};

/// A health page is small; of a larger one the status alone counts, and its connection is closed.
const LARGEST_PAGE: usize = 64 * 1024;

/// What an HTTP probe asks for and what it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpExpectation {
    /// Path and query of the page.
    pub path: String,
    /// Statuses that pass.
    pub expected: Vec<RangeInclusive<u16>>,
    /// Statuses that fail, but only count towards the threshold. Any other one condemns at once.
    pub retriable: Vec<RangeInclusive<u16>>,
}

impl Default for HttpExpectation {
    /// `/` answers 200.
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            expected: vec![200..=200],
            retriable: Vec::new(),
        }
    }
}

/// `GET` of a page of each endpoint. No answer, or one that breaks off, counts towards the threshold.
#[derive(Clone, Debug)]
pub struct HttpProbe {
    client: Client,
    path: PathAndQuery,
    expected: Vec<RangeInclusive<u16>>,
    retriable: Vec<RangeInclusive<u16>>,
}

impl HttpProbe {
    /// A probe over `client`. Its own pool keeps probes from waiting behind, or hiding behind, calls.
    ///
    /// # Errors
    ///
    /// The path does not begin with `/`, nothing passes, or a range holds no status.
    pub fn new(client: Client, expectation: HttpExpectation) -> Result<Self, InvalidPolicy> {
        let path = expectation.path.parse().ok();
        let path: PathAndQuery = path
            .filter(|_| expectation.path.starts_with('/'))
            .ok_or(InvalidPolicy::OutOfRange("path"))?;
        if expectation.expected.is_empty() {
            return Err(InvalidPolicy::Zero("expected"));
        }
        for (name, ranges) in [
            ("expected", &expectation.expected),
            ("retriable", &expectation.retriable),
        ] {
            let holds_some = |range: &RangeInclusive<u16>| {
                !range.is_empty() && *range.start() >= 100 && *range.end() <= 599
            };
            if !ranges.iter().all(holds_some) {
                return Err(InvalidPolicy::OutOfRange(name));
            }
        }
        Ok(Self {
            client,
            path,
            expected: expectation.expected,
            retriable: expectation.retriable,
        })
    }

    async fn ask(&self, endpoint: &str, deadline: Instant) -> Probed {
        let uri = format!("http://{endpoint}{}", self.path);
        let Ok(request) = Request::get(uri).body(empty()) else {
            return Probed::Failed;
        };
        let Ok(answer) = self.client.send(request, Some(deadline)).await else {
            return Probed::Failed;
        };
        let verdict = self.judge(answer.status().as_u16());
        // Read to the end: an answer that hangs half-way is none, and the connection can go on.
        let body = answer.into_body();
        match crate::http::collect(body, LARGEST_PAGE, Some(deadline)).await {
            Ok(_) | Err(Error::BodyTooLarge { .. }) => verdict,
            Err(_) => Probed::Failed,
        }
    }

    fn judge(&self, status: u16) -> Probed {
        let within = |ranges: &[RangeInclusive<u16>]| ranges.iter().any(|r| r.contains(&status));
        if within(&self.expected) {
            Probed::Passed
        } else if within(&self.retriable) {
            Probed::Failed
        } else {
            Probed::Condemned
        }
    }
}

impl Probe for HttpProbe {
    fn probe<'a>(&'a self, endpoint: &'a Arc<str>, deadline: Instant) -> Probing<'a> {
        Box::pin(self.ask(endpoint, deadline))
    }
}
