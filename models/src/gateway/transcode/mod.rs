//! REST on one side, gRPC on the other, by the `google.api.http` rules of the services.
//!
//! It prevents that every service has to speak two protocols. It can cause that numbers lose digits and
//! errors look like successes; hence the JSON mapping of proto3 to the letter (64-bit integers are
//! texts), and no status before the first message or the trailers are there.
//!
//! A request is read whole, because a message is sent whole. Answers of streaming methods are passed on
//! message by message, as a JSON array, or as lines if the client accepts `application/x-ndjson`; an
//! error after the first message can only break the body off. What a gRPC client sends goes through
//! untouched.

mod answer;
mod frames;
mod json;
mod request;
mod rule;
mod status;
mod template;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, request as head};
use prost_reflect::DescriptorPool;
use tokio::time::Instant;

use super::Refusal;
use super::config::{Config, InvalidConfig, Transcode};
use super::secure::Vault;
use super::upload::Upload;
use crate::http::{self as wire, Body};

pub(super) use answer::Call;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The routes that transcode.
pub(super) struct Transcoders(BTreeMap<String, Transcoder>);

impl Transcoders {
    /// Reads the descriptors that a validated configuration names out of `vault`.
    ///
    /// # Errors
    ///
    /// The descriptors cannot be had or read, a service is not in them, or a rule contradicts itself.
    pub(super) fn new(config: &Config, vault: &dyn Vault) -> Result<Self, InvalidConfig> {
        let mut transcoders = BTreeMap::new();
        for (position, route) in config.routes.iter().enumerate() {
            let Some(settings) = &route.transcode else {
                continue;
            };
            let wrong = |(key, problem): (&str, String)| {
                InvalidConfig::of(format!("routes[{position}].transcode.{key}"), problem)
            };
            let file = vault.descriptors(&settings.descriptors);
            let file = file.map_err(|problem| wrong(("descriptors", problem)))?;
            let transcoder = Transcoder::new(settings, &file).map_err(wrong)?;
            transcoders.insert(route.name.clone(), transcoder);
        }
        Ok(Self(transcoders))
    }

    /// The transcoder of a request; none if its route has none, or if it is gRPC already.
    pub(super) fn of(&self, route: &str, head: &head::Parts) -> Option<&Transcoder> {
        let transcoder = self.0.get(route)?;
        (!is_grpc(&head.headers)).then_some(transcoder)
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// The rules of a route's services.
pub(super) struct Transcoder {
    rules: Vec<Arc<rule::Rule>>,
    pool: DescriptorPool,
    settings: Arc<Transcode>,
}

impl Transcoder {
    fn new(settings: &Transcode, file: &[u8]) -> Result<Self, (&'static str, String)> {
        let pool = DescriptorPool::decode(file)
            .map_err(|error| ("descriptors", format!("cannot be read: {error}")))?;
        let mut rules = Vec::new();
        for name in &settings.services {
            let service = pool.get_service_by_name(name).ok_or_else(|| {
                let known: Vec<_> = pool.services().map(|s| s.full_name().to_owned()).collect();
                let problem = format!("has `{name}`, not one of {}", known.join(", "));
                ("services", problem)
            })?;
            for method in service.methods() {
                let found = rule::of(&method).map_err(|problem| ("descriptors", problem))?;
                rules.extend(found.into_iter().map(Arc::new));
            }
        }
        rules.sort_by(|one, other| one.template.rank().cmp(&other.template.rank()));
        if let Some(twice) = rules.windows(2).find(|two| two[0].contends_with(&two[1])) {
            let problem = format!(
                "have `{}` and `{}` for the same requests",
                twice[0].method.full_name(),
                twice[1].method.full_name()
            );
            return Err(("descriptors", problem));
        }
        Ok(Self {
            rules,
            pool,
            settings: Arc::new(settings.clone()),
        })
    }

    /// Turns a request into a call: the head and the target become the call's, and what is returned is
    /// its body and what has to be known when the answer comes.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoRoute`] if no rule fits, [`Refusal::BadRequest`] if the request is not what its rule
    /// asks for, and what reading a body may come to.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the body; nothing was sent.
    pub(super) async fn begin(
        &self,
        head: &mut head::Parts,
        target: &mut PathAndQuery,
        body: Body,
        (max, until): (u64, Instant),
    ) -> Result<(Call, Upload), Refusal> {
        let found = self.rules.iter().find_map(|rule| {
            let bound = rule.bind(&head.method, target.path())?;
            Some((rule.clone(), bound))
        });
        let (rule, bound) = found.ok_or(Refusal::NoRoute)?;
        let body = read(body, max, until).await?;
        let query = target.query().unwrap_or_default();
        let data = request::encode(&rule, &bound, query, &body, &self.settings)
            .map_err(Refusal::BadCall)?;
        let left = until.saturating_duration_since(Instant::now());
        let timeout = grpc_timeout(left).ok_or(Refusal::Deadline)?;
        *target = rule.target.clone();
        let call = Call {
            pool: self.pool.clone(),
            rule,
            settings: self.settings.clone(),
            lines: accepts_lines(&head.headers),
        };
        head.method = Method::POST;
        for name in [CONTENT_LENGTH, CONTENT_ENCODING, ACCEPT, ACCEPT_ENCODING] {
            head.headers.remove(name);
        }
        head.headers.insert(CONTENT_TYPE, GRPC);
        head.headers
            .insert(TE, HeaderValue::from_static("trailers"));
        head.headers.insert(TIMEOUT, timeout);
        let trailers = None;
        Ok((call, Upload::Whole { data, trailers }))
    }
}

async fn read(body: Body, max: u64, until: Instant) -> Result<Bytes, Refusal> {
    let limit = usize::try_from(max).unwrap_or(usize::MAX);
    let read = wire::collect(body, limit, Some(until)).await;
    read.map_err(|error| match error {
        wire::Error::BodyTooLarge { .. } => Refusal::TooLarge { limit: max },
        wire::Error::Deadline { .. } => Refusal::SlowClient,
        _ => Refusal::BrokenBody,
    })
}

fn accepts_lines(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(ACCEPT).iter();
    values.any(|value| {
        let text = value.to_str().unwrap_or_default();
        text.contains("application/x-ndjson") || text.contains("application/jsonl")
    })
}

/// What is left, in at most eight digits (gRPC over HTTP/2), rounded down; none if it is no time at all.
fn grpc_timeout(left: Duration) -> Option<HeaderValue> {
    let millis = left.as_millis();
    let text = match millis {
        0 => return None,
        1..=99_999_999 => format!("{millis}m"),
        _ => format!("{}S", left.as_secs().min(99_999_999)),
    };
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests;
