//! What a service sees of a disk that is slow, full or failing.

use crate::stage::{Notes, note, with_disk};
use std::io::ErrorKind;
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Duration, Instant, sleep},
};
use windtunnel::record::{
    Distribution, Event, Inject, RunRecord, Size, Span, Throughput, fault::DiskOperation,
};
use windtunnel::{
    Disk, Fault, disk_error, disk_full, disk_slow, host, millis, power_loss, secs, sync_fails_once,
};

/// A disk whose fsync takes exactly a millisecond.
fn exact() -> Disk {
    Disk {
        sync: Distribution::Fixed(Span::from_millis(1)),
        ..Disk::default()
    }
}

fn failures(record: &RunRecord) -> Vec<(String, String, u64)> {
    let failed = record
        .events
        .iter()
        .filter_map(|record| match &record.event {
            Event::DiskFailed {
                operation,
                error,
                lost,
                ..
            } => Some((operation.to_string(), error.to_string(), *lost)),
            _ => None,
        });
    failed.collect()
}

fn said(noted: &[(u64, String)]) -> Vec<&str> {
    noted.iter().map(|(_, what)| what.as_str()).collect()
}

async fn append(bytes: &[u8]) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options.append(true).create(true).open("/file").await?;
    file.write_all(bytes).await?;
    file.flush().await?;
    Ok(file)
}

/// Writes, syncs and reads, and tells how long each took.
async fn timed(notes: Notes) {
    sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    let file = append(b"some bytes").await.expect("written");
    note(&notes, start, "written");
    let start = Instant::now();
    file.sync_all().await.expect("synced");
    note(&notes, start, "synced");
    let start = Instant::now();
    let mut room = [0; 10];
    let mut file = File::open("/file").await.expect("there");
    file.read_exact(&mut room).await.expect("read");
    note(&notes, start, "read");
}

#[test]
fn a_slow_disk_delays_every_operation() {
    let slow = disk_slow(host("server"), millis(70)).lasting(secs(10));
    let (noted, _) = with_disk(20, exact(), vec![slow], timed);
    let expected = [(70, "written"), (71, "synced"), (70, "read")];
    assert_eq!(noted, expected.map(|(at, what)| (at, what.to_owned())));
}

#[test]
fn a_disk_can_be_slow_in_some_operations_only() {
    let slow = Fault::new(Inject::DiskSlow {
        target: host("server").into(),
        count: None,
        by: Distribution::Fixed(millis(70)),
        operations: vec![DiskOperation::Sync],
    });
    let (noted, _) = with_disk(20, exact(), vec![slow.lasting(secs(10))], timed);
    let expected = [(0, "written"), (71, "synced"), (0, "read")];
    assert_eq!(noted, expected.map(|(at, what)| (at, what.to_owned())));
}

#[test]
fn without_settings_only_a_sync_takes_time() {
    let (noted, _) = with_disk(20, exact(), vec![], timed);
    let expected = [(0, "written"), (1, "synced"), (0, "read")];
    assert_eq!(noted, expected.map(|(at, what)| (at, what.to_owned())));
}

#[test]
fn a_read_after_a_boot_goes_to_the_medium_once_and_a_write_waits_as_it_is_told() {
    async fn server(notes: Notes) {
        if !fs::try_exists("/file").await.expect("known") {
            let start = Instant::now();
            let file = append(&[1; 1 << 20]).await.expect("written");
            note(&notes, start, "written");
            let start = Instant::now();
            file.sync_all().await.expect("synced");
            note(&notes, start, "synced");
            std::future::pending::<()>().await;
        }
        for _ in 0..2 {
            let start = Instant::now();
            let mut file = File::open("/file").await.expect("there");
            let mut room = vec![0; 1 << 20];
            file.read_exact(&mut room).await.expect("read");
            note(&notes, start, "read");
        }
    }
    let disk = Disk {
        read: Some(Distribution::Fixed(millis(8))),
        write: Some(Distribution::Fixed(millis(3))),
        bandwidth: Some(Throughput::per_second(Size::from_mib(10))),
        ..exact()
    };
    let dark = power_loss(host("server")).at(secs(5)).lasting(secs(1));
    let (noted, _) = with_disk(20, disk, vec![dark], server);
    let expected = [(3, "written"), (101, "synced"), (108, "read"), (0, "read")];
    assert_eq!(noted, expected.map(|(at, what)| (at, what.to_owned())));
}

/// Fills the disk and tells what it meets.
async fn fill(notes: Notes) {
    let start = Instant::now();
    fs::write("/small", [1; 4096]).await.expect("there is room");
    let told = fs::write("/large", vec![2; 20_000]).await;
    let told = told.expect_err("there is no room for all");
    assert_eq!(told.kind(), ErrorKind::StorageFull);
    let length = fs::metadata("/large").await.expect("there").len();
    note(&notes, start, format!("{length} bytes fitted"));
    let told = fs::create_dir("/directory").await.expect_err("no room");
    note(&notes, start, format!("{:?}", told.kind()));
    File::create("/empty").await.expect("a name needs no block");
    let mut small = OpenOptions::new();
    let mut small = small.write(true).open("/small").await.expect("there");
    small.write_all(&[3; 4096]).await.expect("taken");
    small.flush().await.expect("its block is there");
    fs::remove_file("/large").await.expect("removed");
    fs::write("/other", [4; 8192]).await.expect("there is room");
    note(&notes, start, "room again");
}

