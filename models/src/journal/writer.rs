//! Opening a journal and appending to it.

use super::{
    error::JournalError,
    frame::{LARGEST, frame, records},
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Mutex,
};

/// A handle of an open journal. Clones append to the same file.
#[derive(Clone, Debug)]
pub struct Journal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// The end that is written to; held while a record is written.
    file: Mutex<File>,
    /// Another handle of the same file; held while it is synced.
    syncing: Mutex<File>,
    written: AtomicU64,
    durable: AtomicU64,
    sync: bool,
}

impl Journal {
    /// Opens the journal at `path`, making it and its directory if they are missing; gives the
    /// records in it. A torn tail is cut off.
    ///
    /// # Errors
    /// If the file system refuses, or a record before the tail is damaged.
    pub async fn open(path: impl AsRef<Path>) -> Result<(Self, Vec<Vec<u8>>), JournalError> {
        Self::open_with(path, true).await
    }

    /// As [`Self::open`]; with `sync` off, appends return without an fsync. Only a test that looks
    /// for lost promises wants that.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(
        path: impl AsRef<Path>,
        sync: bool,
    ) -> Result<(Self, Vec<Vec<u8>>), JournalError> {
        let path = path.as_ref().to_path_buf();
        let told = |source| JournalError::Io {
            path: path.clone(),
            source,
        };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).await.map_err(told)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let mut file = options.open(&path).await.map_err(told)?;
        let mut contents = Vec::new();
        file.read_to_end(&mut contents).await.map_err(told)?;
        let (found, end) = records(&contents).map_err(|offset| JournalError::Damaged {
            path: path.clone(),
            offset: offset as u64,
        })?;
        if end < contents.len() {
            file.set_len(end as u64).await.map_err(told)?;
        }
        file.sync_all().await.map_err(told)?;
        let syncing = Mutex::new(file.try_clone().await.map_err(told)?);
        let (written, durable) = (AtomicU64::new(0), AtomicU64::new(0));
        let file = Mutex::new(file);
        let inner = Inner {
            path,
            file,
            syncing,
            written,
            durable,
            sync,
        };
        Ok((
            Self {
                inner: Arc::new(inner),
            },
            found,
        ))
    }

    /// Appends a record; it is durable when this returns.
    ///
    /// Cancellation: the record is written and synced all the same, so that no half record is ever
    /// followed by another.
    ///
    /// # Errors
    /// If the file system refuses or the record is too large. It is not known then whether the
    /// record is there.
    pub async fn append(&self, record: &[u8]) -> Result<(), JournalError> {
        if record.len() > LARGEST {
            return Err(JournalError::TooLarge(record.len()));
        }
        let (inner, framed) = (self.inner.clone(), frame(record));
        let writing = tokio::spawn(async move {
            let told = inner.append(&framed).await;
            told.map_err(|source| JournalError::Io {
                path: inner.path.clone(),
                source,
            })
        });
        writing.await.unwrap_or(Err(JournalError::Cut))
    }
}

impl Inner {
    async fn append(&self, framed: &[u8]) -> io::Result<()> {
        let number = {
            let mut file = self.file.lock().await;
            file.write_all(framed).await?;
            file.flush().await?;
            self.written.fetch_add(1, Ordering::Relaxed) + 1
        };
        if !self.sync {
            return Ok(());
        }
        // Whoever comes while a sync is under way waits for it and finds, most often, that the next
        // one covers all of them.
        let file = self.syncing.lock().await;
        if self.durable.load(Ordering::Relaxed) >= number {
            return Ok(());
        }
        let covers = self.written.load(Ordering::Relaxed);
        file.sync_data().await?;
        self.durable.store(covers, Ordering::Relaxed);
        Ok(())
    }
}
