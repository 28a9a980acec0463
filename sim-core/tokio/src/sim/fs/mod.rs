//! The engine's disks in tokio's clothes. Each host has its own, which its processes outlive.

mod directory;
mod file;
mod metadata;
mod open_options;

pub use directory::{DirEntry, ReadDir, read_dir};
pub use file::File;
pub use open_options::OpenOptions;

use crate::sim::io::{AsyncReadExt, AsyncWriteExt};
use metadata::Metadata;
use std::{
    io,
    path::{Path, PathBuf},
};
use windtunnel_engine::disk;

/// The contents of a file.
///
/// # Errors
/// As [`File::open`].
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    File::open(path).await?.read_to_end(&mut contents).await?;
    Ok(contents)
}

/// The contents of a text file.
///
/// # Errors
/// As [`read`], and `InvalidData` if it is not UTF-8.
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let mut contents = String::new();
    File::open(path)
        .await?
        .read_to_string(&mut contents)
        .await?;
    Ok(contents)
}

/// Replaces the contents of a file, or makes it. Not durable before an fsync.
///
/// # Errors
/// As [`File::create`].
pub async fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let mut file = File::create(path).await?;
    file.write_all(contents.as_ref()).await?;
    file.flush().await
}

/// Copies the contents of a file to another, which is made or emptied; how many bytes that were.
///
/// # Errors
/// `NotFound`, `InvalidInput` if the first is a directory, and as [`write`](fn@write).
pub async fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    if disk::metadata(from.as_ref())?.is_dir {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "only files can be copied",
        ));
    }
    let contents = read(from).await?;
    write(to, &contents).await?;
    Ok(contents.len() as u64)
}

/// The absolute path of what is there, without `.` and `..`.
///
/// # Errors
/// `NotFound`.
pub async fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    disk::canonicalize(path.as_ref())
}

/// Gives a file a second name.
///
/// # Errors
/// As the standard library's.
pub async fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    disk::hard_link(original.as_ref(), link.as_ref())
}

/// Gives a file another name.
///
/// # Errors
/// As the standard library's.
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    disk::rename(from.as_ref(), to.as_ref())
}

/// Removes a file.
///
/// # Errors
/// As the standard library's.
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    disk::remove_file(path.as_ref())
}

/// Makes a directory in one that is there.
///
/// # Errors
/// As the standard library's.
pub async fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    disk::create_dir(path.as_ref())
}

/// Removes an empty directory.
///
/// # Errors
/// As the standard library's.
pub async fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    disk::remove_dir(path.as_ref())
}

/// Makes a directory and all above it.
///
/// # Errors
/// As the standard library's.
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    disk::create_dir_all(path.as_ref())
}

/// Removes a directory with everything below it.
///
/// # Errors
/// As the standard library's.
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    disk::remove_dir_all(path.as_ref())
}

/// Whether a file or directory of this name is there.
///
/// # Errors
/// If that cannot be told.
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    match disk::metadata(path.as_ref()) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What is known of a file without opening it.
///
/// # Errors
/// `NotFound`.
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    disk::metadata(path.as_ref()).map(Metadata)
}
