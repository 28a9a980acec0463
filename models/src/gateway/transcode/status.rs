//! The status of a call, as HTTP and as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Response, StatusCode};
use prost::Message;
use prost_reflect::prost_types::Any;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};

use super::template::decode;
use crate::http::{Body, full};

/// `google.rpc.Status`, as it is in `grpc-status-details-bin`.
#[derive(Clone, PartialEq, prost::Message)]
struct Details {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// How a call ended.
#[derive(Debug)]
pub(super) struct Status {
    code: i32,
    message: String,
    details: Vec<Any>,
}

impl Status {
    fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Vec::new(),
        }
    }

    pub(super) fn unknown(message: impl Into<String>) -> Self {
        Self::new(2, message)
    }

    pub(super) fn exhausted(message: impl Into<String>) -> Self {
        Self::new(8, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(13, message)
    }

    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(14, message)
    }

    /// What trailers, or the head of an answer without messages, say; none if they say nothing.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let code = headers.get("grpc-status")?;
        // A status that cannot be read is none that says that all went well.
        let code = code.to_str().ok().and_then(|code| code.parse().ok());
        let details = text("grpc-status-details-bin")
            .and_then(|text| STANDARD_INDIFFERENT.decode(text).ok())
            .and_then(|bytes| Details::decode(&*bytes).ok());
        Some(Self {
            code: code.unwrap_or(2),
            message: decode(text("grpc-message").unwrap_or_default(), false),
            details: details.map(|status| status.details).unwrap_or_default(),
        })
    }

    pub(super) const fn is_ok(&self) -> bool {
        self.code == 0
    }

    /// The mapping of `google/rpc/code.proto`.
    pub(super) fn http(&self) -> StatusCode {
        let status = match self.code {
            0 => 200,
            1 => 499,
            3 | 9 | 11 => 400,
            4 => 504,
            5 => 404,
            6 | 10 => 409,
            7 => 403,
            8 => 429,
            12 => 501,
            14 => 503,
            16 => 401,
            _ => 500,
        };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// An answer with this status and `google.rpc.Status` as JSON.
    pub(super) fn response(&self, pool: &DescriptorPool) -> Response<Body> {
        let details = self.details.iter().map(|any| detail(any, pool));
        let body = json!({
            "code": self.code,
            "message": self.message,
            "details": details.collect::<Vec<_>>(),
        });
        let mut response = Response::new(full(body.to_string()));
        *response.status_mut() = self.http();
        response
    }
}

/// Trailers come with and without padding.
const STANDARD_INDIFFERENT: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

/// A detail as JSON; one of a type that nobody described keeps its bytes.
fn detail(any: &Any, pool: &DescriptorPool) -> Value {
    let name = any.type_url.rsplit('/').next().unwrap_or_default();
    let message = pool.get_message_by_name(name);
    let message = message.and_then(|kind| DynamicMessage::decode(kind, &*any.value).ok());
    let value = message.and_then(|message| serde_json::to_value(&message).ok());
    match value {
        Some(Value::Object(mut fields)) => {
            fields.insert("@type".to_owned(), Value::from(any.type_url.as_str()));
            Value::Object(fields)
        }
        Some(value) => json!({"@type": any.type_url, "value": value}),
        None => json!({"@type": any.type_url, "value": STANDARD.encode(&any.value)}),
    }
}
