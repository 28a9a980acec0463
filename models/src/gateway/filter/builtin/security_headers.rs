//! Headers that make browsers careful, where the endpoint says nothing itself; and headers that tell too
//! much, removed.

use std::collections::BTreeMap;
use std::future::ready;

use http::{HeaderName, HeaderValue, response};
use serde::Deserialize;

use super::super::{BodyChange, Filter, Step, Visit};
use super::{name, value};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Added where the answer has none of that name.
    set: BTreeMap<String, String>,
    remove: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let set = [
            ("strict-transport-security", "max-age=31536000"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "strict-origin-when-cross-origin"),
        ];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            set: set.into(),
            remove: ["server", "x-powered-by"].map(str::to_owned).to_vec(),
        }
    }
}

pub(super) struct SecurityHeaders {
    set: Vec<(HeaderName, HeaderValue)>,
    remove: Vec<HeaderName>,
}

impl SecurityHeaders {
    pub(super) fn new(settings: Settings) -> Result<Self, String> {
        let set = settings.set.iter();
        let set = set.map(|(key, text)| Ok((name("set", key)?, value("set", text)?)));
        let remove = settings.remove.iter().map(|text| name("remove", text));
        Ok(Self {
            set: set.collect::<Result<_, String>>()?,
            remove: remove.collect::<Result<_, String>>()?,
        })
    }
}

impl Filter for SecurityHeaders {
    fn response<'a>(
        &'a self,
        head: &'a mut response::Parts,
        _visit: &'a mut Visit,
    ) -> Step<'a, Option<BodyChange>> {
        for name in &self.remove {
            head.headers.remove(name);
        }
        for (name, value) in &self.set {
            if !head.headers.contains_key(name) {
                head.headers.insert(name.clone(), value.clone());
            }
        }
        Box::pin(ready(Ok(None)))
    }
}
