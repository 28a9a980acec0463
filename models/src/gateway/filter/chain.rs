//! The filters of a route, in order, and the way of one request through them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::FutureExt;
use http::header::CONTENT_LENGTH;
use http::{Response, StatusCode, request};
use tokio::time::timeout;

use super::guarded;
use super::{BodyChange, Filter, Next, Registry, Step, Visit};
use crate::gateway::Refusal;
use crate::gateway::config::{self, OnFailure};
use crate::http::Body;

/// A filter under its name; kept by a reload that does not change it.
pub(in crate::gateway) struct Installed {
    name: Arc<str>,
    config: config::Filter,
    filter: Box<dyn Filter>,
}

impl Installed {
    /// Makes the filter, unless `old` is the same.
    ///
    /// # Errors
    ///
    /// What is wrong: the field below the filter's name, and the problem.
    pub(in crate::gateway) fn new(
        name: &str,
        config: &config::Filter,
        registry: &Registry,
        old: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, (&'static str, String)> {
        if let Some(old) = old.filter(|old| old.config == *config) {
            return Ok(old.clone());
        }
        let Some(built) = registry.build(&config.kind, &config.settings) else {
            let known: Vec<_> = registry.kinds().collect();
            let problem = format!("is `{}`, not one of {}", config.kind, known.join(", "));
            return Err(("kind", problem));
        };
        Ok(Arc::new(Self {
            name: name.into(),
            config: config.clone(),
            filter: built.map_err(|problem| ("settings", problem))?,
        }))
    }

    /// What a step comes to; none if it failed by an error, a panic or the time limit.
    async fn step<'a, T>(&'a self, begin: impl FnOnce(&'a dyn Filter) -> Step<'a, T>) -> Option<T> {
        let filter = &*self.filter;
        // The call itself may panic as well as what it returns.
        let whole = AssertUnwindSafe(async move { begin(filter).await }).catch_unwind();
        timeout(self.config.timeout, whole).await.ok()?.ok()?.ok()
    }

    fn refusal(&self) -> Refusal {
        Refusal::FilterFailed {
            filter: self.name.clone(),
        }
    }

    fn fails_open(&self) -> bool {
        self.config.on_failure == OnFailure::Open
    }
}

/// The filters of one route.
pub(in crate::gateway) struct Chain(Vec<Arc<Installed>>);

impl Chain {
    pub(in crate::gateway) const fn new(filters: Vec<Arc<Installed>>) -> Self {
        Self(filters)
    }

    /// The first answer to what is asked in advance. Only filters that fail closed can refuse.
    pub(in crate::gateway) fn preflight(
        &self,
        head: &request::Parts,
    ) -> Option<Result<Response<Body>, Refusal>> {
        self.0.iter().find_map(|installed| {
            let asking = AssertUnwindSafe(|| installed.filter.preflight(head));
            match catch_unwind(asking) {
                Ok(answer) => answer.map(Ok),
                Err(_) if installed.fails_open() => None,
                Err(_) => Some(Err(installed.refusal())),
            }
        })
    }

    /// Leads a request past all filters, or up to the one that answers or fails. `visit` begins one.
    pub(in crate::gateway) async fn request(
        &self,
        head: &mut request::Parts,
        mut visit: impl FnMut() -> Visit,
    ) -> Passage {
        let mut passage = Passage::default();
        for installed in &self.0 {
            let mut visit = visit();
            let before = head.clone();
            let step = installed.step(|filter| filter.request(head, &mut visit));
            match step.await {
                Some(Next::Continue) => {}
                Some(Next::ChangeBody(change)) => {
                    head.headers.remove(CONTENT_LENGTH);
                    passage.changes.push(change);
                }
                Some(Next::Answer(answer)) => {
                    passage.answer = Some(Ok(answer));
                    return passage;
                }
                None => {
                    *head = before;
                    if installed.fails_open() {
                        continue;
                    }
                    passage.answer = Some(Err(installed.refusal()));
                    return passage;
                }
            }
            passage.visits.push((installed.clone(), visit));
        }
        passage
    }
}

/// What filters made of a request, and what they remember until its answer.
#[derive(Default)]
pub(in crate::gateway) struct Passage {
    visits: Vec<(Arc<Installed>, Visit)>,
    changes: Vec<BodyChange>,
    /// Set if the request goes no further.
    pub(in crate::gateway) answer: Option<Result<Response<Body>, Refusal>>,
}

impl Passage {
    /// Whether the body is another one.
    pub(in crate::gateway) const fn changes_body(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The request's body, as the filters want it.
    pub(in crate::gateway) fn body(&mut self, body: Body) -> Body {
        let changes = self.changes.drain(..);
        changes.fold(body, |body, change| guarded::apply(change, body))
    }

    /// Leads an answer back; an answer that switches protocols is none of the filters' business.
    pub(in crate::gateway) async fn response(
        self,
        answer: Response<Body>,
        gateway: &str,
    ) -> Response<Body> {
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return answer;
        }
        let (mut head, mut body) = answer.into_parts();
        for (installed, mut visit) in self.visits.into_iter().rev() {
            let before = head.clone();
            let step = installed.step(|filter| filter.response(&mut head, &mut visit));
            match step.await {
                Some(None) => {}
                Some(Some(change)) => {
                    head.headers.remove(CONTENT_LENGTH);
                    body = guarded::apply(change, body);
                }
                None if installed.fails_open() => head = before,
                None => (head, body) = installed.refusal().response(gateway).into_parts(),
            }
        }
        Response::from_parts(head, body)
    }
}
