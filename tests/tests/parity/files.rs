//! What files do.

use std::{
    io::{ErrorKind, SeekFrom},
    path::PathBuf,
};
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

/// A directory of the test's own.
async fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("windtunnel-parity-{name}"));
    let _ = fs::remove_dir_all(&path).await;
    fs::create_dir_all(&path).await.expect("it can be made");
    path
}

#[tokio::test]
async fn what_was_written_and_synced_is_read() {
    let path = scratch("written").await.join("file");
    let mut file = File::create(&path).await.expect("made");
    file.write_all(b"some bytes").await.expect("written");
    file.sync_all().await.expect("synced");
    assert_eq!(fs::read(&path).await.expect("read"), b"some bytes");
    assert_eq!(fs::metadata(&path).await.expect("there").len(), 10);
}

#[tokio::test]
async fn appending_goes_to_the_end_wherever_the_cursor_is() {
    let path = scratch("append").await.join("file");
    fs::write(&path, b"one").await.expect("written");
    let mut file = OpenOptions::new()
        .append(true)
        .open(&path)
        .await
        .expect("there");
    file.seek(SeekFrom::Start(0)).await.expect("moved");
    file.write_all(b"two").await.expect("written");
    file.sync_data().await.expect("synced");
    assert_eq!(fs::read(&path).await.expect("read"), b"onetwo");
}

#[tokio::test]
async fn seeking_moves_reads_and_writes() {
    let path = scratch("seek").await.join("file");
    fs::write(&path, b"0123456789").await.expect("written");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .await
        .expect("there");
    file.seek(SeekFrom::End(-4)).await.expect("moved");
    let mut four = [0; 4];
    file.read_exact(&mut four).await.expect("four are left");
    assert_eq!(&four, b"6789");
    file.seek(SeekFrom::Start(2)).await.expect("moved");
    file.write_all(b"xx").await.expect("written");
    file.sync_all().await.expect("synced");
    assert_eq!(fs::read(&path).await.expect("read"), b"01xx456789");
}

#[tokio::test]
async fn what_is_missing_is_not_found() {
    let path = scratch("missing").await.join("nothing");
    for kind in [
        File::open(&path).await.expect_err("missing").kind(),
        fs::metadata(&path).await.expect_err("missing").kind(),
        fs::remove_file(&path).await.expect_err("missing").kind(),
        fs::rename(&path, path.with_extension("x"))
            .await
            .expect_err("missing")
            .kind(),
    ] {
        assert_eq!(kind, ErrorKind::NotFound);
    }
    assert!(!fs::try_exists(&path).await.expect("that can be told"));
}

#[tokio::test]
async fn a_new_file_must_be_new() {
    let path = scratch("new").await.join("file");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options.open(&path).await.expect("it is new");
    let error = options.open(&path).await.expect_err("it is there");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[tokio::test]
async fn renaming_replaces_what_is_there() {
    let directory = scratch("rename").await;
    let (from, to) = (directory.join("from"), directory.join("to"));
    fs::write(&from, b"new").await.expect("written");
    fs::write(&to, b"old").await.expect("written");
    fs::rename(&from, &to).await.expect("renamed");
    assert_eq!(fs::read_to_string(&to).await.expect("read"), "new");
    assert!(!fs::try_exists(&from).await.expect("that can be told"));
}

#[tokio::test]
async fn a_directory_lists_what_is_in_it() {
    let directory = scratch("list").await;
    fs::create_dir_all(directory.join("sub/deeper"))
        .await
        .expect("made");
    fs::write(directory.join("file"), b"")
        .await
        .expect("written");
    let mut entries = fs::read_dir(&directory).await.expect("a directory");
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await.expect("readable") {
        names.push(entry.file_name().into_string().expect("text"));
    }
    names.sort();
    assert_eq!(names, ["file", "sub"]);
}

#[tokio::test]
async fn cutting_a_file_off_and_filling_it_up() {
    let path = scratch("length").await.join("file");
    fs::write(&path, b"0123456789").await.expect("written");
    let file = OpenOptions::new()
        .write(true)
        .open(&path)
        .await
        .expect("there");
    file.set_len(4).await.expect("cut");
    file.set_len(6).await.expect("filled");
    assert_eq!(fs::read(&path).await.expect("read"), b"0123\0\0");
}

#[tokio::test]
async fn a_file_in_a_directory_that_is_missing_cannot_be_made() {
    let path = scratch("parent").await.join("nowhere/file");
    let error = File::create(&path).await.expect_err("no such directory");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
