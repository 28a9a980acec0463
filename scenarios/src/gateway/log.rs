//! Where the lines of the access log go.

use super::material::Material;
use crate::format::{AccessLogSettings, LineFormat, LogTarget};
use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    fs::OpenOptions,
    io::{AsyncWrite, stdout},
    sync::watch,
};
use tracing::warn;
use windtunnel_models::gateway::access_log::{AccessLog, LogFormat, Writer};

/// The log, and the writer of its lines. Where nobody wants lines there is none.
pub fn open(settings: &AccessLogSettings) -> Option<(AccessLog, Writer)> {
    if settings.to == LogTarget::Off {
        return None;
    }
    let format = match settings.format {
        LineFormat::Json => LogFormat::Json,
        LineFormat::Text => LogFormat::Text,
    };
    let clock = Arc::new(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // Before 1970 nobody asks.
        since.unwrap_or(Duration::ZERO)
    });
    Some(AccessLog::new(format, settings.queue, clock))
}

/// What the writer is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// How often it was told to open its file anew.
    pub opened: u64,
    /// Whether it shall write what is left, and end.
    pub ended: bool,
}

type Sink = Box<dyn AsyncWrite + Send + Unpin>;

/// Writes until it is told to end. A file that cannot be opened anew is written on with.
pub async fn write(
    mut writer: Writer,
    to: LogTarget,
    material: Material,
    mut sink: Sink,
    mut orders: watch::Receiver<Orders>,
) {
    loop {
        let told = async {
            // Whoever gives no orders any more is gone.
            let _ = orders.changed().await;
        };
        writer.run(&mut sink, told).await;
        let gone = orders.has_changed().is_err();
        if gone || orders.borrow_and_update().ended {
            return writer.finish(&mut sink).await;
        }
        match target(&to, &material).await {
            Ok(opened) => sink = opened,
            Err(error) => warn!(target: "gateway", %error, "access log not opened anew"),
        }
    }
}

/// Opens where the lines go.
///
/// # Errors
/// A file that cannot be opened, with its name.
pub async fn target(to: &LogTarget, material: &Material) -> io::Result<Sink> {
    let LogTarget::File(path) = to else {
        return Ok(Box::new(stdout()));
    };
    let path = material.path(path);
    let mut options = OpenOptions::new();
    match options.create(true).append(true).open(&path).await {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => {
            let message = format!("failed to open {}: {error}", path.display());
            Err(io::Error::new(error.kind(), message))
        }
    }
}
