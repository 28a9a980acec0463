//! Connections that change their protocol: bytes go both ways, and nobody looks inside.
//!
//! The endpoint's slot and the request's record are held until either side closes, nothing came for the
//! idle time-out, or the server in front cuts the connection. No deadline of the request applies any more.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Version};
use hyper::upgrade::OnUpgrade;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::time::{Instant, sleep_until, timeout};

use super::config::Upgrade;
use super::flight::Flight;
use super::hops::tokens;
use super::observer::End;
use super::record::Record;
use crate::chance::nanos;
use crate::http::{Plain, Tenure};
use crate::trace;

/// How long the two connections may take to be handed over after the answer that changes them.
const HANDOVER: Duration = Duration::from_secs(10);

/// A protocol that a client asked to change to, and its side of the connection.
pub(super) struct AskedFor {
    protocol: HeaderValue,
    ours: OnUpgrade,
    tenure: Option<Tenure>,
}

/// What a request asks to change to: one protocol, over a connection that can be taken over. Anything
/// else is an ordinary request.
pub(super) fn asked_for(head: &mut http::request::Parts) -> Option<AskedFor> {
    let mut protocols = head.headers.get_all(UPGRADE).iter();
    let protocol = protocols.next().filter(|_| protocols.next().is_none())?;
    let named =
        tokens(&head.headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    let alone = !protocol.as_bytes().contains(&b',');
    let has_body = head.headers.contains_key(http::header::CONTENT_LENGTH)
        || head.headers.contains_key(http::header::TRANSFER_ENCODING);
    let fits = head.method == Method::GET && head.version == Version::HTTP_11 && !has_body;
    if !(named && alone && fits) {
        return None;
    }
    let protocol = protocol.clone();
    Some(AskedFor {
        protocol,
        ours: head.extensions.remove::<OnUpgrade>()?,
        tenure: head.extensions.remove::<Tenure>(),
    })
}

impl AskedFor {
    /// Whether a route has this protocol.
    pub(super) fn is_among(&self, upgrade: Option<&Upgrade>) -> bool {
        let names = upgrade.map(|upgrade| upgrade.protocols.iter());
        let asked = self.protocol.as_bytes();
        names.is_some_and(|mut names| names.any(|name| name.as_bytes().eq_ignore_ascii_case(asked)))
    }

    /// Whether an answer changes to just this protocol.
    pub(super) fn is_granted(&self, headers: &HeaderMap) -> bool {
        let mut granted = headers.get_all(UPGRADE).iter();
        let only = granted.next().filter(|_| granted.next().is_none());
        let asked = self.protocol.as_bytes();
        only.is_some_and(|granted| granted.as_bytes().eq_ignore_ascii_case(asked))
    }

    /// Writes what asks for, or grants, the change on one hop.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, self.protocol.clone());
    }

    /// Tells the server in front, which reads what comes as requests, that no more will come.
    fn announce(&self) {
        if let Some(tenure) = &self.tenure {
            tenure.changes_protocol();
        }
    }

    /// Carries bytes between both sides, in a task of its own.
    pub(super) fn connect(self, theirs: OnUpgrade, flight: Flight, record: Record, idle: Duration) {
        self.announce();
        tokio::spawn(trace::within(Some(record.trace), async move {
            let carrying = carry(self.ours, theirs, idle);
            let end = tokio::select! {
                biased;
                end = carrying => end,
                () = cut(self.tenure.as_ref()) => End::BrokenOff,
            };
            flight.complete();
            record.ended(end);
            // The server in front waits for this; it is the last to go.
            drop(self.tenure);
        }));
    }
}

async fn cut(tenure: Option<&Tenure>) {
    match tenure {
        Some(tenure) => tenure.cut().await,
        None => std::future::pending().await,
    }
}

async fn carry(ours: OnUpgrade, theirs: OnUpgrade, idle: Duration) -> End {
    let both = async { tokio::try_join!(ours, theirs) };
    let Ok(Ok((ours, theirs))) = timeout(HANDOVER, both).await else {
        return End::BrokenOff;
    };
    let clock = Clock::new();
    let mut ours = Watched::new(Plain::new(ours), clock.clone());
    let mut theirs = Watched::new(Plain::new(theirs), clock.clone());
    tokio::select! {
        biased;
        copied = copy_bidirectional(&mut ours, &mut theirs) => match copied {
            Ok(_) => End::Complete,
            Err(_) => End::BrokenOff,
        },
        () = clock.idle_for(idle) => End::BrokenOff,
    }
}

/// When the last byte came.
#[derive(Clone)]
struct Clock {
    began: Instant,
    last: Arc<AtomicU64>,
}

impl Clock {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            last: Arc::default(),
        }
    }

    fn tick(&self) {
        let now = nanos(self.began.elapsed());
        self.last.store(now, Ordering::Relaxed);
    }

    /// Waits until no byte has come for so long.
    async fn idle_for(&self, time: Duration) {
        loop {
            let last = Duration::from_nanos(self.last.load(Ordering::Relaxed));
            let Some(end) = self.began.checked_add(last.saturating_add(time)) else {
                return std::future::pending().await;
            };
            if Instant::now() >= end {
                return;
            }
            sleep_until(end).await;
        }
    }
}

pin_project! {
    /// A stream that tells a clock of every byte that comes.
    struct Watched<S> {
        #[pin]
        stream: S,
        clock: Clock,
    }
}

impl<S> Watched<S> {
    const fn new(stream: S, clock: Clock) -> Self {
        Self { stream, clock }
    }
}

impl<S: AsyncRead> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.project();
        ready!(this.stream.poll_read(cx, buf))?;
        this.clock.tick();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.project().stream.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.project().stream.poll_shutdown(cx)
    }
}
