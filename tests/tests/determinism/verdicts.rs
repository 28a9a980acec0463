//! What a sweep in a Rust test says of runs that came to no verdict, took too long, or never were.

use crate::alone;
use std::{
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU32, Ordering},
};
use tokio::net::TcpListener;
use windtunnel::prelude::*;

/// What a panic said.
fn said<T>(panics: impl FnOnce() -> T) -> String {
    let caught = catch_unwind(AssertUnwindSafe(panics)).map(drop);
    let payload = caught.expect_err("it does not hold");
    payload
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_default()
}

/// A service that takes connections and never says a word, and clients that wait for ever.
fn silent(tunnel: &mut Tunnel) {
    tunnel.load_for(secs(2)).settle_for(secs(600));
    let server = tunnel.host("server").run(|| async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        let mut kept = Vec::new();
        loop {
            kept.push(listener.accept().await?);
        }
        #[expect(unreachable_code, reason = "names the type of the error")]
        Ok::<(), std::io::Error>(())
    });
    tunnel.load(open_loop(rate(1)), move |client, key| {
        let address = server.url("").trim_start_matches("http://").to_owned();
        async move {
            let wait = async {
                let _open = tokio::net::TcpStream::connect(address.trim_end_matches('/')).await?;
                pending::<std::io::Result<()>>().await
            };
            client.operation("ask", key, wait).await.ok();
        }
    });
}

#[test]
fn a_run_that_hit_a_limit_does_not_hold_and_says_which() {
    let said = said(|| windtunnel::sweep(0..2, silent).held());
    assert!(said.starts_with("seed 0 came to no verdict: "), "{said}");
    assert!(said.contains("nothing is left that could happen"), "{said}");
}

#[test]
fn a_run_of_which_a_rule_says_nothing_does_not_hold() {
    let describe = |tunnel: &mut Tunnel| {
        alone(tunnel, pending::<()>);
        tunnel.rule(windtunnel::checkers::NamedRule::recovers(
            "recovers",
            secs(1),
            0.9,
        ));
    };
    let said = said(|| windtunnel::sweep(0..2, describe).held());
    assert!(
        said.starts_with("seed 0: rule `recovers` could not be judged: "),
        "{said}"
    );
}

/// A service that loops for ever.
async fn spins() {
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    loop {
        std::hint::spin_loop();
    }
}

#[test]
fn a_run_that_loops_for_ever_is_stopped_and_told() {
    let describe = |tunnel: &mut Tunnel| alone(tunnel, spins);
    let said = said(|| windtunnel::sweep_with_patience(0..2, millis(300), describe).held());
    let stopped = "seed 0 did not finish: it was stopped after 300ms of the machine's time";
    assert_eq!(said, stopped);
}

static RUNS: AtomicU32 = AtomicU32::new(0);

/// A service that takes its process along in the second run of it.
async fn dies_in_a_used_process() {
    if RUNS.fetch_add(1, Ordering::Relaxed) > 0 {
        std::process::abort();
    }
}

#[test]
fn a_repetition_that_comes_to_no_end_is_told_and_not_taken_for_another_course() {
    let describe = |tunnel: &mut Tunnel| alone(tunnel, dies_in_a_used_process);
    let said = said(|| windtunnel::sweep(0..1, describe).held());
    let died = "seed 0 did not finish when it was run again: its process was ended by signal 6";
    assert_eq!(said, died);
}

#[test]
fn runs_that_cannot_start_are_told_once_and_at_once() {
    let describe = |tunnel: &mut Tunnel| {
        alone(tunnel, pending::<()>);
        tunnel.fault(crash(host("servcie")).at(secs(1)).lasting(secs(1)));
    };
    let said = said(|| windtunnel::sweep(0..200, describe).violations());
    assert!(
        said.contains("target `servcie` matches no host (hosts: service)"),
        "{said}"
    );
}
