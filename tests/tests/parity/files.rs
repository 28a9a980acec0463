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

#[tokio::test]
async fn clones_of_a_file_share_one_cursor() {
    let path = scratch("clone").await.join("file");
    fs::write(&path, b"abcdef").await.expect("written");
    let mut one = File::open(&path).await.expect("there");
    let mut other = one.try_clone().await.expect("cloned");
    let mut three = [0; 3];
    one.read_exact(&mut three).await.expect("read");
    // tokio reads ahead into a buffer of its own; a seek settles where the shared cursor is.
    one.seek(SeekFrom::Start(3)).await.expect("moved");
    other.read_exact(&mut three).await.expect("read");
    assert_eq!(&three, b"def");
}

#[tokio::test]
async fn an_open_file_outlives_its_name() {
    let path = scratch("unlinked").await.join("file");
    fs::write(&path, b"still here").await.expect("written");
    let mut file = File::open(&path).await.expect("there");
    fs::remove_file(&path).await.expect("removed");
    assert!(!fs::try_exists(&path).await.expect("that can be told"));
    let mut contents = String::new();
    file.read_to_string(&mut contents).await.expect("read");
    assert_eq!(contents, "still here");
}

#[tokio::test]
async fn writing_behind_the_end_leaves_a_hole_of_zeros() {
    let path = scratch("hole").await.join("file");
    let mut file = File::create(&path).await.expect("made");
    file.seek(SeekFrom::Start(3)).await.expect("moved");
    file.write_all(b"x").await.expect("written");
    file.flush().await.expect("flushed");
    assert_eq!(fs::read(&path).await.expect("read"), b"\0\0\0x");
    let metadata = file.metadata().await.expect("known");
    assert!(metadata.is_file() && !metadata.is_dir() && metadata.len() == 4);
}

#[tokio::test]
async fn directories_are_made_one_by_one_and_removed_when_they_are_empty() {
    let directory = scratch("directories").await;
    let (outer, inner) = (directory.join("outer"), directory.join("outer/inner"));
    let missing = fs::create_dir(&inner).await.expect_err("no parent");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    fs::create_dir(&outer).await.expect("made");
    fs::create_dir(&inner).await.expect("made");
    let again = fs::create_dir(&outer).await.expect_err("it is there");
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    let full = fs::remove_dir(&outer).await.expect_err("it is not empty");
    assert_eq!(full.kind(), ErrorKind::DirectoryNotEmpty);
    fs::remove_dir(&inner).await.expect("removed");
    fs::remove_dir(&outer).await.expect("removed");
    assert!(!fs::try_exists(&outer).await.expect("that can be told"));
}

#[tokio::test]
async fn files_and_directories_are_told_apart() {
    let directory = scratch("apart").await;
    let file = directory.join("file");
    fs::write(&file, b"x").await.expect("written");
    let (below, other) = (file.join("below"), directory.join("other"));
    fs::create_dir(&other).await.expect("made");
    for (what, kind) in [
        (fs::remove_dir(&file).await, ErrorKind::NotADirectory),
        (fs::remove_file(&directory).await, ErrorKind::IsADirectory),
        (fs::write(&directory, b"").await, ErrorKind::IsADirectory),
        (fs::write(&below, b"").await, ErrorKind::NotADirectory),
        (fs::read(&below).await.map(drop), ErrorKind::NotADirectory),
        (
            fs::read(&directory).await.map(drop),
            ErrorKind::IsADirectory,
        ),
        (fs::rename(&file, &other).await, ErrorKind::IsADirectory),
        (fs::rename(&other, &file).await, ErrorKind::NotADirectory),
        (
            fs::rename(&file, &directory).await,
            ErrorKind::DirectoryNotEmpty,
        ),
        (fs::create_dir_all(&file).await, ErrorKind::AlreadyExists),
    ] {
        assert_eq!(what.expect_err("it cannot be").kind(), kind);
    }
    fs::remove_dir(&other).await.expect("removed");
    let mut entries = fs::read_dir(&directory).await.expect("a directory");
    let entry = entries.next_entry().await.expect("readable");
    let entry = entry.expect("one entry");
    assert!(entry.file_type().await.expect("known").is_file());
    assert!(entry.metadata().await.expect("known").is_file());
    assert_eq!(entry.path(), file);
}

#[tokio::test]
async fn a_directory_moves_with_all_below_it_but_not_into_itself_or_onto_a_full_one() {
    let directory = scratch("moving").await;
    let (from, to) = (directory.join("from"), directory.join("to"));
    fs::create_dir_all(from.join("sub")).await.expect("made");
    fs::write(from.join("sub/file"), b"x")
        .await
        .expect("written");
    let inside = fs::rename(&from, from.join("sub/deeper")).await;
    assert_eq!(inside.expect_err("a loop").kind(), ErrorKind::InvalidInput);
    fs::create_dir(&to).await.expect("made");
    fs::rename(&from, &to)
        .await
        .expect("an empty one is replaced");
    assert_eq!(fs::read(to.join("sub/file")).await.expect("moved"), b"x");
    fs::create_dir(&from).await.expect("made");
    let full = fs::rename(&from, &to).await.expect_err("it is not empty");
    assert_eq!(full.kind(), ErrorKind::DirectoryNotEmpty);
}

