//! Work occupies a core: who waits for it, who goes on, and what becomes of it when nobody waits any
//! more.

use crate::stage::{Notes, note, run};
use tokio::time::{Duration, Instant};
use windtunnel::{pause_for, record::Span, work};

const TEN: Duration = Duration::from_millis(10);

async fn nothing(_: Notes) {
    std::future::pending().await
}

/// Notes when the work called `name` was done.
fn job(notes: &Notes, start: Instant, name: &'static str) -> tokio::task::JoinHandle<()> {
    let notes = notes.clone();
    tokio::spawn(async move {
        work(TEN).await;
        note(&notes, start, name);
    })
}

#[test]
fn a_task_goes_on_when_its_work_is_done_ahead_of_those_that_wait() {
    let (noted, record) = run(1, vec![], nothing, |notes| async move {
        let start = Instant::now();
        // The cores of the host are four.
        let jobs: Vec<_> = (0..12).map(|_| job(&notes, start, "done")).collect();
        for job in jobs {
            job.await.expect("it does not panic");
        }
    });
    let at: Vec<_> = noted.iter().map(|(at, _)| *at).collect();
    assert_eq!(at, [10, 10, 10, 10, 20, 20, 20, 20, 30, 30, 30, 30]);
    assert_eq!(record.simulated, Span::from_secs(1));
}

#[test]
fn work_that_nobody_waits_for_any_more_occupies_its_core_to_the_end() {
    let (noted, _) = run(1, vec![], nothing, |notes| async move {
        let start = Instant::now();
        let abandoned = job(&notes, start, "abandoned");
        let _beside = [0; 2].map(|_| job(&notes, start, "beside"));
        pause_for(Duration::from_millis(1)).await;
        abandoned.abort();
        assert!(abandoned.await.is_err_and(|error| error.is_cancelled()));
        // Three of the four cores are occupied until 10 ms.
        let late = [0; 2].map(|_| job(&notes, start, "late"));
        for job in late {
            job.await.expect("it does not panic");
        }
        let _after = [0; 4].map(|_| job(&notes, start, "after"));
        pause_for(TEN * 2).await;
    });
    let expected = [
        (10, "beside"),
        (10, "beside"),
        (11, "late"),
        (20, "late"),
        (30, "after"),
        (30, "after"),
        (30, "after"),
        (30, "after"),
    ];
    let noted: Vec<_> = noted
        .iter()
        .map(|(at, name)| (*at, name.as_str()))
        .collect();
    assert_eq!(noted, expected);
}
