//! Faults on purpose: a share of the requests waits, a share is answered with an error.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Response, StatusCode, request};
use serde::Deserialize;
use tokio::time::sleep;

use super::super::{Filter, Next, Step, Visit};
use super::{name, value};
use crate::gateway::action::{Stratified, below};
use crate::gateway::config::quantity;
use crate::http::full;

/// Shares are counted in parts of this: a millionth is the smallest.
const WHOLE: u64 = 1_000_000;

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Settings {
    delay: Option<Delay>,
    abort: Option<Abort>,
    /// Only requests that have all of these headers with these values.
    headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Delay {
    #[serde(rename = "for", with = "quantity::duration")]
    time: Duration,
    #[serde(default = "all")]
    share: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Abort {
    status: u16,
    #[serde(default = "all")]
    share: f64,
}

const fn all() -> f64 {
    1.0
}

pub(super) struct Fault {
    delay: Option<(Duration, Share)>,
    abort: Option<(StatusCode, Share)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// An exact share of the requests, spread evenly.
struct Share {
    parts: u64,
    draws: Stratified,
}

impl Share {
    fn new(setting: &str, share: f64) -> Result<Self, String> {
        if !(0.0..=1.0).contains(&share) {
            return Err(format!("`{setting}.share` is {share}, not between 0 and 1"));
        }
        Ok(Self {
            parts: (share * WHOLE as f64).round() as u64,
            draws: Stratified::new(0),
        })
    }

    fn hits(&self) -> bool {
        below(self.draws.draw(), WHOLE) < self.parts
    }
}

impl Fault {
    pub(super) fn new(settings: Settings) -> Result<Self, String> {
        let delay = settings.delay.map(|delay| {
            let share = Share::new("delay", delay.share)?;
            Ok::<_, String>((delay.time, share))
        });
        let abort = settings.abort.map(|abort| {
            let status = StatusCode::from_u16(abort.status).ok();
            let status = status.filter(|status| (200..=599).contains(&status.as_u16()));
            let status = status.ok_or("`abort.status` must be from 200 to 599")?;
            Ok::<_, String>((status, Share::new("abort", abort.share)?))
        });
        if delay.is_none() && abort.is_none() {
            return Err("needs `delay` or `abort`".to_owned());
        }
        let headers = settings.headers.iter();
        let headers =
            headers.map(|(key, text)| Ok((name("headers", key)?, value("headers", text)?)));
        Ok(Self {
            delay: delay.transpose()?,
            abort: abort.transpose()?,
            headers: headers.collect::<Result<_, String>>()?,
        })
    }

    fn concerns(&self, head: &request::Parts) -> bool {
        let mut wanted = self.headers.iter();
        wanted.all(|(name, value)| head.headers.get_all(name).iter().any(|has| has == value))
    }
}

impl Filter for Fault {
    fn request<'a>(
        &'a self,
        head: &'a mut request::Parts,
        _visit: &'a mut Visit,
    ) -> Step<'a, Next> {
        Box::pin(async move {
            if !self.concerns(head) {
                return Ok(Next::Continue);
            }
            if let Some((time, share)) = &self.delay
                && share.hits()
            {
                sleep(*time).await;
            }
            if let Some((status, share)) = &self.abort
                && share.hits()
            {
                let mut response = Response::new(full("fault injected\n"));
                *response.status_mut() = *status;
                return Ok(Next::Answer(response));
            }
            Ok(Next::Continue)
        })
    }
}
