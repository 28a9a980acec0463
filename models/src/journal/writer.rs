//! Opening a journal, appending to it and making it shorter.

use super::{
    error::JournalError,
    frame::{LARGEST, frame, records},
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
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
    /// Another handle of the same file; held while it is synced. Taken after `file`, never before.
    syncing: Mutex<File>,
    written: AtomicU64,
    durable: AtomicU64,
    /// Bytes of whole records.
    size: AtomicU64,
    /// What is on the disk is not known any more.
    broken: AtomicBool,
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
        let inner = Inner {
            path,
            file: Mutex::new(file),
            syncing,
            written: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            size: AtomicU64::new(end as u64),
            broken: AtomicBool::new(false),
            sync,
        };
        let inner = Arc::new(inner);
        Ok((Self { inner }, found))
    }

    /// How many bytes its records take on the disk, frames included.
    pub fn size(&self) -> u64 {
        self.inner.size.load(Ordering::Relaxed)
    }

    /// Appends a record; it is durable when this returns.
    ///
    /// Cancellation: the record is written and synced all the same, so that no half record is ever
    /// followed by another.
    ///
    /// # Errors
    /// If the file system refuses or the record is too large. It is not known then whether the
    /// record is there. A half record is taken back; where that fails, and after a failed fsync, the
    /// journal is [`JournalError::Broken`] until it is opened anew.
    pub async fn append(&self, record: &[u8]) -> Result<(), JournalError> {
        if record.len() > LARGEST {
            return Err(JournalError::TooLarge(record.len()));
        }
        let (inner, framed) = (self.inner.clone(), frame(record));
        let writing = tokio::spawn(async move { inner.append(&framed).await });
        writing.await.unwrap_or(Err(JournalError::Cut))
    }

    /// Puts other records in the place of all that are there: `choose` is given those, in order, and
    /// gives what is to remain. Nothing is appended meanwhile. Whenever the host loses power, the
    /// journal is the old one or the new one, whole.
    ///
    /// Cancellation: it goes on all the same.
    ///
    /// # Errors
    /// If the file system refuses. The journal stays as it was, or is [`JournalError::Broken`].
    pub async fn rewrite(
        &self,
        choose: impl FnOnce(Vec<Vec<u8>>) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Result<(), JournalError> {
        let inner = self.inner.clone();
        let rewriting = tokio::spawn(async move { inner.rewrite(choose).await });
        rewriting.await.unwrap_or(Err(JournalError::Cut))
    }
}

impl Inner {
    fn told(&self, source: io::Error) -> JournalError {
        JournalError::Io {
            path: self.path.clone(),
            source,
        }
    }

    fn usable(&self) -> Result<(), JournalError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(JournalError::Broken(self.path.clone()));
        }
        Ok(())
    }

    /// Marks the journal broken if this failed.
    fn or_break<T>(&self, result: io::Result<T>) -> Result<T, JournalError> {
        result.map_err(|source| {
            self.broken.store(true, Ordering::Relaxed);
            self.told(source)
        })
    }

    async fn append(&self, framed: &[u8]) -> Result<(), JournalError> {
        let number = {
            let mut file = self.file.lock().await;
            self.usable()?;
            let whole = self.size.load(Ordering::Relaxed);
            if let Err(source) = write(&mut file, framed).await {
                // A record behind half a record could never be read again.
                self.or_break(file.set_len(whole).await)?;
                return Err(self.told(source));
            }
            self.size
                .store(whole + framed.len() as u64, Ordering::Relaxed);
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
        // After a failed fsync the kernel forgets what it could not write: the next one would
        // succeed and promise what is lost.
        self.usable()?;
        let covers = self.written.load(Ordering::Relaxed);
        self.or_break(file.sync_data().await)?;
        self.durable.store(covers, Ordering::Relaxed);
        Ok(())
    }

    async fn rewrite(
        &self,
        choose: impl FnOnce(Vec<Vec<u8>>) -> Vec<Vec<u8>>,
    ) -> Result<(), JournalError> {
        let mut file = self.file.lock().await;
        let mut syncing = self.syncing.lock().await;
        self.usable()?;
        let contents = fs::read(&self.path)
            .await
            .map_err(|source| self.told(source))?;
        let (found, _) = records(&contents).map_err(|offset| JournalError::Damaged {
            path: self.path.clone(),
            offset: offset as u64,
        })?;
        let new: Vec<u8> = choose(found)
            .iter()
            .flat_map(|record| frame(record))
            .collect();
        let aside = self.path.with_added_extension("rewriting");
        let prepared = prepare(&aside, &new).await;
        let (next, next_syncing) = prepared.map_err(|source| self.told(source))?;
        fs::rename(&aside, &self.path)
            .await
            .map_err(|source| self.told(source))?;
        // From here on the name leads to the new file, so appends must go there.
        (*file, *syncing) = (next, next_syncing);
        self.size.store(new.len() as u64, Ordering::Relaxed);
        self.or_break(sync_directory(&self.path).await)?;
        // The new file was synced whole, with all that had been written when `file` was taken.
        let written = self.written.load(Ordering::Relaxed);
        self.durable.store(written, Ordering::Relaxed);
        Ok(())
    }
}

async fn write(file: &mut File, framed: &[u8]) -> io::Result<()> {
    file.write_all(framed).await?;
    file.flush().await
}

/// A synced file with these contents, and another handle of it.
async fn prepare(path: &Path, contents: &[u8]) -> io::Result<(File, File)> {
    // What an earlier attempt left behind when the process ended.
    match fs::remove_file(path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    let mut file = options.open(path).await?;
    write(&mut file, contents).await?;
    file.sync_all().await?;
    let syncing = file.try_clone().await?;
    Ok((file, syncing))
}

/// Makes the name of the file durable.
async fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => {
            File::open(directory).await?.sync_all().await
        }
        _ => File::open(".").await?.sync_all().await,
    }
}

#[cfg(test)]
mod tests;
