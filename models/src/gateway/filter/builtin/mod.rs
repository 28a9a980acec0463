//! The filters that every gateway has.

mod compression;
mod cors;
mod fault;
mod request_id;
mod security_headers;

use http::{HeaderName, HeaderValue};

use super::Registry;

pub(super) fn all(registry: Registry) -> Registry {
    registry
        .with("compression", compression::Compression::new)
        .with("cors", cors::Cors::new)
        .with("fault", fault::Fault::new)
        .with("request-id", request_id::RequestId::new)
        .with("security-headers", security_headers::SecurityHeaders::new)
}

/// A header's name out of a setting.
fn name(setting: &str, text: &str) -> Result<HeaderName, String> {
    HeaderName::try_from(text).map_err(|_| format!("`{setting}` has `{text}`, no header name"))
}

/// A header's value out of a setting.
fn value(setting: &str, text: &str) -> Result<HeaderValue, String> {
    HeaderValue::try_from(text).map_err(|_| format!("`{setting}` has a value no header can have"))
}
