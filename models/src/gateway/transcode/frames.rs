//! Messages out of a gRPC body: five bytes in front of each, the status behind the last.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;

use super::status::Status;
use crate::http::Body;

const PREFIX: usize = 5;

/// Reads message by message; holds no more than one and what came with it.
pub(super) struct Frames {
    body: Body,
    buffer: BytesMut,
    max: usize,
    trailers: Option<HeaderMap>,
}

impl Frames {
    pub(super) fn new(body: Body, max: usize) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            max,
            trailers: None,
        }
    }

    /// The next message; none behind the last, if all went well.
    ///
    /// # Errors
    ///
    /// The status that the trailers have, unless it is success; or what is wrong with the stream.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if let Some(message) = self.message()? {
                return Ok(Some(message));
            }
            match self.body.frame().await {
                Some(Err(error)) => {
                    return Err(Status::unavailable(format!(
                        "the service broke off: {error}"
                    )));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.buffer.extend_from_slice(&data),
                    Err(frame) => self.trailers = frame.into_trailers().ok(),
                },
                None => {
                    let trailers = self.trailers.take().unwrap_or_default();
                    let status = Status::read(&trailers);
                    let status = status.unwrap_or_else(|| Status::unknown("no status came"));
                    if !status.is_ok() {
                        return Err(status);
                    }
                    if !self.buffer.is_empty() {
                        return Err(Status::internal("a message broke off"));
                    }
                    return Ok(None);
                }
            }
        }
    }

    fn message(&mut self) -> Result<Option<Bytes>, Status> {
        let Some(prefix) = self.buffer.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let [compressed, length @ ..] = *prefix;
        if compressed != 0 {
            return Err(Status::internal("a message is compressed, unasked"));
        }
        let length = u32::from_be_bytes(length) as usize;
        if length > self.max {
            let problem = format!("a message of {length} bytes is larger than {}", self.max);
            return Err(Status::exhausted(problem));
        }
        if self.buffer.len() < PREFIX + length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }
}
