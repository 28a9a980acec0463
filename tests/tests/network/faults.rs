//! What faults do to disks and to schedules of others.

use crate::stage::{Notes, note, run};
use tokio::{
    fs::{self, OpenOptions},
    io::AsyncWriteExt,
    time::{Duration, Instant, sleep},
};
use windtunnel::record::Event;
use windtunnel::{crash, host, power_loss, secs, slow};

/// Writes a record, syncs it, writes another that it does not sync; after a restart tells what is
/// left.
async fn journal(notes: Notes) {
    if let Ok(left) = fs::read_to_string("/data/log").await {
        note(&notes, Instant::now(), left);
        return;
    }
    fs::create_dir_all("/data").await.expect("made");
    let mut options = OpenOptions::new();
    let mut file = options
        .append(true)
        .create(true)
        .open("/data/log")
        .await
        .expect("made");
    file.write_all(b"synced ").await.expect("written");
    file.sync_all().await.expect("synced");
    file.write_all(b"unsynced").await.expect("written");
    file.flush().await.expect("flushed");
    std::future::pending().await
}

async fn nothing(_: Notes) {}

#[test]
fn a_crash_keeps_the_page_cache() {
    let faults = vec![crash(host("server")).at(secs(5)).lasting(secs(1))];
    let (noted, _) = run(10, faults, journal, nothing);
    assert_eq!(noted[0].1, "synced unsynced");
}

#[test]
fn a_loss_of_power_keeps_what_was_synced() {
    let faults = vec![power_loss(host("server")).at(secs(5)).lasting(secs(1))];
    let (noted, record) = run(10, faults, journal, nothing);
    assert!(noted[0].1.starts_with("synced "), "{noted:?}");
    let lost = record
        .events
        .iter()
        .any(|record| matches!(record.event, Event::DiskLost { .. }));
    assert_eq!(lost, noted[0].1 != "synced unsynced");
}

#[test]
fn a_slow_link_delays_by_what_was_drawn() {
    async fn connect(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        let error = tokio::net::TcpStream::connect("server:80").await;
        note(
            &notes,
            start,
            format!("{:?}", error.map(drop).map_err(|error| error.kind())),
        );
    }
    let faults = vec![slow(host("client"), host("server"), windtunnel::millis(70))];
    let (noted, _) = run(10, faults, nothing, connect);
    assert_eq!(noted, [(72, "Err(ConnectionRefused)".into())]);
}

/// Tells each start of its process.
async fn started(notes: Notes) {
    note(&notes, Instant::now(), "started");
    std::future::pending().await
}

#[test]
fn a_host_that_two_faults_take_down_comes_back_when_both_are_over() {
    for power_comes_first in [true, false] {
        let (first, second) = (secs(5), windtunnel::millis(5_500));
        let (dark, dead) = if power_comes_first {
            (first, second)
        } else {
            (second, first)
        };
        let faults = vec![
            power_loss(host("server")).at(dark).lasting(secs(1)),
            crash(host("server")).at(dead).lasting(secs(1)),
        ];
        let (noted, _) = run(10, faults, started, nothing);
        assert_eq!(noted.len(), 2, "power first: {power_comes_first}");
    }
}
