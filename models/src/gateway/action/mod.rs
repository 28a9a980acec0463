//! What becomes of a request once its route is known.

mod headers;
mod mirror;
mod redirect;
mod rewrite;
mod split;
mod stratified;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::config;
use super::route::header;
use super::upstream::Upstream;
use crate::http::{Body, full};

pub(super) use headers::HeaderChanges;
pub(super) use mirror::{Copied, Mirror};
pub(super) use redirect::{Asked, Redirect};
pub(super) use rewrite::Rewrite;
pub(super) use split::Split;
pub(super) use stratified::{Stratified, below};

/// The upstreams of a configuration by name.
pub(super) type Upstreams = BTreeMap<String, Arc<Upstream>>;

/// What becomes of a request.
pub(super) enum Action {
    Forward(Arc<Upstream>),
    Split(Split),
    Redirect(Redirect),
    Respond(Direct),
}

impl Action {
    /// Compiles an action; none if it names an upstream that is not there.
    pub(super) fn new(
        action: config::Action<'_>,
        upstreams: &Upstreams,
        seed: u64,
    ) -> Option<Self> {
        Some(match action {
            config::Action::Upstream(name) => Self::Forward(upstreams.get(name)?.clone()),
            config::Action::Split(split) => Self::Split(Split::new(split, upstreams, seed)?),
            config::Action::Redirect(redirect) => Self::Redirect(Redirect::new(redirect)),
            config::Action::Respond(respond) => Self::Respond(Direct::new(respond)),
        })
    }
}

/// An answer of the gateway's own.
#[derive(Debug)]
pub(super) struct Direct {
    status: StatusCode,
    body: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Direct {
    fn new(respond: &config::Respond) -> Self {
        Self {
            status: StatusCode::from_u16(respond.status).unwrap_or_default(),
            body: respond.body.clone(),
            headers: values(&respond.headers),
        }
    }

    pub(super) fn response(&self) -> Response<Body> {
        let mut response = Response::new(full(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers.iter().cloned());
        response
    }
}

/// Headers that validation has seen.
fn values(headers: &BTreeMap<String, String>) -> Vec<(HeaderName, HeaderValue)> {
    let headers = headers.iter();
    headers
        .filter_map(|(name, value)| Some((header(name), HeaderValue::try_from(value).ok()?)))
        .collect()
}
