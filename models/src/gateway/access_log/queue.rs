//! From those who answer to the one who writes.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::Clock;
use super::line::{LogFormat, line};
use crate::gateway::telemetry::{Family, Kind, Source};
use crate::gateway::{Access, Observer};

/// So many lines are written at once at most.
const BATCH: usize = 256;

/// An observer that puts a line for every request into a queue; clones share it.
#[derive(Clone)]
pub struct AccessLog {
    queue: Sender<String>,
    counts: Arc<Counts>,
    clock: Clock,
    format: LogFormat,
}

#[derive(Debug, Default)]
struct Counts {
    dropped: AtomicU64,
    written: AtomicU64,
}

/// Writes what is in the queue.
#[derive(Debug)]
pub struct Writer {
    queue: Receiver<String>,
    counts: Arc<Counts>,
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog")
            .field("format", &self.format)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl AccessLog {
    /// A log whose queue holds so many lines (at least one), and the writer of its lines.
    pub fn new(format: LogFormat, capacity: usize, clock: Clock) -> (Self, Writer) {
        let (sender, queue) = mpsc::channel(capacity.max(1));
        let counts = Arc::<Counts>::default();
        let writer = Writer {
            queue,
            counts: counts.clone(),
        };
        let log = Self {
            queue: sender,
            counts,
            clock,
            format,
        };
        (log, writer)
    }

    /// Lines that were thrown away: the queue was full, or could not be written.
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }
}

impl Observer for AccessLog {
    fn access(&self, access: &Access<'_>) {
        // A place first: no line is made for nobody.
        match self.queue.try_reserve() {
            Ok(place) => place.send(line(access, (self.clock)(), self.format)),
            Err(_) => drop(self.counts.dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

impl Source for AccessLog {
    fn gather(&self) -> Vec<Family> {
        let counter = |name, help, count: &AtomicU64| {
            Family::single(name, Kind::Counter, help, count.load(Ordering::Relaxed))
        };
        vec![
            counter(
                "gateway_access_log_lines",
                "Lines of the access log that were written.",
                &self.counts.written,
            ),
            counter(
                "gateway_access_log_dropped",
                "Lines of the access log that were thrown away: its queue was full, or they could not be written.",
                &self.counts.dropped,
            ),
        ]
    }
}

impl Writer {
    /// Writes lines into `sink` until `until` completes; those that come later wait in the queue. A sink
    /// that fails loses the lines that it was given, and is given the next ones.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the lines that were taken out of the queue; no other.
    pub async fn run(
        &mut self,
        sink: &mut (impl AsyncWrite + Unpin),
        until: impl Future<Output = ()>,
    ) {
        let mut until = pin!(until);
        let mut lines = Vec::with_capacity(BATCH);
        loop {
            let taken = tokio::select! {
                biased;
                () = &mut until => return,
                taken = self.queue.recv_many(&mut lines, BATCH) => taken,
            };
            if taken == 0 {
                // Nobody is left to tell anything.
                return until.await;
            }
            self.write(&mut lines, sink).await;
        }
    }

    /// Writes what is in the queue, and takes nothing any more.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses what is not written yet.
    pub async fn finish(mut self, sink: &mut (impl AsyncWrite + Unpin)) {
        self.queue.close();
        let mut lines = Vec::with_capacity(BATCH);
        while self.queue.recv_many(&mut lines, BATCH).await > 0 {
            self.write(&mut lines, sink).await;
        }
    }

    async fn write(&self, lines: &mut Vec<String>, sink: &mut (impl AsyncWrite + Unpin)) {
        let (text, count) = (lines.concat(), lines.len() as u64);
        lines.clear();
        let written = async {
            sink.write_all(text.as_bytes()).await?;
            sink.flush().await
        };
        let counter = match written.await {
            Ok(()) => &self.counts.written,
            Err(_) => &self.counts.dropped,
        };
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::gateway::End;

    fn tell(log: &AccessLog, path: &str) {
        log.access(&Access {
            client: None,
            method: &Method::GET,
            host: "",
            path,
            route: None,
            upstream: None,
            endpoint: None,
            status: None,
            attempts: 0,
            latency: Duration::ZERO,
            refusal: None,
            end: End::CallerLeft,
            trace: 0,
        });
    }

    fn log(capacity: usize) -> (AccessLog, Writer) {
        AccessLog::new(LogFormat::Text, capacity, Arc::new(|| Duration::ZERO))
    }

    fn paths(text: &str) -> Vec<&str> {
        let lines = text.lines();
        let path = |line: &'_ str| line.split_once("path=").map(|(_, rest)| rest.len());
        assert!(text.lines().all(|line| path(line).is_some()), "{text}");
        lines
            .filter_map(|line| line.split_once("path=")?.1.split(' ').next())
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_finds_the_queue_full_is_dropped_and_counted() {
        let (log, writer) = log(2);
        for path in ["/1", "/2", "/3", "/4"] {
            tell(&log, path);
        }
        assert_eq!(log.dropped(), 2);
        let mut sink = Vec::new();
        writer.finish(&mut sink).await;
        let text = String::from_utf8(sink).expect("text");
        assert_eq!(paths(&text), ["/1", "/2"]);
        tell(&log, "/5");
        assert_eq!(log.dropped(), 3, "nobody writes any more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_that_takes_nothing_holds_up_nobody_who_answers() {
        let (log, writer) = log(4);
        let (sink, mut reader) = tokio::io::duplex(1);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let writing = tokio::spawn(async move {
            let (mut writer, mut sink) = (writer, sink);
            let stopped = async {
                let _ = stopped.await;
            };
            writer.run(&mut sink, stopped).await;
            writer.finish(&mut sink).await;
        });
        tell(&log, "/0");
        tokio::task::yield_now().await;
        for _ in 0..100 {
            tell(&log, "/more");
        }
        assert!(log.dropped() >= 95, "{}", log.dropped());
        drop(stop);
        let mut text = String::new();
        let read = reader.read_to_string(&mut text).await;
        read.expect("it is written as soon as somebody takes it");
        writing.await.expect("no panic");
        assert_eq!(log.dropped() + text.lines().count() as u64, 101);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_written_is_counted_as_dropped() {
        let (log, writer) = log(4);
        let (mut sink, reader) = tokio::io::duplex(1);
        drop(reader);
        tell(&log, "/lost");
        writer.finish(&mut sink).await;
        assert_eq!(log.dropped(), 1);
    }
}
