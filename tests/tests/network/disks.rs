//! What a service finds on its disk after its process crashed or its host lost power.

use crate::stage::{Notes, note, run};
use tokio::{
    fs::{self, File, OpenOptions},
    io::AsyncWriteExt,
    time::{Duration, Instant, sleep},
};
use windtunnel::{Fault, crash, host, power_loss, secs};

async fn nothing(_: Notes) {}

fn power_fails(at: u64) -> Vec<Fault> {
    vec![power_loss(host("server")).at(secs(at)).lasting(secs(1))]
}

/// What is in `/data/file`, or that it is not there.
async fn told(notes: &Notes) {
    let left = fs::read_to_string("/data/file").await;
    let left = left.unwrap_or_else(|error| error.kind().to_string());
    note(notes, Instant::now(), left);
}

/// Tells what is left when the directory that is made at the first start is there.
async fn left_over(notes: &Notes) -> bool {
    if fs::try_exists("/data").await.expect("that can be told") {
        told(notes).await;
        return true;
    }
    fs::create_dir("/data").await.expect("made");
    let root = File::open("/").await.expect("there");
    root.sync_all().await.expect("synced");
    false
}

#[test]
fn a_name_without_a_sync_is_durable_after_five_seconds() {
    async fn server(notes: Notes) {
        if !left_over(&notes).await {
            sleep(Duration::from_secs(1)).await;
            File::create("/data/file").await.expect("made");
            std::future::pending::<()>().await;
        }
    }
    for (at, left) in [(5, "entity not found"), (7, "")] {
        let (noted, _) = run(20, power_fails(at), server, nothing);
        assert_eq!(noted[0].1, left, "power lost at {at} s");
    }
}

#[test]
fn bytes_without_a_sync_are_durable_after_forty_seconds() {
    async fn server(notes: Notes) {
        if !left_over(&notes).await {
            fs::write("/data/file", [b'x'; 600]).await.expect("written");
            std::future::pending::<()>().await;
        }
    }
    let (noted, _) = run(60, power_fails(40), server, nothing);
    assert_eq!(noted[0].1.len(), 600);
}

#[test]
fn a_file_that_was_replaced_by_a_rename_is_the_old_one_or_the_new_one() {
    async fn server(notes: Notes) {
        if left_over(&notes).await {
            return;
        }
        let mut old = File::create("/data/file").await.expect("made");
        old.write_all(b"old").await.expect("written");
        old.flush().await.expect("written");
        old.sync_all().await.expect("synced");
        fs::write("/data/aside", b"new").await.expect("written");
        fs::rename("/data/aside", "/data/file")
            .await
            .expect("renamed");
        std::future::pending().await
    }
    for (at, left) in [(3, "old"), (8, "new")] {
        let (noted, _) = run(20, power_fails(at), server, nothing);
        assert_eq!(noted[0].1, left, "power lost at {at} s");
    }
}

#[test]
fn a_crash_closes_what_was_open_and_a_file_without_a_name_is_gone() {
    async fn server(notes: Notes) {
        if left_over(&notes).await {
            return;
        }
        let mut file = File::create("/data/file").await.expect("made");
        file.write_all(b"kept by the kernel")
            .await
            .expect("written");
        let held = File::open("/data/file").await.expect("there");
        let mut scratch = File::create("/data/scratch").await.expect("made");
        fs::remove_file("/data/scratch").await.expect("removed");
        scratch.write_all(b"gone").await.expect("written");
        std::future::pending::<()>().await;
        drop((held, file, scratch));
    }
    let faults = vec![crash(host("server")).at(secs(3)).lasting(secs(1))];
    let (noted, _) = run(20, faults, server, nothing);
    assert_eq!(noted[0].1, "kept by the kernel");
}

#[test]
fn fdatasync_of_replaced_bytes_makes_them_durable_and_names_not() {
    async fn server(notes: Notes) {
        if left_over(&notes).await {
            let other = fs::try_exists("/data/other").await.expect("known");
            note(&notes, Instant::now(), format!("{other}"));
            return;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true);
        let mut file = options.open("/data/file").await.expect("made");
        file.write_all(b"before").await.expect("written");
        file.flush().await.expect("written");
        file.sync_all().await.expect("synced");
        let mut file = options.open("/data/file").await.expect("there");
        File::create("/data/other").await.expect("made");
        file.write_all(b"after!").await.expect("written");
        file.flush().await.expect("written");
        file.sync_data().await.expect("synced");
        std::future::pending().await
    }
    let (noted, _) = run(20, power_fails(3), server, nothing);
    let left: Vec<_> = noted.iter().map(|(_, left)| left.as_str()).collect();
    assert_eq!(left, ["after!", "false"]);
}