#[test]
fn a_disk_holds_as_much_as_its_capacity_and_what_fits_is_written() {
    let disk = Disk {
        capacity: Some(Size::from_kib(4 * 4)),
        ..exact()
    };
    let (noted, record) = with_disk(20, disk, vec![], fill);
    let expected = ["8192 bytes fitted", "StorageFull", "room again"];
    assert_eq!(said(&noted), expected);
    let told = failures(&record);
    let told: Vec<_> = told
        .iter()
        .map(|(what, why, _)| (what.as_str(), why.as_str()))
        .collect();
    assert_eq!(told, [("write", "ENOSPC"), ("create-dir", "ENOSPC")]);
}

#[test]
fn a_full_disk_refuses_what_needs_room_until_the_fault_ends() {
    async fn server(notes: Notes) {
        append(b"before").await.expect("there is room");
        sleep(Duration::from_secs(2)).await;
        // The block of the file has room for more.
        append(b" and after").await.expect("its block is there");
        let start = Instant::now();
        let told = append(&[0; 5000]).await.expect_err("full");
        note(&notes, start, format!("{:?}", told.kind()));
        sleep(Duration::from_secs(5)).await;
        append(&[0; 5000]).await.expect("the fault is over");
        note(&notes, start, "written");
    }
    let full = disk_full(host("server")).at(secs(1)).lasting(secs(4));
    let (noted, _) = with_disk(20, exact(), vec![full], server);
    assert_eq!(said(&noted), ["StorageFull", "written"]);
}

#[test]
fn who_does_not_flush_is_not_told_that_the_disk_is_full() {
    async fn server(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let mut file = File::create("/file").await.expect("made");
        file.write_all(&[0; 5000]).await.expect("tokio takes it");
        note(
            &notes,
            Instant::now(),
            format!("{:?}", file.sync_all().await),
        );
        let told = file.flush().await.expect_err("now it is told");
        note(&notes, Instant::now(), format!("{:?}", told.kind()));
        note(&notes, Instant::now(), format!("{:?}", file.flush().await));
    }
    let full = disk_full(host("server")).lasting(secs(4));
    let (noted, _) = with_disk(20, exact(), vec![full], server);
    assert_eq!(said(&noted), ["Ok(())", "StorageFull", "Ok(())"]);
}

#[test]
fn reads_writes_and_syncs_fail_as_a_fault_says() {
    async fn server(notes: Notes) {
        let start = Instant::now();
        fs::write("/file", b"bytes").await.expect("written");
        sleep(Duration::from_secs(2)).await;
        let read = fs::read("/file").await.expect_err("it fails");
        note(&notes, start, format!("{:?}", read.raw_os_error()));
        append(b"more").await.expect_err("it fails");
        let file = File::open("/file").await.expect("names are there");
        let sync = file.sync_all().await.expect_err("it fails");
        note(&notes, start, format!("{:?}", sync.raw_os_error()));
    }
    let fails = disk_error(host("server"), &[], 1.0)
        .at(secs(1))
        .lasting(secs(9));
    let (noted, record) = with_disk(20, exact(), vec![fails], server);
    assert_eq!(said(&noted), ["Some(5)", "Some(5)"], "EIO");
    let expected = [("read", 0), ("write", 0), ("sync", 5)];
    let expected = expected.map(|(what, lost)| (what.to_owned(), "EIO".to_owned(), lost));
    assert_eq!(failures(&record), expected);
}

#[test]
fn errors_come_at_their_rate() {
    async fn server(notes: Notes) {
        fs::write("/file", b"bytes").await.expect("written");
        sleep(Duration::from_secs(2)).await;
        let mut failed = 0;
        for _ in 0..1000 {
            failed += u32::from(fs::read("/file").await.is_err());
        }
        note(&notes, Instant::now(), failed.to_string());
    }
    let fails = disk_error(host("server"), &[DiskOperation::Read], 0.1);
    let fails = fails.at(secs(1)).lasting(secs(9));
    let (noted, _) = with_disk(20, exact(), vec![fails], server);
    let failed: u32 = noted[0].1.parse().expect("a number");
    // Each reading to the end asks at least twice, so up to a fifth fail.
    assert!((100..270).contains(&failed), "{failed}");
}

