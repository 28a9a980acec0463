//! Names: how they are looked up, remembered, and what a `dns` fault makes of that.

use crate::stage::{Notes, note};
use std::sync::{Arc, Mutex};
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket, lookup_host},
    time::{Duration, Instant, sleep_until},
};
use windtunnel::record::{
    Distribution, Dns, Event, RunRecord, RunSpec, Seed, Span, dns::Misanswer, target::Targets,
};
use windtunnel::{
    Fault, Network, Settings, Tunnel, crash, dns, everything, execute, host, millis, pause,
    power_loss, secs,
};

/// What a look-up of `name` at this millisecond of the run gives, and how long it took.
async fn ask(notes: Notes, start: Instant, at: u64, name: &str) {
    sleep_until(start + Duration::from_millis(at)).await;
    let began = Instant::now();
    let answer = match lookup_host((name, 80)).await {
        Ok(found) => {
            let found: Vec<String> = found.map(|at| at.ip().to_string()).collect();
            found.join(" ")
        }
        Err(error) => error.to_string().split(": ").last().unwrap_or("").into(),
    };
    note(&notes, began, answer);
}

/// Two replicas `store-0` and `store-1`, 10.0.0.1 and 10.0.0.2, and a client that looks names up at
/// these milliseconds.
fn asked(
    settings: Option<Dns>,
    faults: Vec<Fault>,
    questions: &[(u64, &'static str)],
) -> (Vec<(u64, String)>, RunRecord) {
    let notes = Notes::default();
    let kept = notes.clone();
    let questions = questions.to_vec();
    let spec = RunSpec::new("dns", Seed(1));
    let quiet = Settings {
        keep_packets: false,
        log: None,
    };
    let record = execute(&spec, quiet, move |tunnel: &mut Tunnel| {
        tunnel
            .load_for(secs(60))
            .settle_for(Span::ZERO)
            .network(Network {
                dns: settings,
                ..Network::default()
            });
        for number in 0..2 {
            tunnel
                .host(&format!("store-{number}"))
                .replica_of("store", number)
                .run(std::future::pending::<()>);
        }
        tunnel
            .host("client")
            .cpu(Span::ZERO, Span::ZERO)
            .run(move || {
                let (notes, questions) = (notes.clone(), questions.clone());
                async move {
                    let start = Instant::now();
                    for (at, name) in questions {
                        ask(notes.clone(), start, at, name).await;
                    }
                }
            });
        for fault in faults {
            tunnel.fault(fault);
        }
    });
    let noted = kept.lock().expect("the run is over").clone();
    (noted, record.expect("the run can be made"))
}

fn answers(
    settings: Option<Dns>,
    faults: Vec<Fault>,
    questions: &[(u64, &'static str)],
) -> Vec<String> {
    let (noted, _) = asked(settings, faults, questions);
    noted.into_iter().map(|(_, answer)| answer).collect()
}

/// From 5 s to 10 s.
fn at_five(fault: Fault) -> Vec<Fault> {
    vec![fault.at(secs(5)).lasting(secs(5))]
}

const BOTH: &str = "10.0.0.1 10.0.0.2";
const UNKNOWN: &str = "Name or service not known";

#[test]
fn without_settings_and_faults_a_look_up_takes_no_time_and_leaves_no_trace() {
    let questions = [(1_000, "store"), (1_000, "store-1"), (1_000, "stroe")];
    let (noted, record) = asked(None, vec![], &questions);
    let unknown = "no host is called `stroe`";
    assert_eq!(
        noted,
        [
            (0, BOTH.into()),
            (0, "10.0.0.2".into()),
            (0, unknown.into())
        ]
    );
    let traced = |event: &Event| matches!(event, Event::LookedUp { .. });
    assert!(!record.events.iter().any(|record| traced(&record.event)));
}

#[test]
fn a_look_up_takes_its_latency_and_the_answer_is_remembered_as_long_as_it_lives() {
    let settings = Dns {
        latency: Some(Distribution::Fixed(millis(20))),
        ttl: secs(10),
        ..Dns::default()
    };
    let questions = [
        (1_000, "store"),
        (2_000, "store"),
        (11_010, "store"),
        (11_500, "store"),
    ];
    let (noted, record) = asked(Some(settings), vec![], &questions);
    let times: Vec<u64> = noted.iter().map(|(took, _)| *took).collect();
    assert_eq!(times, [20, 0, 0, 20]);
    let remembered = record.events.iter().filter(|record| {
        matches!(
            record.event,
            Event::LookedUp {
                remembered: true,
                ..
            }
        )
    });
    assert_eq!(remembered.count(), 2);
}

#[test]
fn names_of_addresses_are_not_looked_up() {
    let settings = Dns {
        latency: Some(Distribution::Fixed(secs(1))),
        ..Dns::default()
    };
    let questions = [(1_000, "10.0.0.2"), (1_000, "localhost")];
    let (noted, _) = asked(Some(settings), vec![], &questions);
    assert_eq!(noted, [(0, "10.0.0.2".into()), (0, "127.0.0.1".into())]);
}

#[test]
fn each_misanswer_lasts_as_long_as_its_fault() {
    let questions = [(4_000, "store"), (6_000, "store"), (11_000, "store")];
    let none = "Temporary failure in name resolution";
    let wrong = Misanswer::Wrong(Targets::from(host("client")));
    for (how, during) in [
        (Misanswer::Nxdomain, UNKNOWN),
        (Misanswer::Fails, none),
        (Misanswer::Nowhere, "192.0.2.1"),
        (wrong, "10.0.0.3"),
        (Misanswer::Stale, BOTH),
    ] {
        let fault = dns(everything(), host("store"), how.clone());
        let found = answers(None, at_five(fault), &questions);
        assert_eq!(found, [BOTH, during, BOTH], "{how:?}");
    }
}

#[test]
fn a_slow_name_service_is_late_by_what_was_drawn() {
    let how = Misanswer::Slow(Distribution::Fixed(millis(700)));
    let fault = dns(everything(), host("store"), how);
    let questions = [(4_000, "store"), (6_000, "store"), (11_000, "store")];
    let (noted, record) = asked(None, at_five(fault), &questions);
    let times: Vec<u64> = noted.iter().map(|(took, _)| *took).collect();
    assert_eq!(times, [0, 700, 0]);
    let hit = |event: &Event| matches!(event, Event::FaultHit { .. });
    assert!(record.events.iter().any(|record| hit(&record.event)));
}

#[test]
fn a_fault_touches_those_who_ask_and_the_names_that_it_means() {
    let of_one = dns(everything(), host("store-0"), Misanswer::Nxdomain);
    let questions = [(6_000, "store-0"), (6_000, "store-1"), (6_000, "client")];
    let found = answers(None, at_five(of_one), &questions);
    assert_eq!(found, [UNKNOWN, "10.0.0.2", "10.0.0.3"]);
    let by_another = dns(host("store"), everything(), Misanswer::Nxdomain);
    assert_eq!(
        answers(None, at_five(by_another), &questions[..1]),
        ["10.0.0.1"]
    );
}

#[test]
fn what_is_remembered_outlasts_the_fault_that_made_it_up() {
    let settings = Dns {
        ttl: secs(30),
        negative_ttl: secs(4),
        ..Dns::default()
    };
    let questions = [
        (9_000, "store"),
        (12_000, "store"),
        (14_000, "store"),
        (38_000, "store"),
    ];
    let nowhere = dns(everything(), host("store"), Misanswer::Nowhere);
    let found = answers(Some(settings), at_five(nowhere), &questions);
    assert_eq!(found, ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1"]);
    let nxdomain = dns(everything(), host("store"), Misanswer::Nxdomain);
    let found = answers(Some(settings), at_five(nxdomain), &questions);
    assert_eq!(found, [UNKNOWN, UNKNOWN, BOTH, BOTH]);
}

#[test]
fn answers_follow_hosts_only_as_configured() {
    let questions = [
        (4_000, "store"),
        (6_000, "store"),
        (8_000, "store"),
        (8_000, "store-0"),
        (11_000, "store"),
        (13_000, "store"),
    ];
    let one = "10.0.0.2";
    let follows = Dns {
        follows: Some(secs(2)),
        ..Dns::default()
    };
    let dark = || at_five(power_loss(host("store-0")));
    let dead = || at_five(crash(host("store-0")));
    for faults in [dark(), dead()] {
        let found = answers(Some(follows), faults, &questions);
        assert_eq!(found, [BOTH, BOTH, one, UNKNOWN, one, BOTH]);
    }
    let frozen = at_five(pause(host("store-0")));
    let found = answers(Some(follows), frozen, &questions);
    assert_eq!(found[2], BOTH, "a frozen process still runs");
    let found = answers(Some(Dns::default()), dark(), &questions);
    assert_eq!(found, [BOTH, BOTH, BOTH, "10.0.0.1", BOTH, BOTH]);
}

#[test]
fn stale_answers_are_those_of_the_begin_of_the_fault() {
    let follows = Dns {
        follows: Some(Span::ZERO),
        ..Dns::default()
    };
    let faults = vec![
        power_loss(host("store-0")).at(secs(4)).lasting(secs(2)),
        dns(everything(), everything(), Misanswer::Stale)
            .at(secs(5))
            .lasting(secs(5)),
    ];
    let questions = [(3_000, "store"), (7_000, "store"), (11_000, "store")];
    let found = answers(Some(follows), faults, &questions);
    assert_eq!(
        found,
        [BOTH, "10.0.0.2", BOTH],
        "it is back, and nobody knows"
    );
}

#[test]
fn connecting_by_name_looks_it_up() {
    type Found = Arc<Mutex<Vec<String>>>;
    async fn connect(found: Found) {
        sleep_until(Instant::now() + Duration::from_secs(6)).await;
        let tcp = TcpStream::connect("store:80").await.map(drop);
        let udp = UdpSocket::bind("0.0.0.0:0").await.expect("free");
        let sent = udp.send_to(b"x", "store:80").await.map(drop);
        let connected = udp.connect("store:80").await;
        for result in [tcp, sent, connected] {
            let told = result.map_err(|error| error.to_string());
            found
                .lock()
                .expect("nobody panics")
                .push(format!("{told:?}"));
        }
    }
    let found = Found::default();
    let kept = found.clone();
    let quiet = Settings {
        keep_packets: false,
        log: None,
    };
    let spec = RunSpec::new("dns", Seed(1));
    let run = execute(&spec, quiet, move |tunnel: &mut Tunnel| {
        tunnel.load_for(secs(20)).settle_for(Span::ZERO);
        tunnel.host("store").run(|| async {
            let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
            while listener.accept().await.is_ok() {}
        });
        tunnel.host("client").run(move || connect(found.clone()));
        let fault = dns(host("client"), host("store"), Misanswer::Fails);
        tunnel.fault(fault.at(secs(5)).lasting(secs(5)));
    });
    run.expect("the run can be made");
    let failed =
        "Err(\"failed to lookup address information: Temporary failure in name resolution\")";
    assert_eq!(*kept.lock().expect("over"), [failed, failed, failed]);
}