#[tokio::test]
async fn two_names_lead_to_one_file() {
    let directory = scratch("names").await;
    let (one, other) = (directory.join("one"), directory.join("other"));
    fs::write(&one, b"first").await.expect("written");
    fs::hard_link(&one, &other).await.expect("linked");
    let taken = fs::hard_link(&one, &other).await.expect_err("taken");
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
    fs::rename(&one, &other).await.expect("nothing to do");
    fs::write(&one, b"second")
        .await
        .expect("both are still there");
    assert_eq!(fs::read(&other).await.expect("read"), b"second");
    fs::remove_file(&one).await.expect("removed");
    assert_eq!(fs::read(&other).await.expect("read"), b"second");
}

#[tokio::test]
async fn a_copy_is_a_file_of_its_own() {
    let directory = scratch("copy").await;
    let (from, to) = (directory.join("from"), directory.join("to"));
    fs::write(&from, b"contents").await.expect("written");
    fs::write(&to, b"something longer than that")
        .await
        .expect("written");
    assert_eq!(fs::copy(&from, &to).await.expect("copied"), 8);
    fs::write(&from, b"changed").await.expect("written");
    assert_eq!(fs::read(&to).await.expect("read"), b"contents");
    let error = fs::copy(&directory, &to).await.expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_canonical_path_has_no_dots() {
    let directory = scratch("canonical").await;
    fs::create_dir(directory.join("sub")).await.expect("made");
    fs::write(directory.join("file"), b"")
        .await
        .expect("written");
    let whole = fs::canonicalize(&directory).await.expect("there");
    let dotted = directory.join("sub/.././file");
    assert_eq!(
        fs::canonicalize(dotted).await.expect("there"),
        whole.join("file")
    );
    let missing = fs::canonicalize(directory.join("missing")).await;
    assert_eq!(missing.expect_err("missing").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_empty_path_leads_nowhere() {
    let error = File::open("").await.expect_err("nothing");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn switches_that_contradict_each_other_are_refused() {
    let path = scratch("switches").await.join("file");
    fs::write(&path, b"contents").await.expect("written");
    let with = |set: fn(&mut OpenOptions) -> &mut OpenOptions| {
        let mut options = OpenOptions::new();
        set(&mut options);
        options
    };
    for options in [
        with(|options| options),
        with(|options| options.read(true).truncate(true)),
        with(|options| options.read(true).create(true)),
        with(|options| options.append(true).truncate(true)),
        with(|options| options.write(true).append(true).truncate(true)),
    ] {
        let error = options.open(&path).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{options:?}");
    }
    assert_eq!(fs::read(&path).await.expect("read"), b"contents");
    let both = with(|options| options.read(true).append(true).create(true));
    let mut file = both.open(&path).await.expect("it may");
    file.write_all(b"!").await.expect("written");
    file.seek(SeekFrom::Start(0)).await.expect("moved");
    let mut contents = String::new();
    file.read_to_string(&mut contents).await.expect("read");
    assert_eq!(contents, "contents!");
}

#[tokio::test]
async fn who_did_not_open_for_it_may_not() {
    let path = scratch("rights").await.join("file");
    fs::write(&path, b"contents").await.expect("written");
    let mut reader = File::open(&path).await.expect("there");
    let cut = reader.set_len(0).await.expect_err("only reading");
    assert_eq!(cut.kind(), ErrorKind::InvalidInput);
    // The write is told of its failure by the flush.
    reader.write_all(b"x").await.expect("taken");
    reader.flush().await.expect_err("only reading");
    let mut writer = OpenOptions::new();
    let mut writer = writer.write(true).open(&path).await.expect("there");
    writer.read(&mut [0; 4]).await.expect_err("only writing");
    assert_eq!(fs::read(&path).await.expect("read"), b"contents");
}

#[tokio::test]
async fn a_change_of_the_bytes_changes_the_time() {
    let path = scratch("modified").await.join("file");
    let mut file = File::create_new(&path).await.expect("made");
    let modified = async || fs::metadata(&path).await.and_then(|known| known.modified());
    let before = modified().await.expect("known");
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    file.write_all(b"x").await.expect("written");
    file.flush().await.expect("flushed");
    let after = modified().await.expect("known");
    let passed = after.duration_since(before).expect("time goes on");
    assert!(passed.as_millis() >= 40, "{passed:?}");
    file.sync_data().await.expect("synced");
    assert_eq!(modified().await.expect("known"), after);
}

#[tokio::test]
async fn a_cursor_does_not_go_before_the_beginning() {
    let path = scratch("cursor").await.join("file");
    fs::write(&path, b"abc").await.expect("written");
    let mut file = File::open(&path).await.expect("there");
    let error = file.seek(SeekFrom::End(-4)).await.expect_err("too far");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(file.seek(SeekFrom::Start(9)).await.expect("moved"), 9);
    assert_eq!(file.read(&mut [0; 4]).await.expect("at the end"), 0);
    assert_eq!(file.seek(SeekFrom::Current(-8)).await.expect("moved"), 1);
    let mut rest = String::new();
    file.read_to_string(&mut rest).await.expect("read");
    assert_eq!(rest, "bc");
}
