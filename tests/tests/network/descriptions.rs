//! What is refused before a run begins, so that a mistake in a test does not make it prove nothing.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use windtunnel::prelude::*;
use windtunnel::record::{
    Distribution, FaultPlan, Inject, Moment, PlannedFault, RunSpec, Seed, Size, Span,
    target::Targets,
};
use windtunnel::{LinkSettings, Network, everything, execute};

/// What is said of a description of a host `server` and of what `more` adds. Nothing may have run.
fn refused(faults: Option<FaultPlan>, more: impl FnOnce(&mut Tunnel) + Send + 'static) -> String {
    let ran = Arc::new(AtomicBool::new(false));
    let seen = ran.clone();
    let mut spec = RunSpec::new("described", Seed(1));
    spec.faults = faults;
    let describe = move |tunnel: &mut Tunnel| {
        tunnel.load_for(secs(5)).settle_for(secs(0));
        tunnel.host("server").run(move || {
            seen.store(true, Ordering::Relaxed);
            std::future::pending::<()>()
        });
        more(tunnel);
    };
    let error = execute(&spec, Default::default(), describe).expect_err("it is wrong");
    assert!(!ran.load(Ordering::Relaxed), "it ran all the same");
    error.to_string()
}

#[test]
fn everything_that_is_wrong_with_a_description_is_told_at_once() {
    let said = refused(None, |tunnel| {
        let idle = std::future::pending::<()>;
        tunnel.host("server").run(idle);
        let backwards = between(secs(9), secs(1));
        let disk = Disk {
            sync: backwards,
            capacity: Some(Size::from_kib(1)),
            ..Disk::default()
        };
        tunnel.host("halted").disk(disk).run(idle);
        tunnel.load(open_loop(rate(1)), |_, _| async {});
        tunnel.load(open_loop(rate(1)), |_, _| async {});
        tunnel.fault(loss(host("server"), everything(), 1.5).named("lossy"));
        let never_ends = crash(host("server")).every(secs(2));
        tunnel.fault(never_ends.named("lossy"));
        let backwards = between(secs(9), secs(1));
        tunnel.fault(pause(host("server")).at(backwards).lasting(secs(1)));
        tunnel.always("sound", |_| true).never("sound", |_| false);
        let to = |name: &str| Targets(vec![host(name)]);
        tunnel.network(Network {
            loss: Some(-0.1),
            same_zone: Some(Distribution::Uniform {
                min: secs(2),
                max: secs(1),
            }),
            links: vec![LinkSettings {
                from: to("server"),
                to: to("sevrer"),
                latency: None,
                loss: None,
                impairments: Default::default(),
            }],
            ..Network::default()
        });
    });
    for hint in [
        "two hosts are called `server`",
        "host `halted`: an fsync cannot be drawn: max (1s) is below min (9s)",
        "host `halted`: its disk has no room for the root directory (4KiB)",
        "two hosts are called `load`",
        "two faults are called `lossy`",
        "fault `lossy`: `rate` must be between 0 and 1 (found 1.5)",
        "fault `lossy`: `every` without `for` happens once",
        "fault `pause-2`: `at`: max (1s) is below min (9s)",
        "two rules are called `sound`",
        "the network's loss is a share",
        "the latency in a zone cannot be drawn",
        "a link ends at `sevrer`, which means no host",
    ] {
        assert!(said.contains(hint), "{hint} is not in: {said}");
    }
    assert_eq!(said.matches("; ").count(), 11, "{said}");
}

#[test]
fn a_fault_that_means_no_host_is_refused_drawn_or_explicit() {
    let at_nobody = || crash(host("sevrer")).at(secs(1)).lasting(secs(1));
    let said = refused(None, move |tunnel| {
        tunnel.fault(at_nobody());
    });
    let says = "target `sevrer` matches no host (hosts: server)";
    assert!(said.contains(says), "{said}");
    let explicit = PlannedFault {
        id: "crash-0".into(),
        at: Moment::START + Span::from_secs(1),
        lasting: Span::from_secs(1),
        inject: Inject::Crash {
            target: Targets(vec![host("sevrer")]),
            count: None,
        },
    };
    let said = refused(Some(FaultPlan::new(vec![explicit])), |_| {});
    assert!(said.contains(says), "{said}");
}
