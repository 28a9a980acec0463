//! Requests by their trace ids: who sends and receives them on which connection, and the log of one out
//! of a run of many.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    future::pending,
};
use tokio::net::TcpListener;
use tower::service_fn;
use windtunnel::{Settings, execute, prelude::*};
use windtunnel_models::http::{self as wire, Server, ServerPolicy};
use windtunnel_record::{
    Distribution, Event, Fields, Outcome, Record, RunRecord, RunSpec, Seed, Span, TraceId,
};
use windtunnel_reports::request::{Request, traces};
use windtunnel_scenarios::{catalogue, format::Scenario, hooks, world};

const PACKETS: Settings = Settings {
    keep_packets: true,
    log: None,
};

/// Answers each request with the trace that it carries, after some time.
async fn mirror() {
    let service = service_fn(
        |request: hyper::Request<hyper::body::Incoming>| async move {
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            let trace = windtunnel_models::trace::read(request.headers());
            let text = trace.map(windtunnel_models::trace::text);
            Ok::<_, Infallible>(hyper::Response::new(wire::full(text.unwrap_or_default())))
        },
    );
    let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
    let server = Server::new(ServerPolicy::default(), hooks::served).expect("it can work");
    server.serve(listener, service, pending()).await;
}

/// Three clients of the builder's own HTTP, each with a few operations of one or two requests.
fn clients(seed: u64) -> RunRecord {
    let spec = RunSpec::new("clients", Seed(seed));
    let run = execute(&spec, PACKETS, |tunnel: &mut Tunnel| {
        tunnel.load_for(secs(1)).settle_for(secs(1));
        let server = tunnel.host("server").run(mirror);
        let think = Distribution::Fixed(Span::from_millis(20));
        tunnel.load(closed_loop(3, think), move |client, key| {
            let url = server.url("/");
            async move {
                let both = async {
                    let first = http::get(&url).await?;
                    let second = http::get(&url).await?;
                    assert_eq!(first.body, second.body, "one operation, one trace");
                    let trace = windtunnel::trace_id().map(|trace| trace.to_string());
                    assert_eq!(Some(first.body), trace.map(Into::into));
                    Ok::<_, http::Error>(second)
                };
                client
                    .operation("twice", key, both)
                    .await
                    .expect("it is up");
            }
        });
    });
    let run = run.expect("the run can be made");
    assert_eq!(run.verdict(), "held", "{:?}", run.rules);
    run
}

#[test]
fn the_requests_of_an_operation_carry_its_trace_on_connections_that_are_named() {
    let run = clients(1);
    let all = traces(&run.events);
    assert!(all.len() > 20, "{} operations", all.len());
    let different: BTreeSet<_> = all.iter().map(|(trace, _)| trace).collect();
    assert_eq!(different.len(), all.len());
    for (trace, _) in &all {
        let request = Request::of(&run.events, &run.topology, *trace).expect("it is there");
        let mut on = Vec::new();
        for record in &request.events {
            match &record.event {
                Event::RequestSent { connection, .. } => on.push(('s', *connection)),
                Event::RequestReceived { connection, .. } => on.push(('r', *connection)),
                Event::Connected { connection } => on.push(('c', Some(*connection))),
                _ => {}
            }
        }
        // The last may be cut off by the end of the run.
        let [('c', a), ('s', b), ('r', c), ('c', d), ('s', e), ('r', f)] = on[..] else {
            panic!("{trace}: {on:?}");
        };
        assert!(a.is_some() && a == b && b == c, "{trace}: {on:?}");
        assert!(d.is_some() && d == e && e == f && d != a, "{trace}: {on:?}");
    }
}

#[test]
fn traces_are_drawn_from_streams_of_the_operations() {
    for seed in [1, 2] {
        let drawn = |client: u64| {
            let name = format!("load/load/client/{client}/operation/0");
            TraceId::drawn(&mut Seed(seed).stream(&name))
        };
        let drawn: BTreeSet<_> = (0..100).map(drawn).collect();
        for (trace, operation) in traces(&clients(seed).events) {
            assert!(
                drawn.contains(&trace),
                "operation {operation} of seed {seed}"
            );
        }
    }
}

/// A scenario of the catalogue, with its text changed.
fn shop(name: &str, seed: u64, change: impl Fn(&str) -> String) -> RunRecord {
    let known = catalogue::SCENARIOS
        .iter()
        .find(|(known, _)| *known == name);
    let text = change(known.expect("the catalogue has it").1);
    let scenario = Scenario::from_toml(&text).expect("it is valid");
    let describe = move |tunnel: &mut Tunnel| world::describe(&scenario, tunnel);
    execute(&RunSpec::new(name, Seed(seed)), PACKETS, describe).expect("the run can be made")
}

fn of_connection(event: &Event) -> Option<u32> {
    match event {
        Event::Connecting { connection, .. }
        | Event::Connected { connection }
        | Event::NotConnected { connection, .. }
        | Event::Segment { connection, .. }
        | Event::Retransmission { connection, .. }
        | Event::Reset { connection, .. }
        | Event::Probe { connection, .. } => Some(*connection),
        _ => None,
    }
}

