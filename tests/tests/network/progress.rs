//! What a run says that can make no progress any more.

use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Mutex, oneshot},
    time::{Duration, sleep},
};
use windtunnel::prelude::*;
use windtunnel::record::{Distribution, Limits, RunRecord, RunSpec, Seed, Span};
use windtunnel::{Settings, execute};

/// Serves one connection at a time, and never gives the lock back.
async fn forgetful() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let lock = Arc::new(Mutex::new(()));
    loop {
        let (mut stream, _) = listener.accept().await?;
        let lock = lock.clone();
        tokio::spawn(async move {
            let held = lock.lock().await;
            stream.read_exact(&mut [0; 4]).await?;
            std::mem::forget(held);
            stream.write_all(b"pong").await
        });
    }
}

fn served_by<F, Fut>(main: F, patient: bool) -> RunRecord
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = std::io::Result<()>> + 'static,
{
    execute(
        &RunSpec::new("stuck", Seed(1)),
        Settings::default(),
        move |tunnel| {
            tunnel.load_for(secs(10)).settle_for(secs(600));
            tunnel.host("server").run(main);
            tunnel.load(open_loop(rate(1)), move |client, key| async move {
                let ask = async {
                    let mut stream = TcpStream::connect("server:80").await?;
                    stream.write_all(b"ping").await?;
                    stream.read_exact(&mut [0; 4]).await
                };
                let answer = async {
                    if patient {
                        return ask.await.map(drop);
                    }
                    let answer = tokio::time::timeout(Duration::from_secs(1), ask).await;
                    answer.map_or(Ok(()), |got| got.map(drop))
                };
                client.operation("ask", key, answer).await.ok();
            });
        },
    )
    .expect("the run can be made")
}

#[test]
fn a_system_that_waits_for_ever_says_who_waits_for_what_and_where_it_was_spawned() {
    let record = served_by(forgetful, true);
    let what = record.limit().expect("a limit stopped it");
    for part in [
        "no progress: nothing is left that could happen after",
        "load waits for `ask` of ",
        "the task of server spawned at tests/network/progress.rs:21 waits for something inside",
        "the main task of server waits for a connection on port 80",
        "waits for bytes from server (10.0.0.1:80)",
    ] {
        assert!(what.contains(part), "{part} is not in:\n{what}");
    }
    assert_eq!(record.verdict(), "unknown");
    assert!(record.simulated < secs(20), "it does not wait for the end");
}

/// The pause ends at the instant at which the load does and gauges are read.
#[test]
fn who_was_woken_at_this_very_instant_is_not_stuck() {
    async fn echo() -> std::io::Result<()> {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        let (mut stream, _) = listener.accept().await?;
        let mut byte = [0];
        while stream.read_exact(&mut byte).await.is_ok() {
            stream.write_all(&byte).await?;
        }
        Ok(())
    }
    let spec = RunSpec::new("paused", Seed(1));
    let record = execute(&spec, Settings::default(), |tunnel| {
        tunnel.load_for(secs(10)).settle_for(secs(10));
        tunnel.fault(pause(host("server")).at(secs(5)).lasting(secs(5)));
        tunnel.host("server").run(echo);
        let stream = Arc::new(Mutex::new(None));
        let think = Distribution::Fixed(millis(100));
        tunnel.load(closed_loop(1, think), move |client, key| {
            let stream = stream.clone();
            async move {
                let ask = async {
                    let mut stream = stream.lock().await;
                    if stream.is_none() {
                        *stream = Some(TcpStream::connect("server:80").await?);
                    }
                    let stream = stream.as_mut().expect("it was just connected");
                    stream.write_all(b"?").await?;
                    stream.read_exact(&mut [0]).await.map(drop)
                };
                client.operation("ask", key, ask).await.ok();
            }
        });
    });
    let record = record.expect("the run can be made");
    assert_eq!(record.limit(), None);
    let history = record.history();
    let slowest = history.operations.iter().filter_map(|o| o.latency()).max();
    assert!(
        slowest.is_some_and(|slowest| slowest > secs(4)),
        "{slowest:?}"
    );
}

#[test]
fn a_system_whose_clients_give_up_is_not_stuck_only_quiet() {
    let record = served_by(forgetful, false);
    assert_eq!(record.limit(), None);
    assert_eq!(record.simulated, secs(610));
}

#[test]
fn a_future_that_waits_for_ever_panics_with_what_it_waits_for() {
    let stuck = std::panic::catch_unwind(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("built");
        runtime.block_on(async {
            let (keep, answer) = oneshot::channel::<()>();
            let other = tokio::spawn(async move {
                answer.await.ok();
            });
            sleep(Duration::from_secs(5)).await;
            other.await.ok();
            drop(keep);
        });
    });
    let payload = stuck.expect_err("it cannot end");
    let text = payload.downcast_ref::<String>().expect("a message");
    for part in [
        "after 5.000s",
        "the main task of localhost waits for the end of the task of localhost spawned at \
         tests/network/progress.rs:",
        "waits for something inside its program",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn a_signal_that_is_waited_for_no_longer_is_not_what_a_task_waits_for() {
    let stuck = std::panic::catch_unwind(|| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().expect("built");
        runtime.block_on(async {
            for _ in 0..3 {
                let asked = tokio::signal::ctrl_c();
                let waited = tokio::time::timeout(Duration::from_secs(1), asked).await;
                assert!(waited.is_err(), "nobody asks");
            }
            let mut asked = std::pin::pin!(tokio::signal::ctrl_c());
            for _ in 0..3 {
                let wait = tokio::time::timeout(Duration::from_secs(1), asked.as_mut());
                assert!(wait.await.is_err(), "nobody asks");
            }
            asked.await
        })
    });
    let payload = stuck.expect_err("it cannot end");
    let text = payload.downcast_ref::<String>().expect("a message");
    assert!(
        text.ends_with("the main task of localhost waits for a signal"),
        "{text}"
    );
}

#[test]
fn a_task_that_never_lets_time_pass_is_caught_and_named() {
    let mut spec = RunSpec::new("spin", Seed(1));
    spec.limits = Limits {
        polls_at_one_instant: 10_000,
        ..Limits::default()
    };
    let record = execute(&spec, Settings::default(), |tunnel| {
        tunnel
            .host("server")
            .cpu(Span::ZERO, Span::ZERO)
            .run(|| async {
                sleep(Duration::from_secs(3)).await;
                let spins = tokio::spawn(async {
                    loop {
                        tokio::task::yield_now().await;
                    }
                });
                spins.await.map_err(std::io::Error::from)
            });
    })
    .expect("the run can be made");
    let what = record.limit().expect("a limit stopped it");
    assert!(
        what.starts_with("10000 polls at one instant without an end; the last was of the task of server spawned at tests/network/progress.rs:"),
        "{what}"
    );
    assert_eq!(record.simulated, secs(3));
}
