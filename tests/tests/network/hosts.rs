//! What the other side sees when a process dies or its host loses power.

use crate::stage::{Notes, echo, note, ping, run};
use std::io::ErrorKind;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant, sleep},
};
use windtunnel::record::{Event, RunSpec, Seed};
use windtunnel::{crash, host, millis, partition, pause, power_loss, reset, restart, secs};

/// Connects at 1 s, then reads until something happens.
async fn read_on(notes: Notes) {
    sleep(Duration::from_secs(1)).await;
    let mut stream = TcpStream::connect("server:80").await.expect("it listens");
    ping(&mut stream).await.expect("it answers");
    let start = Instant::now();
    let seen = stream.read(&mut [0; 8]).await;
    note(
        &notes,
        start,
        format!("{:?}", seen.map_err(|error| error.kind())),
    );
}

#[test]
fn a_crashed_process_ends_its_streams() {
    let (noted, _) = run(
        30,
        vec![crash(host("server")).at(millis(5_004)).lasting(secs(1))],
        echo,
        read_on,
    );
    assert_eq!(noted, [(4_001, "Ok(0)".to_string())]);
}

#[test]
fn a_crashed_process_that_left_bytes_unread_resets() {
    async fn deaf(_: Notes) {
        let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
        let _held = listener.accept().await.expect("somebody comes");
        std::future::pending().await
    }
    async fn talk(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        stream.write_all(b"hello").await.expect("taken");
        let start = Instant::now();
        let seen = stream.read(&mut [0; 8]).await;
        note(
            &notes,
            start,
            format!("{:?}", seen.map_err(|error| error.kind())),
        );
    }
    let (noted, _) = run(
        30,
        vec![crash(host("server")).at(secs(5)).lasting(secs(1))],
        deaf,
        talk,
    );
    assert_eq!(noted[0].1, format!("Err({:?})", ErrorKind::ConnectionReset));
}

#[test]
fn behind_a_partition_a_death_is_not_seen_before_the_heal() {
    let faults = vec![
        partition(host("client"), host("server"))
            .at(secs(4))
            .lasting(secs(6)),
        crash(host("server")).at(secs(5)).lasting(secs(1)),
    ];
    let (noted, _) = run(60, faults, echo, read_on);
    assert_eq!(
        noted[0].1, "Ok(0)",
        "the end of the stream is repeated until it arrives"
    );
    assert!(noted[0].0 > 8_900, "{noted:?}");
}

#[test]
fn a_host_without_power_is_silent_and_after_its_boot_the_next_segment_meets_a_reset() {
    async fn patient(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        ping(&mut stream).await.expect("it answers");
        let start = Instant::now();
        let seen = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut [0; 8])).await;
        note(&notes, start, format!("{}", seen.is_err()));
        stream
            .write_all(b"hello?")
            .await
            .expect("the kernel takes it");
        let seen = stream.read(&mut [0; 8]).await;
        note(
            &notes,
            start,
            format!("{:?}", seen.map_err(|error| error.kind())),
        );
    }
    let faults = vec![power_loss(host("server")).at(secs(5)).lasting(secs(2))];
    let (noted, _) = run(60, faults, echo, patient);
    assert_eq!(noted[0], (20_000, "true".into()), "nobody tells");
    assert_eq!(
        noted[1],
        (20_002, format!("Err({:?})", ErrorKind::ConnectionReset))
    );
}

#[test]
fn a_paused_process_leaves_its_kernel_to_acknowledge() {
    async fn write_into_the_pause(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        sleep(Duration::from_secs(5)).await;
        let start = Instant::now();
        ping(&mut stream).await.expect("it answers in the end");
        note(&notes, start, "answered");
    }
    let faults = vec![pause(host("server")).at(secs(3)).lasting(secs(7))];
    let (noted, record) = run(60, faults, echo, write_into_the_pause);
    let (at, _) = &noted[0];
    assert!((3_990..4_010).contains(at), "{noted:?}");
    let repeated = |event: &Event| matches!(event, Event::Retransmission { .. });
    assert!(
        !record.events.iter().any(|record| repeated(&record.event)),
        "nothing was lost"
    );
}

#[test]
fn a_reset_fault_breaks_open_connections_on_both_sides() {
    let (noted, _) = run(
        30,
        vec![reset(host("client"), host("server")).at(secs(5))],
        echo,
        read_on,
    );
    assert_eq!(noted[0].1, format!("Err({:?})", ErrorKind::ConnectionReset));
}