#[test]
fn after_a_failed_sync_the_next_one_succeeds_and_the_bytes_are_gone_with_the_power() {
    async fn server(notes: Notes) {
        let start = Instant::now();
        if fs::try_exists("/file").await.expect("known") {
            let left = fs::read("/file").await.expect("read");
            return note(&notes, start, String::from_utf8_lossy(&left).into_owned());
        }
        let file = append(b"first ").await.expect("written");
        file.sync_all().await.expect("synced");
        sleep(Duration::from_secs(2)).await;
        let file = append(b"second ").await.expect("written");
        let told = file.sync_all().await.expect_err("it fails once");
        note(&notes, start, format!("{:?}", told.raw_os_error()));
        file.sync_all().await.expect("the pages count as clean");
        let seen = fs::read_to_string("/file").await.expect("read");
        note(&notes, start, seen);
        let file = append(b"third").await.expect("written");
        file.sync_all().await.expect("synced");
        std::future::pending().await
    }
    let faults = vec![
        sync_fails_once(host("server")).at(secs(1)).lasting(secs(9)),
        power_loss(host("server")).at(secs(5)).lasting(secs(1)),
    ];
    let (noted, record) = with_disk(20, exact(), faults, server);
    let zeros = "\0".repeat("second ".len());
    let left = format!("first {zeros}third");
    assert_eq!(said(&noted), ["Some(5)", "first second ", left.as_str()]);
    assert_eq!(failures(&record), [("sync".into(), "EIO".into(), 7)]);
}

#[test]
fn every_opening_is_told_once_of_bytes_that_could_not_be_written() {
    async fn server(notes: Notes) {
        let other = append(b"before").await.expect("written");
        other.sync_all().await.expect("synced");
        sleep(Duration::from_secs(2)).await;
        let file = append(b"lost").await.expect("written");
        let mut told = Vec::new();
        for file in [&file, &other, &file, &other] {
            told.push(file.sync_all().await.is_err());
        }
        let late = File::open("/file").await.expect("there");
        told.push(late.sync_all().await.is_err());
        note(&notes, Instant::now(), format!("{told:?}"));
    }
    let fails = sync_fails_once(host("server")).at(secs(1)).lasting(secs(9));
    let (noted, _) = with_disk(20, exact(), vec![fails], server);
    assert_eq!(said(&noted), ["[true, true, false, false, false]"]);
}

#[test]
fn write_back_that_fails_is_told_to_the_next_sync_also_of_who_opens_later() {
    async fn server(notes: Notes) {
        drop(append(b"lost").await.expect("written"));
        sleep(Duration::from_secs(50)).await;
        let late = File::open("/file").await.expect("there");
        for _ in 0..2 {
            let told = late.sync_all().await.is_err();
            note(&notes, Instant::now(), told.to_string());
        }
    }
    let fails = sync_fails_once(host("server"))
        .at(secs(1))
        .lasting(secs(45));
    let (noted, record) = with_disk(60, exact(), vec![fails], server);
    assert_eq!(said(&noted), ["true", "false"]);
    assert_eq!(failures(&record), [("sync".into(), "EIO".into(), 4)]);
}

#[test]
fn a_disk_fault_that_touches_a_request_says_so() {
    use tokio::net::{TcpListener, TcpStream};
    async fn server(_: Notes) {
        let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
        loop {
            let (mut stream, _) = listener.accept().await.expect("somebody comes");
            let file = append(b"x").await.expect("written");
            let mut room = [0; 4];
            stream.read_exact(&mut room).await.expect("a request");
            file.sync_all().await.expect("synced");
            stream.write_all(b"pong").await.expect("taken");
        }
    }
    async fn client(_: Notes) {
        sleep(Duration::from_secs(2)).await;
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        stream.write_all(b"ping").await.expect("taken");
        stream.read_exact(&mut [0; 4]).await.expect("answered");
    }
    let hit = |event: &Event| matches!(event, Event::FaultHit { kind, .. } if kind == "disk-slow");
    for (begins, hits) in [(1, true), (8, false)] {
        let slow = disk_slow(host("server"), millis(70));
        let faults = vec![slow.at(secs(begins)).lasting(secs(4))];
        let (_, record) = crate::stage::run(20, faults, server, client);
        let seen = record.events.iter().any(|record| hit(&record.event));
        assert_eq!(seen, hits, "the fault began at {begins} s");
    }
}

#[test]
fn a_disk_fault_is_not_what_keeps_a_frozen_host_from_answering() {
    use tokio::net::TcpStream;
    async fn client(_: Notes) {
        sleep(Duration::from_secs(1)).await;
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        sleep(Duration::from_secs(4)).await;
        // The process is frozen, so this meets the pause and not the disk.
        stream.write_all(b"ping").await.expect("taken");
        sleep(Duration::from_secs(10)).await;
    }
    let faults = vec![
        disk_full(host("server")).at(secs(2)).lasting(secs(9)),
        windtunnel::pause(host("server"))
            .at(secs(3))
            .lasting(secs(5)),
    ];
    let (_, record) = crate::stage::run(20, faults, crate::stage::echo, client);
    let hits = record
        .events
        .iter()
        .filter_map(|record| match &record.event {
            Event::FaultHit { kind, .. } => Some(kind.as_str()),
            _ => None,
        });
    assert_eq!(hits.collect::<Vec<_>>(), ["pause"]);
}
