//! A stall seen by loads of both kinds: what a closed loop leaves out, and what puts it back.

use super::law::{Bar, Case, Figure, Law, Line, Outcome, Plot, Size};
use hdrhistogram::Histogram;
use std::{cell::RefCell, collections::VecDeque, rc::Rc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::oneshot,
};
use windtunnel::{
    Network, Settings, Tunnel, closed_loop, execute, host, open_loop, pause, rate, secs,
};
use windtunnel_record::{Distribution, RunRecord, RunSpec, Seed, Span};

/// Each load asks so often.
const PER_SECOND: u32 = 100;

/// Answers come at once for so long, and then not at all for as long again.
const HALF: u64 = 100;

/// The round trip.
const QUICK: Span = Span::from_millis(1);

/// A closed loop, the same corrected, and an open loop.
pub fn omission() -> Law {
    let case = Case {
        name: "100 s well, 100 s stalled".into(),
        check: Size::ONCE,
        full: Size::ONCE,
        measure: Box::new(|_| measure()),
    };
    Law {
        id: "omission",
        title: "A stall: coordinated omission",
        about: "A server answers 100 requests a second in 1 ms each, and is then stalled for as long \
                as it went well (G. Tene, *How NOT to Measure Latency*). Who would have come during \
                the stall waits from 0 to 100 s, all alike: half of all, so the mean is 25 s and the \
                third quartile 50 s. A closed loop asks one who waits 100 s, and nobody else; \
                HdrHistogram's correction puts those back who were left out; an open loop leaves \
                nobody out, because it counts from when a request was due.",
        plot: Some(Plot {
            title: "Latency after 100 s well and 100 s stalled",
            x: "percentile",
            y: "seconds",
            log: false,
        }),
        cases: vec![case],
    }
}

fn measure() -> Outcome {
    let run = execute(
        &RunSpec::new("omission", Seed(0)),
        Settings::default(),
        describe,
    );
    let run = run.expect("the run can be made");
    assert_eq!(run.verdict(), "held", "{:?}", run.limit());
    let gap = 1_000_000_000 / u64::from(PER_SECOND);
    let as_recorded = latencies(&run, "closed", |histogram, nanos| histogram.record(nanos));
    let corrected = latencies(&run, "closed", |histogram, nanos| {
        histogram.record_correct(nanos, gap)
    });
    let open = latencies(&run, "open", |histogram, nanos| histogram.record(nanos));

    let stall = HALF as f64 * 1e3;
    let asked = stall / 10.0;
    let left_out = (asked + stall) / (asked + 1.0);
    let mut figures = vec![
        within(
            "closed loop as recorded: mean, ms",
            left_out,
            mean(&as_recorded),
            0.01,
        ),
        within(
            "closed loop as recorded: p99.9, ms",
            1.0,
            quantile(&as_recorded, 0.999),
            0.01,
        ),
    ];
    for (name, histogram, share) in [
        ("closed loop corrected", &corrected, 0.01),
        ("open loop", &open, 0.03),
    ] {
        let figure = |what: &str, expected, measured| {
            within(&format!("{name}: {what}, ms"), expected, measured, share)
        };
        figures.push(figure("mean", stall / 4.0, mean(histogram)));
        figures.push(figure("p75", stall / 2.0, quantile(histogram, 0.75)));
        figures.push(figure("p99", stall * 0.98, quantile(histogram, 0.99)));
    }
    let lines = [
        ("as recorded", &as_recorded),
        ("corrected", &corrected),
        ("open loop", &open),
    ];
    Outcome {
        figures,
        lines: lines.map(|(name, histogram)| line(name, histogram)).into(),
    }
}

fn within(what: &str, expected: f64, measured: f64, share: f64) -> Figure {
    Figure::bounded(what, expected, measured, Bar::Within(share))
}

fn latencies<E: std::fmt::Debug>(
    run: &RunRecord,
    load: &str,
    take: impl Fn(&mut Histogram<u64>, u64) -> Result<(), E>,
) -> Histogram<u64> {
    let mut histogram = Histogram::new(3).expect("three digits are allowed");
    let history = run.history();
    let operations = history.operations.iter().filter(|o| o.name == load);
    for latency in operations.filter_map(|operation| operation.latency()) {
        take(&mut histogram, latency.as_nanos()).expect("it grows");
    }
    histogram
}

fn mean(histogram: &Histogram<u64>) -> f64 {
    histogram.mean() / 1e6
}

fn quantile(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e6
}

fn line(name: &str, histogram: &Histogram<u64>) -> Line {
    let points = (0..=100).map(|percent| {
        let share = f64::from(percent) / 100.0;
        (f64::from(percent), quantile(histogram, share) / 1e3)
    });
    Line {
        name: name.into(),
        points: points.collect(),
    }
}

fn describe(tunnel: &mut Tunnel) {
    let way = Some(Distribution::Fixed(QUICK.mul_f64(0.5)));
    tunnel
        .network(Network {
            same_zone: way,
            ..Network::default()
        })
        .load_for(secs(2 * HALF))
        .settle_for(secs(1))
        .fault(pause(host("server")).at(secs(HALF)).lasting(secs(HALF)));
    tunnel.host("server").cpu(Span::ZERO, Span::ZERO).run(echo);
    let think = Span::from_millis(1000 / u64::from(PER_SECOND)).saturating_sub(QUICK);
    let loads = [
        ("closed", closed_loop(1, Distribution::Fixed(think))),
        ("open", open_loop(rate(PER_SECOND))),
    ];
    for (name, load) in loads {
        let line = Rc::<Questions>::default();
        tunnel.load(load.named(name), move |client, key| {
            let line = line.clone();
            async move { client.operation(name, key, line.ask()).await }
        });
    }
}

async fn echo() {
    let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
    loop {
        let (mut stream, _) = listener.accept().await.expect("it listens");
        tokio::spawn(async move {
            let mut room = [0; 4_096];
            while let Ok(count @ 1..) = stream.read(&mut room).await {
                stream.write_all(&room[..count]).await.expect("it is read");
            }
        });
    }
}

/// Questions of one byte over one connection, answered in turn.
#[derive(Default)]
struct Questions {
    connected: tokio::sync::Mutex<Option<OwnedWriteHalf>>,
    waiting: Rc<RefCell<VecDeque<oneshot::Sender<()>>>>,
}

impl Questions {
    async fn ask(&self) {
        let answered = {
            let mut connected = self.connected.lock().await;
            if connected.is_none() {
                let stream = TcpStream::connect("server:80").await.expect("it listens");
                stream.set_nodelay(true).expect("it is open");
                let (read, write) = stream.into_split();
                tokio::task::spawn_local(answers(read, self.waiting.clone()));
                *connected = Some(write);
            }
            let (answer, answered) = oneshot::channel();
            self.waiting.borrow_mut().push_back(answer);
            let stream = connected.as_mut().expect("it was just connected");
            stream.write_all(&[1]).await.expect("there is room");
            answered
        };
        answered.await.expect("everything is answered");
    }
}

async fn answers(mut read: OwnedReadHalf, waiting: Rc<RefCell<VecDeque<oneshot::Sender<()>>>>) {
    let mut room = [0; 4_096];
    while let Ok(count @ 1..) = read.read(&mut room).await {
        for _ in 0..count {
            let next = waiting.borrow_mut().pop_front();
            let next = next.expect("nobody is answered who did not ask");
            next.send(()).ok();
        }
    }
}
