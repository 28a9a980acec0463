//! Opening a connection.

use crate::stage::{Notes, echo, exact, note, run};
use std::io::ErrorKind;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Duration, Instant, sleep},
};
use windtunnel::record::{Event, RunSpec, Seed, Span};
use windtunnel::{Settings, execute, host, partition, partition_one_way, power_loss, secs};

async fn connect(notes: Notes) {
    sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    match TcpStream::connect("server:80").await {
        Ok(_) => note(&notes, start, "connected"),
        Err(error) => note(&notes, start, format!("{:?}", error.kind())),
    }
}

async fn idle(_: Notes) {
    std::future::pending().await
}

#[test]
fn a_connect_takes_one_round_trip() {
    let (noted, _) = run(10, vec![], echo, connect);
    assert_eq!(noted, [(2, "connected".into())]);
}

#[test]
fn without_a_listener_it_is_refused_after_one_round_trip() {
    let (noted, _) = run(10, vec![], idle, connect);
    assert_eq!(noted, [(2, format!("{:?}", ErrorKind::ConnectionRefused))]);
}

#[test]
fn silence_times_out_after_135_seconds_whichever_way_is_cut() {
    let cuts = [
        partition(host("client"), host("server")),
        partition_one_way(host("client"), host("server")),
        partition_one_way(host("server"), host("client")),
        power_loss(host("server")),
    ];
    for cut in cuts {
        let (noted, _) = run(200, vec![cut], echo, connect);
        assert_eq!(noted, [(135_000, format!("{:?}", ErrorKind::TimedOut))]);
    }
}

#[test]
fn syns_are_repeated_as_linux_repeats_them() {
    // A link that opens at an instant is found by the first repetition after it.
    for (heals, found) in [(500, 1), (3_500, 4), (5_500, 7), (20_000, 35), (40_000, 69)] {
        let cut = partition(host("client"), host("server"));
        let cut = cut.at(Span::ZERO).lasting(Span::from_millis(1000 + heals));
        let (noted, _) = run(200, vec![cut], echo, connect);
        assert_eq!(
            noted,
            [(found * 1000 + 2, "connected".into())],
            "healed after {heals} ms"
        );
    }
}

#[test]
fn older_kernels_are_a_setting() {
    let record = execute(
        &RunSpec::new("old", Seed(1)),
        Settings::default(),
        |tunnel| {
            let mut network = exact();
            network.syn_linear = Some(0);
            tunnel
                .load_for(secs(200))
                .settle_for(Span::ZERO)
                .network(network);
            tunnel.host("server").run(|| idle(Notes::default()));
            tunnel.host("client").run(|| async {
                let start = Instant::now();
                let error = TcpStream::connect("server:80")
                    .await
                    .expect_err("it is cut");
                let waited = start.elapsed().as_secs() as i64;
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                tracing::info!(target: "observe", what = "waited", amount = waited);
            });
            tunnel.fault(partition(host("client"), host("server")));
        },
    )
    .expect("the run can be made");
    let waited = record.events.iter().find_map(|record| match &record.event {
        Event::Observed { name, fields, .. } if name == "waited" => fields.int("amount"),
        _ => None,
    });
    assert_eq!(waited, Some(127), "{:?}", record.rules);
}

#[test]
fn on_the_same_link_a_host_without_power_is_unreachable_and_one_behind_a_cut_is_silent() {
    let faults = [
        (power_loss(host("server")), "connect HostUnreachable 3"),
        (
            partition(host("client"), host("server")),
            "connect TimedOut 135",
        ),
    ];
    for (fault, expected) in faults {
        let kept = Notes::default();
        let notes = kept.clone();
        let run = move |tunnel: &mut windtunnel::Tunnel| {
            let mut network = exact();
            network.same_link = Some(true);
            tunnel
                .load_for(secs(200))
                .settle_for(Span::ZERO)
                .network(network)
                .fault(fault);
            tunnel.host("server").run(|| idle(Notes::default()));
            tunnel.host("client").run(move || {
                let notes = notes.clone();
                async move {
                    sleep(Duration::from_secs(1)).await;
                    let start = Instant::now();
                    let result = TcpStream::connect("server:80").await;
                    let kind = result.expect_err("nobody answers").kind();
                    let waited = start.elapsed().as_secs();
                    note(&notes, start, format!("connect {kind:?} {waited}"));
                }
            });
        };
        execute(&RunSpec::new("link", Seed(1)), Settings::default(), run)
            .expect("the run can be made");
        let noted = kept.lock().expect("the run is over");
        assert_eq!(noted[0].1, expected);
    }
}

#[test]
fn a_full_backlog_is_silence_until_there_is_room() {
    async fn slow_to_accept(_: Notes) {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket
            .bind("0.0.0.0:80".parse().expect("an address"))
            .expect("free");
        let listener: TcpListener = socket.listen(1).expect("it listens");
        sleep(Duration::from_secs(6)).await;
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await.expect("the process lives"));
        }
    }
    async fn many(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        for number in 0..3 {
            let notes = notes.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(10 * number)).await;
                let stream = TcpStream::connect("server:80").await.expect("in the end");
                note(&notes, start, format!("{number}"));
                std::future::pending::<()>().await;
                drop(stream);
            });
        }
        std::future::pending().await
    }
    let (noted, _) = run(30, vec![], slow_to_accept, many);
    let late = noted
        .iter()
        .find(|(_, who)| who == "2")
        .expect("the third gets in");
    assert!(
        noted[0].0 < 20 && noted[1].0 < 20,
        "two find room: {noted:?}"
    );
    assert!(
        (5_000..8_000).contains(&late.0),
        "the third waits for a repetition: {noted:?}"
    );
}
