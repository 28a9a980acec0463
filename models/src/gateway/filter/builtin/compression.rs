//! Answers are compressed (gzip) for clients that can read that, as they stream by.

use std::future::ready;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready as now};

use bytes::Bytes;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, request, response};
use http_body::Frame;
use serde::Deserialize;

use super::super::{BodyChange, Filter, Next, Step, Visit};
use crate::http::{Body, BoxError, boxed};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Settings {
    /// From 1 (fast) to 9 (small).
    level: u32,
    /// Bodies that say they are shorter, in bytes, stay as they are.
    min_size: u64,
    /// The media types worth it; one that ends in `/` stands for all below it.
    types: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let types = [
            "text/",
            "application/json",
            "application/javascript",
            "application/xml",
            "application/x-ndjson",
            "image/svg+xml",
        ];
        Self {
            level: 6,
            min_size: 1024,
            types: types.map(str::to_owned).to_vec(),
        }
    }
}

pub(super) struct Compression {
    settings: Settings,
}

#[derive(Clone, Copy)]
struct Accepted(bool);

impl Compression {
    pub(super) fn new(settings: Settings) -> Result<Self, String> {
        if !(1..=9).contains(&settings.level) {
            return Err("`level` must be from 1 to 9".to_owned());
        }
        if settings.types.is_empty() {
            return Err("`types` is empty: nothing would be compressed".to_owned());
        }
        Ok(Self { settings })
    }

    /// Whether the answer could be compressed for somebody.
    fn is_worth_it(&self, head: &response::Parts) -> bool {
        let headers = &head.headers;
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&head.status);
        let is_part =
            head.status == StatusCode::PARTIAL_CONTENT || headers.contains_key(CONTENT_RANGE);
        let length = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok());
        let length = length.and_then(|text| text.parse::<u64>().ok());
        let is_short = length.is_some_and(|length| length < self.settings.min_size);
        let fixed = headers.get_all(CACHE_CONTROL).iter().any(|value| {
            let words = value.to_str().unwrap_or_default();
            let mut words = words.split(',');
            words.any(|word| word.trim().eq_ignore_ascii_case("no-transform"))
        });
        let encoded = headers.contains_key(CONTENT_ENCODING);
        !(bodiless || is_part || is_short || fixed || encoded) && self.has_type(headers)
    }

    fn has_type(&self, headers: &HeaderMap) -> bool {
        let text = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let Some(text) = text.and_then(|text| text.split(';').next()) else {
            return false;
        };
        let text = text.trim().to_ascii_lowercase();
        // Events are small and each is waited for.
        text != "text/event-stream"
            && self.settings.types.iter().any(|wanted| {
                *wanted == text || (wanted.ends_with('/') && text.starts_with(wanted.as_str()))
            })
    }
}

/// RFC 9110, section 12.5.3: an own word on gzip counts before `*`; a weight of 0 is a no.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut any = false;
    for value in headers.get_all(ACCEPT_ENCODING) {
        for part in value.to_str().unwrap_or_default().split(',') {
            let mut words = part.split(';').map(str::trim);
            let coding = words.next().unwrap_or_default();
            let weight = words.find_map(|word| word.strip_prefix("q=").or(word.strip_prefix("Q=")));
            let wanted = weight.is_none_or(|q| q.parse::<f32>().is_ok_and(|q| q > 0.0));
            if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
                return wanted;
            }
            any |= coding == "*" && wanted;
        }
    }
    any
}

impl Filter for Compression {
    fn request<'a>(&'a self, head: &'a mut request::Parts, visit: &'a mut Visit) -> Step<'a, Next> {
        visit.notes.insert(Accepted(accepts_gzip(&head.headers)));
        Box::pin(ready(Ok(Next::Continue)))
    }

    fn response<'a>(
        &'a self,
        head: &'a mut response::Parts,
        visit: &'a mut Visit,
    ) -> Step<'a, Option<BodyChange>> {
        if !self.is_worth_it(head) {
            return Box::pin(ready(Ok(None)));
        }
        let headers = &mut head.headers;
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        let accepted = visit.notes.get::<Accepted>();
        if !accepted.is_some_and(|accepted| accepted.0) || visit.method == Method::HEAD {
            return Box::pin(ready(Ok(None)));
        }
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.remove(ACCEPT_RANGES);
        weaken(headers);
        let level = flate2::Compression::new(self.settings.level);
        let change: BodyChange = Box::new(move |body| {
            boxed(Gzip {
                body,
                encoder: Some(GzEncoder::new(Vec::new(), level)),
                trailers: None,
            })
        });
        Box::pin(ready(Ok(Some(change))))
    }
}

/// The bytes are others, the meaning is the same (RFC 9110, section 8.8.1).
fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers
        .get(ETAG)
        .filter(|tag| tag.as_bytes().starts_with(b"\""))
    else {
        return;
    };
    let weak = [b"W/", tag.as_bytes()].concat();
    if let Ok(weak) = HeaderValue::from_bytes(&weak) {
        headers.insert(ETAG, weak);
    }
}

/// Each piece that comes goes on at once: whoever waits for it is not kept waiting for the next.
struct Gzip {
    body: Body,
    encoder: Option<GzEncoder<Vec<u8>>>,
    trailers: Option<Frame<Bytes>>,
}

impl http_body::Body for Gzip {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(encoder) = &mut this.encoder else {
            return Poll::Ready(this.trailers.take().map(Ok));
        };
        let last = match now!(Pin::new(&mut this.body).poll_frame(cx)) {
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    encoder.write_all(&data)?;
                    encoder.flush()?;
                    let out = std::mem::take(encoder.get_mut());
                    return Poll::Ready(Some(Ok(Frame::data(out.into()))));
                }
                Err(trailers) => Some(trailers),
            },
            None => None,
        };
        this.trailers = last;
        let encoder = this.encoder.take();
        let end = encoder.map(GzEncoder::finish).transpose()?;
        Poll::Ready(end.map(|end| Ok(Frame::data(end.into()))))
    }
}