/// The gateway asks again until it meets the one of its three endpoints that is well.
const TWO_ARE_ILL: &str = r#"
[[faults]]
id = "ill"
at = "0s"
for = "29s"
inject = { errors = { target = "orders[0]", status = 503, rate = 1.0 } }
[[faults]]
id = "ill-as-well"
at = "0s"
for = "29s"
inject = { errors = { target = "orders[1]", status = 503, rate = 1.0 } }
"#;

/// The only operation of the run, if it is one that succeeded after the gateway repeated its request.
fn only(run: &RunRecord) -> Option<TraceId> {
    let history = run.history().operations;
    let [operation] = &history[..] else {
        return None;
    };
    let repeated = run.events.iter().any(|record| match &record.event {
        Event::Component {
            component,
            what,
            fields,
            ..
        } => component == "gateway" && what == "answered" && fields.int("number") == Some(3),
        _ => false,
    });
    let is_fit = repeated && operation.outcome == Some(Outcome::Ok);
    operation.trace.filter(|_| is_fit)
}

#[test]
fn of_a_shop_with_one_checkout_the_log_of_its_request_leaves_out_nothing() {
    let alone = |text: &str| text.replace("100/s", "0.05/s") + TWO_ARE_ILL;
    let mut runs = (0..200).map(|seed| shop("shop-calm", seed, alone));
    let found = runs.find_map(|run| Some((only(&run)?, run)));
    let (trace, run) = found.expect("there is such a seed");
    let request = Request::of(&run.events, &run.topology, trace).expect("it is there");
    let mut chosen = request.events.iter().copied().peekable();
    let mut hops = BTreeSet::new();
    for record in &run.events {
        let is_chosen = chosen
            .next_if(|chosen| std::ptr::eq(*chosen, record))
            .is_some();
        let matters = matches!(
            record.event,
            Event::Component { .. } | Event::Observed { .. }
        );
        if matters || of_connection(&record.event).is_some() {
            assert!(is_chosen, "left out: {record:?}");
        }
        if let Event::RequestReceived { host, .. } = record.event {
            hops.insert(run.topology.name(host).split('-').next().unwrap_or("?"));
        }
        if let Event::Completed { .. } = record.event {
            break;
        }
    }
    assert_eq!(hops, ["gateway", "orders", "payments", "stock"].into());
}

/// What gateways and clients tell of their attempts, by trace.
fn attempts(events: &[Record]) -> BTreeMap<&str, Vec<&Fields>> {
    let mut all: BTreeMap<&str, Vec<&Fields>> = BTreeMap::new();
    for record in events {
        if let Event::Component { what, fields, .. } = &record.event
            && what == "answered"
        {
            let trace = fields.text("trace").expect("every attempt has one");
            all.entry(trace).or_default().push(fields);
        }
    }
    all
}

/// Whose each connection is at each of its packets: from a request that was sent to the next.
struct Owners(BTreeMap<u32, Vec<(usize, TraceId)>>);

impl Owners {
    fn of(events: &[Record]) -> Self {
        let mut owners: BTreeMap<u32, Vec<(usize, TraceId)>> = BTreeMap::new();
        for (position, record) in events.iter().enumerate() {
            if let Event::RequestSent {
                connection: Some(connection),
                trace,
                ..
            } = record.event
            {
                owners
                    .entry(connection)
                    .or_default()
                    .push((position, trace));
            }
        }
        Self(owners)
    }

    /// Before its first request a connection is opened for that.
    fn at(&self, connection: u32, position: usize) -> Option<TraceId> {
        let all = self.0.get(&connection)?;
        let next = all.partition_point(|(from, _)| *from <= position);
        all.get(next.saturating_sub(1)).map(|(_, trace)| *trace)
    }
}

#[test]
fn in_a_storm_the_log_of_a_repeated_request_has_every_attempt_and_no_packet_of_another_one() {
    let run = shop("shop", 42, str::to_owned);
    let (owners, made) = (Owners::of(&run.events), attempts(&run.events));
    let places = run.events.iter().enumerate();
    let places: BTreeMap<*const Record, usize> = places
        .map(|(place, record)| (std::ptr::from_ref(record), place))
        .collect();
    let mut repeated = 0;
    for (trace, operation) in traces(&run.events) {
        let text = trace.to_string();
        let made = made.get(&*text).cloned().unwrap_or_default();
        if made.iter().all(|fields| fields.int("number") == Some(1)) {
            continue;
        }
        repeated += 1;
        let request = Request::of(&run.events, &run.topology, trace).expect("it is there");
        assert_eq!(request.operation, Some(operation));
        for record in &request.events {
            if let Some(connection) = of_connection(&record.event) {
                let of = owners.at(connection, places[&std::ptr::from_ref(*record)]);
                assert!(
                    of.is_none_or(|of| of == trace),
                    "{trace}: {record:?} is of {of:?}"
                );
            }
        }
        let told: Vec<Record> = request.events.iter().copied().cloned().collect();
        assert_eq!(
            attempts(&told).remove(&*text),
            Some(made),
            "operation {operation}"
        );
        let sent: BTreeSet<_> = Owners::of(&told).0.into_keys().collect();
        for record in &told {
            if let Event::RequestReceived {
                connection: Some(on),
                ..
            } = record.event
            {
                assert!(sent.contains(&on), "{trace}: nobody sent it on {on}");
            }
        }
    }
    assert!(repeated > 20, "{repeated} requests were repeated");
}