#[test]
fn a_restart_asks_first_and_kills_who_does_not_listen() {
    async fn polite(notes: Notes) {
        let start = Instant::now();
        note(&notes, start, "up");
        tokio::signal::ctrl_c().await.expect("it is modelled");
        note(&notes, start, "asked");
        sleep(Duration::from_millis(500)).await;
    }
    async fn deaf(notes: Notes) {
        note(&notes, Instant::now(), "up");
        std::future::pending().await
    }
    let faults = || vec![restart(host("server"), secs(2)).at(secs(5))];
    let (noted, record) = run(30, faults(), polite, |_| std::future::pending());
    let said: Vec<_> = noted.iter().map(|(_, what)| what.as_str()).collect();
    assert_eq!(said, ["up", "asked", "up"]);
    let mut started = record
        .events
        .iter()
        .filter(|record| matches!(record.event, Event::Started { host: 0, .. }));
    assert_eq!(
        started.next_back().expect("it starts").at.as_nanos() / 1_000_000,
        5_500
    );
    let (noted, _) = run(30, faults(), deaf, |_| std::future::pending());
    assert_eq!(noted.len(), 2, "killed and started again");
}

#[test]
fn the_destructors_of_a_dead_process_do_nothing() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            tracing::info!(target: "observe", what = "last-words");
        }
    }
    async fn holds(_: Notes) {
        let _loud = Loud;
        std::future::pending().await
    }
    let faults = vec![power_loss(host("server")).at(secs(5)).lasting(secs(1))];
    let (_, record) = run(8, faults, holds, |_| std::future::pending());
    let observed = |event: &Event| matches!(event, Event::Observed { .. });
    assert!(!record.events.iter().any(|record| observed(&record.event)));
}

/// What is broken when `main` ends with an error after two seconds, under `faults`.
fn broken_by_a_failing_main(faults: Vec<windtunnel::Fault>) -> Option<(String, String)> {
    let describe = move |tunnel: &mut windtunnel::Tunnel| {
        tunnel.load_for(secs(5)).settle_for(secs(0));
        tunnel.host("server").run(|| async {
            sleep(Duration::from_secs(2)).await;
            Err::<(), _>(std::io::Error::other("no such customer"))
        });
        for fault in faults {
            tunnel.fault(fault);
        }
    };
    let spec = RunSpec::new("failing", Seed(1));
    let record = windtunnel::execute(&spec, Default::default(), describe);
    let record = record.expect("the run can be made");
    let broken = record.rules.iter().find(|rule| rule.fails())?;
    let says = broken.witness().expect("with a witness").says.clone();
    Some((broken.id.clone(), says))
}

#[test]
fn a_main_that_ends_with_an_error_breaks_the_built_in_rule() {
    let (rule, says) = broken_by_a_failing_main(vec![]).expect("a rule is broken");
    assert_eq!(rule, "no-failed-main");
    assert!(
        says.contains("server") && says.contains("no such customer"),
        "{says}"
    );
}

#[test]
fn a_main_may_give_up_while_a_fault_is_on_and_not_after_it() {
    let slowed = |at| {
        let fault = windtunnel::slow(host("server"), host("server"), millis(1));
        fault.at(millis(at)).lasting(millis(500))
    };
    assert_eq!(broken_by_a_failing_main(vec![slowed(1_800)]), None);
    assert!(broken_by_a_failing_main(vec![slowed(1_000)]).is_some());
}

#[test]
fn a_panic_in_a_task_is_an_event_and_breaks_the_built_in_rule() {
    async fn panics(_: Notes) {
        sleep(Duration::from_secs(1)).await;
        tokio::spawn(async { panic!("as planned") });
        std::future::pending().await
    }
    let (_, record) = run(5, vec![], panics, |_| std::future::pending());
    let broken = record
        .rules
        .iter()
        .find(|rule| rule.fails())
        .expect("a rule is broken");
    assert_eq!(broken.id, "no-panic");
    let says = &broken.witness().expect("with a witness").says;
    assert!(
        says.contains("as planned") && says.contains("server"),
        "{says}"
    );
}

/// Accepts one connection and notes when it ends.
async fn sees_the_end(notes: Notes) {
    let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
    let start = Instant::now();
    let (mut stream, _) = listener.accept().await.expect("the process lives");
    let seen = stream.read(&mut [0; 8]).await;
    note(
        &notes,
        start,
        format!("{:?}", seen.map_err(|error| error.kind())),
    );
}

#[test]
fn what_a_task_returns_that_nobody_joins_is_closed() {
    let (noted, _) = run(10, vec![], sees_the_end, |_| async {
        drop(tokio::spawn(TcpStream::connect("server:80")));
        sleep(Duration::from_secs(5)).await;
    });
    // A round trip opens the connection, and the end follows the last of its packets.
    assert_eq!(noted, [(3, "Ok(0)".to_owned())]);
}
