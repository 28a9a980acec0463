//! Which other origins may read answers in a browser (Fetch standard, section 3.3; the settings are
//! those of the Gateway API's CORS filter).

mod origin;

use std::future::ready;
use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, request, response};
use serde::Deserialize;

use self::origin::Origins;
use super::super::{BodyChange, Filter, Next, Step, Visit};
use super::value;
use crate::gateway::config::quantity;
use crate::http::{Body, empty};

const TRUE: HeaderValue = HeaderValue::from_static("true");
const ANY: HeaderValue = HeaderValue::from_static("*");

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Settings {
    allow_origins: Vec<String>,
    allow_methods: Vec<String>,
    allow_headers: Vec<String>,
    expose_headers: Vec<String>,
    allow_credentials: bool,
    #[serde(with = "quantity::duration")]
    max_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_origins: Vec::new(),
            allow_methods: ["GET", "HEAD", "POST"].map(str::to_owned).to_vec(),
            allow_headers: Vec::new(),
            expose_headers: Vec::new(),
            allow_credentials: false,
            max_age: Duration::from_secs(5),
        }
    }
}

pub(super) struct Cors {
    origins: Origins,
    methods: Names,
    headers: Names,
    expose: Option<HeaderValue>,
    credentials: bool,
    max_age: HeaderValue,
}

/// What is allowed: everything, or a list.
enum Names {
    All,
    Listed(Option<HeaderValue>),
}

impl Names {
    fn new(setting: &str, list: &[String]) -> Result<Self, String> {
        if list.iter().any(|name| name == "*") {
            return match list {
                [_] => Ok(Self::All),
                _ => Err(format!("`{setting}` has `*` beside other names")),
            };
        }
        for name in list {
            // Methods and header names are both tokens (RFC 9110).
            if Method::from_bytes(name.as_bytes()).is_err() {
                return Err(format!("`{setting}` has `{name}`, which is no name"));
            }
        }
        Ok(Self::Listed(joined(setting, list)?))
    }

    /// What to answer; with credentials `*` would be a name, so what was asked for is granted.
    fn answer(&self, asked: Option<&HeaderValue>, credentials: bool) -> Option<HeaderValue> {
        match self {
            Self::All if credentials => asked.cloned(),
            Self::All => Some(ANY),
            Self::Listed(list) => list.clone(),
        }
    }
}

fn joined(setting: &str, list: &[String]) -> Result<Option<HeaderValue>, String> {
    if list.is_empty() {
        return Ok(None);
    }
    value(setting, &list.join(", ")).map(Some)
}

impl Cors {
    pub(super) fn new(settings: Settings) -> Result<Self, String> {
        let credentials = settings.allow_credentials;
        let expose = &settings.expose_headers;
        if credentials && expose.iter().any(|name| name == "*") {
            let problem =
                "`expose-headers` has `*`, which with credentials is a header of that name";
            return Err(problem.to_owned());
        }
        Ok(Self {
            origins: Origins::new(&settings.allow_origins)?,
            methods: Names::new("allow-methods", &settings.allow_methods)?,
            headers: Names::new("allow-headers", &settings.allow_headers)?,
            expose: joined("expose-headers", expose)?,
            credentials,
            max_age: HeaderValue::from(settings.max_age.as_secs()),
        })
    }

    /// Says whom the answer is for; false if the origin may not read it.
    fn admit(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) -> bool {
        let for_anybody = self.origins.any() && !self.credentials;
        if !for_anybody {
            // Also without an origin, or a cache would give this answer to one that has none yet.
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        let Some(origin) = origin.filter(|origin| self.origins.allow(origin)) else {
            return false;
        };
        let allowed = if for_anybody { ANY } else { origin.clone() };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        true
    }
}

/// The origin of the page that asks, remembered for the answer.
#[derive(Clone)]
struct Asked(Option<HeaderValue>);

impl Filter for Cors {
    /// Answers what a browser asks before it sends a request. An origin that is not allowed gets an
    /// answer without permission, which is what a browser takes for a no.
    fn preflight(&self, head: &request::Parts) -> Option<Response<Body>> {
        let asked_method = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        let origin = head.headers.get(ORIGIN)?;
        if head.method != Method::OPTIONS {
            return None;
        }
        let mut response = Response::new(empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        if self.admit(Some(origin), headers) {
            let asked_headers = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
            let methods = self.methods.answer(Some(asked_method), self.credentials);
            if let Some(methods) = methods {
                headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            }
            if let Some(allowed) = self.headers.answer(asked_headers, self.credentials) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            }
            headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        }
        for name in [
            "Access-Control-Request-Method",
            "Access-Control-Request-Headers",
        ] {
            headers.append(VARY, HeaderValue::from_static(name));
        }
        Some(response)
    }

    fn request<'a>(&'a self, head: &'a mut request::Parts, visit: &'a mut Visit) -> Step<'a, Next> {
        visit.notes.insert(Asked(head.headers.get(ORIGIN).cloned()));
        Box::pin(ready(Ok(Next::Continue)))
    }

    fn response<'a>(
        &'a self,
        head: &'a mut response::Parts,
        visit: &'a mut Visit,
    ) -> Step<'a, Option<BodyChange>> {
        // There is one word on this, and it is the gateway's.
        for name in [
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            ACCESS_CONTROL_EXPOSE_HEADERS,
        ] {
            head.headers.remove(name);
        }
        let asked = visit.notes.get::<Asked>();
        let origin = asked.and_then(|asked| asked.0.as_ref());
        if self.admit(origin, &mut head.headers)
            && let Some(expose) = &self.expose
        {
            head.headers
                .insert(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
        Box::pin(ready(Ok(None)))
    }
}
