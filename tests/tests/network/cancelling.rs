//! What a `cancel` fault drops, and when.

use crate::stage::{Notes, note, run};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant, sleep},
};
use windtunnel::record::{Event, Inject, RunRecord, fault::Dropped};
use windtunnel::{Fault, cancel, cancel_connection, host, secs};

/// Says that it was dropped before its end.
struct Unfinished {
    notes: Notes,
    start: Instant,
    stage: u32,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.stage < 3 {
            note(
                &self.notes,
                self.start,
                format!("dropped at stage {}", self.stage),
            );
        }
    }
}

/// Answers each request of four bytes after three awaits of 10 ms.
async fn three_stages(notes: Notes) {
    let start = Instant::now();
    let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
    loop {
        let (mut stream, _) = listener.accept().await.expect("the process lives");
        let notes = notes.clone();
        tokio::spawn(async move {
            while stream.read_exact(&mut [0; 4]).await.is_ok() {
                let mut work = Unfinished {
                    notes: notes.clone(),
                    start,
                    stage: 0,
                };
                while work.stage < 3 {
                    sleep(Duration::from_millis(10)).await;
                    work.stage += 1;
                }
                if let Err(error) = stream.write_all(b"done").await {
                    note(&notes, start, format!("no answer: {:?}", error.kind()));
                }
            }
        });
    }
}

/// Makes `count` requests, each on a connection of its own, and notes what came of them.
async fn asks(notes: Notes, count: u32) {
    let start = Instant::now();
    for _ in 0..count {
        let mut stream = TcpStream::connect("server:80").await.expect("up");
        stream.write_all(b"work").await.expect("sent");
        let got = stream.read_exact(&mut [0; 4]).await;
        let words = got.map_or_else(|error| format!("{:?}", error.kind()), |_| "done".into());
        note(&notes, start, words);
    }
}

fn under(fault: Fault, count: u32) -> (Vec<String>, RunRecord) {
    let fault = fault.named("hang-up").lasting(secs(30));
    let client = move |notes| asks(notes, count);
    let (noted, record) = run(60, vec![fault], three_stages, client);
    (noted.into_iter().map(|(_, what)| what).collect(), record)
}

fn hits(record: &RunRecord) -> Vec<u32> {
    let events = record.events.iter();
    events
        .filter_map(|record| match &record.event {
            Event::Cancelled { at_await, .. } => Some(*at_await),
            _ => None,
        })
        .collect()
}

#[test]
fn the_future_that_serves_a_request_is_dropped_at_the_await_that_was_asked_for() {
    let (noted, record) = under(cancel(host("server"), 2), 1);
    assert_eq!(noted, ["dropped at stage 1", "UnexpectedEof"]);
    assert_eq!(hits(&record), [2]);
    assert!(record.fault_kinds_that_hit().contains(&"cancel".into()));
}

#[test]
fn every_await_of_a_request_is_tried_by_counting_until_none_is_hit() {
    let mut dropped_at = Vec::new();
    for at in 1.. {
        let (noted, record) = under(cancel(host("server"), at), 1);
        if hits(&record).is_empty() {
            assert_eq!(noted, ["done"]);
            break;
        }
        dropped_at.push(noted[0].clone());
    }
    let stages = [0, 1, 2].map(|stage| format!("dropped at stage {stage}"));
    assert_eq!(dropped_at, stages);
}

#[test]
fn the_connection_under_a_request_is_reset_while_its_task_goes_on() {
    let (noted, record) = under(cancel_connection(host("server"), 1), 1);
    assert_eq!(noted, ["ConnectionReset", "no answer: ConnectionReset"]);
    assert_eq!(hits(&record), [1]);
}

#[test]
fn a_drawn_share_of_requests_is_cancelled_at_drawn_awaits() {
    let inject = Inject::Cancel {
        target: host("server").into(),
        at_await: None,
        drop: Dropped::Request,
        rate: 0.8,
    };
    let (noted, record) = under(Fault::new(inject), 300);
    let awaits = hits(&record);
    assert!(awaits.iter().all(|at| (1..=3).contains(at)), "{awaits:?}");
    for at in 1..=3 {
        assert!(awaits.contains(&at), "await {at} is never hit");
    }
    let done = noted.iter().filter(|what| *what == "done").count();
    assert_eq!(done, 300 - awaits.len());
    // Three of sixteen awaits are there, for four of five requests: 45 of 300 on average.
    assert!((25..=65).contains(&awaits.len()), "{}", awaits.len());
}

#[test]
fn requests_elsewhere_and_after_the_fault_are_left_alone() {
    let (noted, record) = under(cancel(host("client"), 1), 3);
    assert_eq!((noted.len(), hits(&record).len()), (3, 0));
    let fault = cancel(host("server"), 1).lasting(secs(1));
    let late = |notes: Notes| async move {
        sleep(Duration::from_secs(2)).await;
        asks(notes, 1).await;
    };
    let (noted, _) = run(60, vec![fault], three_stages, late);
    assert_eq!(noted[0].1, "done");
}
