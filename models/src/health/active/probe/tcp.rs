//! Opens a connection and, if asked to, exchanges a few bytes.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{Probe, Probed, Probing};
use crate::health::InvalidPolicy;

/// As far as an answer is searched.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Connects to each endpoint; passes once the connection is there and the expected bytes came.
#[derive(Clone, Debug, Default)]
pub struct TcpProbe {
    send: Bytes,
    expect: Bytes,
}

impl TcpProbe {
    /// Passes as soon as somebody listens. That says little: a kernel accepts for a process that hangs.
    pub const fn connect() -> Self {
        Self {
            send: Bytes::new(),
            expect: Bytes::new(),
        }
    }

    /// Sends `send` (perhaps nothing) and waits for an answer with `expect` in it.
    ///
    /// # Errors
    ///
    /// Nothing is expected, or more than 64 KiB.
    pub fn exchange(
        send: impl Into<Bytes>,
        expect: impl Into<Bytes>,
    ) -> Result<Self, InvalidPolicy> {
        let (send, expect) = (send.into(), expect.into());
        if expect.is_empty() {
            return Err(InvalidPolicy::Zero("expect"));
        }
        if expect.len() > LONGEST_ANSWER {
            return Err(InvalidPolicy::OutOfRange("expect"));
        }
        Ok(Self { send, expect })
    }

    async fn ask(&self, endpoint: &str) -> io::Result<Probed> {
        let mut stream = TcpStream::connect(endpoint).await?;
        if !self.send.is_empty() {
            stream.write_all(&self.send).await?;
        }
        let mut answer = BytesMut::new();
        while !contains(&answer, &self.expect) {
            if answer.len() >= LONGEST_ANSWER || stream.read_buf(&mut answer).await? == 0 {
                return Ok(Probed::Failed);
            }
        }
        Ok(Probed::Passed)
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    word.is_empty() || text.windows(word.len()).any(|window| window == word)
}

impl Probe for TcpProbe {
    fn probe<'a>(&'a self, endpoint: &'a Arc<str>, _: Instant) -> Probing<'a> {
        Box::pin(async move { self.ask(endpoint).await.unwrap_or(Probed::Failed) })
    }
}
