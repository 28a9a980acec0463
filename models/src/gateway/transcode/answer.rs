//! From the answer of a call to the answer of a request.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRAILER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::frames::Frames;
use super::is_grpc;
use super::rule::Rule;
use super::status::Status;
use crate::gateway::config::Transcode;
use crate::gateway::{REFUSED_BY, Refusal};
use crate::http::{Body, BoxError, boxed, full};

/// A call under way.
pub(in crate::gateway) struct Call {
    pub(super) pool: DescriptorPool,
    pub(super) rule: Arc<Rule>,
    pub(super) settings: Arc<Transcode>,
    /// Whether a stream is answered in lines.
    pub(super) lines: bool,
}

impl Call {
    /// The answer for the client. What the gateway itself refused stays as it is.
    ///
    /// # Cancellation
    ///
    /// Dropping the future, or the body of its answer, drops the call's.
    pub(in crate::gateway) async fn answer(
        self,
        answer: Response<Body>,
        until: Instant,
    ) -> Response<Body> {
        let (head, body) = answer.into_parts();
        if head.headers.contains_key(REFUSED_BY) {
            return Response::from_parts(head, body);
        }
        let made = if head.status != StatusCode::OK || !is_grpc(&head.headers) {
            Err(not_grpc(head.status))
        } else if let Some(status) = Status::read(&head.headers).filter(|status| !status.is_ok()) {
            Err(status)
        } else {
            let frames = Frames::new(body, self.settings.max_message);
            let reading = self.body(frames);
            match timeout_at(until, reading).await {
                Ok(made) => made,
                Err(_) => return Refusal::Deadline.response("gateway"),
            }
        };
        let mut response = match made {
            Ok(body) => Response::new(body),
            Err(status) => status.response(&self.pool),
        };
        let lines = self.lines && self.rule.method.is_server_streaming();
        let kind = match (lines, response.status()) {
            (true, StatusCode::OK) => "application/x-ndjson",
            _ => "application/json",
        };
        *response.headers_mut() = plain(head.headers, kind);
        response
    }

    async fn body(&self, mut frames: Frames) -> Result<Body, Status> {
        let first = frames.next().await?;
        let shape = Shape {
            rule: self.rule.clone(),
            settings: self.settings.clone(),
        };
        if self.rule.method.is_server_streaming() {
            let first = first.map(|first| shape.json(first)).transpose()?;
            return Ok(streamed(shape, frames, first, self.lines));
        }
        let first = first.ok_or_else(|| Status::internal("no message came"))?;
        // Success is known at the trailers only.
        if frames.next().await?.is_some() {
            return Err(Status::internal("more than one message came"));
        }
        Ok(full(shape.json(first)?))
    }
}

/// How messages become JSON.
struct Shape {
    rule: Arc<Rule>,
    settings: Arc<Transcode>,
}

impl Shape {
    fn json(&self, message: Bytes) -> Result<Vec<u8>, Status> {
        let wrong =
            |error: &dyn std::fmt::Display| Status::internal(format!("no message: {error}"));
        let message = DynamicMessage::decode(self.rule.method.output(), message);
        let message = message.map_err(|error| wrong(&error))?;
        let mut value = self.value(&message, self.settings.write_defaults)?;
        if let Some(field) = &self.rule.response_body {
            let key = match self.settings.preserve_proto_names {
                true => field.name(),
                false => field.json_name(),
            };
            if value.get(key).is_none() {
                value = self.value(&message, true)?;
            }
            value = value.get_mut(key).map(Value::take).unwrap_or_default();
        }
        serde_json::to_vec(&value).map_err(|error| wrong(&error))
    }

    fn value(&self, message: &DynamicMessage, defaults: bool) -> Result<Value, Status> {
        let options = SerializeOptions::new()
            .stringify_64_bit_integers(true)
            .use_enum_numbers(self.settings.enums_as_numbers)
            .use_proto_field_name(self.settings.preserve_proto_names)
            .skip_default_fields(!defaults);
        message
            .serialize_with_options(serde_json::value::Serializer, &options)
            .map_err(|error| Status::internal(format!("no JSON: {error}")))
    }
}

/// Where a streamed body is.
enum At {
    First(Option<Vec<u8>>),
    Later,
    End,
}

/// Message by message, each only when it is asked for.
fn streamed(shape: Shape, frames: Frames, first: Option<Vec<u8>>, lines: bool) -> Body {
    let begin = (shape, frames, At::First(first));
    boxed(StreamBody::new(stream::unfold(
        begin,
        move |state| async move {
            let (shape, mut frames, at) = state;
            let (data, next) = match at {
                At::End => return None,
                At::First(None) if lines => return None,
                At::First(None) => (Ok(Bytes::from_static(b"[]")), At::End),
                At::First(Some(first)) => (Ok(piece(&first, true, lines)), At::Later),
                At::Later => match frames.next().await {
                    Ok(Some(message)) => match shape.json(message) {
                        Ok(json) => (Ok(piece(&json, false, lines)), At::Later),
                        Err(status) => (Err(broken(&status)), At::End),
                    },
                    Ok(None) if lines => return None,
                    Ok(None) => (Ok(Bytes::from_static(b"]")), At::End),
                    Err(status) => (Err(broken(&status)), At::End),
                },
            };
            Some((data.map(Frame::data), (shape, frames, next)))
        },
    )))
}

fn piece(json: &[u8], first: bool, lines: bool) -> Bytes {
    let mut out = BytesMut::with_capacity(json.len() + 1);
    match (lines, first) {
        (true, _) => {}
        (false, true) => out.put_u8(b'['),
        (false, false) => out.put_u8(b','),
    }
    out.put_slice(json);
    if lines {
        out.put_u8(b'\n');
    }
    out.freeze()
}

/// The head is gone; all that is left is not to look complete.
fn broken(status: &Status) -> BoxError {
    format!("the call ended badly: {status:?}").into()
}

/// What an answer that is no gRPC means (gRPC, HTTP to status code mapping).
fn not_grpc(status: StatusCode) -> Status {
    let message = format!("the service answered {status}, not by gRPC");
    match status.as_u16() {
        429 | 502..=504 => Status::unavailable(message),
        _ => Status::unknown(message),
    }
}

/// The headers that mean something outside of gRPC.
fn plain(mut headers: HeaderMap, kind: &'static str) -> HeaderMap {
    for name in [
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "grpc-encoding",
        "grpc-accept-encoding",
    ] {
        headers.remove(name);
    }
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRAILER);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers
}
