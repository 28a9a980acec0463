//! Appending when the file system refuses, and rewriting.

use super::*;

async fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("windtunnel-journal-{name}"));
    let _ = fs::remove_dir_all(&path).await;
    path.join("journal")
}

async fn open(path: &Path) -> (Journal, Vec<Vec<u8>>) {
    Journal::open(path).await.expect("the journal is whole")
}

async fn append(journal: &Journal, records: &[&str]) {
    for record in records {
        journal.append(record.as_bytes()).await.expect("written");
    }
}

/// A handle that can only read: writing to it fails, and so does taking back what was written.
async fn unwritable(path: &Path) -> File {
    File::open(path).await.expect("the file is there")
}

#[tokio::test]
async fn what_was_appended_is_there_when_it_is_opened_again() {
    let path = scratch("appended").await;
    let (journal, found) = open(&path).await;
    assert!(found.is_empty());
    append(&journal, &["one", "two"]).await;
    let length = fs::metadata(&path).await.expect("there").len();
    assert_eq!(journal.size(), length);
    let (journal, found) = open(&path).await;
    assert_eq!(found, [b"one", b"two"]);
    assert_eq!(journal.size(), length);
}

#[tokio::test]
async fn appends_that_come_together_are_all_there() {
    let path = scratch("together").await;
    let (journal, _) = open(&path).await;
    let appending: Vec<_> = (0..50u8)
        .map(|number| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.append(&[number]).await })
        })
        .collect();
    for append in appending {
        append.await.expect("no panic").expect("written");
    }
    let (_, mut found) = open(&path).await;
    found.sort();
    assert_eq!(found, (0..50u8).map(|number| [number]).collect::<Vec<_>>());
}

#[tokio::test]
async fn after_a_write_that_cannot_be_taken_back_nothing_more_is_promised() {
    let path = scratch("broken").await;
    let (journal, _) = open(&path).await;
    append(&journal, &["one"]).await;
    let whole = {
        let mut file = journal.inner.file.lock().await;
        std::mem::replace(&mut *file, unwritable(&path).await)
    };
    let refused = journal.append(b"two").await;
    assert!(matches!(refused, Err(JournalError::Io { .. })));
    *journal.inner.file.lock().await = whole;
    let refused = journal.append(b"three").await;
    assert!(matches!(refused, Err(JournalError::Broken(_))));
    let rewritten = journal.rewrite(|records| records).await;
    assert!(matches!(rewritten, Err(JournalError::Broken(_))));
    let (journal, found) = open(&path).await;
    assert_eq!(found, [b"one"]);
    append(&journal, &["four"]).await;
}

#[tokio::test]
async fn a_rewritten_journal_holds_what_was_chosen_and_takes_more() {
    let path = scratch("rewritten").await;
    let (journal, _) = open(&path).await;
    append(&journal, &["one", "two", "three"]).await;
    let before = journal.size();
    let without_two = |records: Vec<Vec<u8>>| {
        records
            .into_iter()
            .filter(|record| record != b"two")
            .collect()
    };
    journal.rewrite(without_two).await.expect("rewritten");
    assert!(journal.size() < before);
    append(&journal, &["four"]).await;
    let (_, found) = open(&path).await;
    assert_eq!(found, [&b"one"[..], b"three", b"four"]);
}

#[tokio::test]
async fn what_an_interrupted_rewrite_left_behind_does_no_harm() {
    let path = scratch("leftover").await;
    let (journal, _) = open(&path).await;
    append(&journal, &["one"]).await;
    let aside = path.with_added_extension("rewriting");
    fs::write(&aside, b"half of something").await.expect("put");
    let (journal, found) = {
        drop(journal);
        open(&path).await
    };
    assert_eq!(found, [b"one"]);
    journal.rewrite(|records| records).await.expect("rewritten");
    assert_eq!(open(&path).await.1, [b"one"]);
    assert!(fs::metadata(&aside).await.is_err());
}

#[tokio::test]
async fn appends_during_a_rewrite_are_not_lost() {
    let path = scratch("during").await;
    let (journal, _) = open(&path).await;
    let appending: Vec<_> = (0..40u8)
        .map(|number| {
            let journal = journal.clone();
            tokio::spawn(async move {
                journal.append(&[number]).await.expect("written");
                if number % 10 == 0 {
                    journal.rewrite(|records| records).await.expect("rewritten");
                }
            })
        })
        .collect();
    for append in appending {
        append.await.expect("no panic");
    }
    let (_, mut found) = open(&path).await;
    found.sort();
    assert_eq!(found, (0..40u8).map(|number| [number]).collect::<Vec<_>>());
}
