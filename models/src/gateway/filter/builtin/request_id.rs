//! An id for every request, the same for the endpoint, the client and the logs of both.

use std::future::ready;

use http::{HeaderName, HeaderValue, request, response};
use rand_core::Rng;
use serde::Deserialize;

use super::super::{BodyChange, Filter, Next, Step, Visit};
use super::name;

/// Longer ones are not worth a place in every log.
const LONGEST: usize = 128;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Settings {
    header: String,
    /// Whether an id that came along is kept.
    keep: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            header: "x-request-id".to_owned(),
            keep: false,
        }
    }
}

pub(super) struct RequestId {
    header: HeaderName,
    keep: bool,
}

#[derive(Clone)]
struct Id(HeaderValue);

impl RequestId {
    pub(super) fn new(settings: Settings) -> Result<Self, String> {
        Ok(Self {
            header: name("header", &settings.header)?,
            keep: settings.keep,
        })
    }
}

impl Filter for RequestId {
    fn request<'a>(&'a self, head: &'a mut request::Parts, visit: &'a mut Visit) -> Step<'a, Next> {
        let mut came = head.headers.get_all(&self.header).iter();
        let only = came.next().filter(|_| came.next().is_none());
        let kept = only.filter(|id| self.keep && is_sound(id)).cloned();
        let id = kept.map_or_else(|| uuid(&mut visit.rng), Some);
        if let Some(id) = id {
            head.headers.insert(self.header.clone(), id.clone());
            visit.notes.insert(Id(id));
        }
        Box::pin(ready(Ok(Next::Continue)))
    }

    fn response<'a>(
        &'a self,
        head: &'a mut response::Parts,
        visit: &'a mut Visit,
    ) -> Step<'a, Option<BodyChange>> {
        if let Some(Id(id)) = visit.notes.remove() {
            head.headers.insert(self.header.clone(), id);
        }
        Box::pin(ready(Ok(None)))
    }
}

fn is_sound(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=LONGEST).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// A random UUID (RFC 9562, section 5.4).
fn uuid(rng: &mut impl Rng) -> Option<HeaderValue> {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    let random = u128::from_be_bytes(bytes);
    let version = (random & !(0xf << 76)) | (4 << 76);
    let variant = (version & !(0b11 << 62)) | (0b10 << 62);
    let hex = format!("{variant:032x}");
    let (a, b, c, d, e) = (
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    );
    HeaderValue::try_from(format!("{a}-{b}-{c}-{d}-{e}")).ok()
}
