//! Work occupies a core: who waits for it, who goes on, and what becomes of it when nobody waits any
//! more.

use crate::stage::{Notes, note, run};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::future::Future;
use tokio::time::{Duration, Instant};
use windtunnel::{
    Settings, Tunnel, execute, pause_for,
    record::{RunSpec, Scheduling, Seed, Span},
    work,
};

const TEN: Duration = Duration::from_millis(10);

/// What a program on a host with four cores that are shared notes in a second.
fn on_shared_cores<F: Future<Output = ()> + 'static>(
    per_poll: Span,
    program: impl Fn(Notes) -> F + Send + 'static,
) -> Vec<(u64, String)> {
    let notes = Notes::default();
    let kept = notes.clone();
    let spec = RunSpec::new("shared", Seed(1));
    let record = execute(&spec, Settings::default(), move |tunnel: &mut Tunnel| {
        tunnel.load_for(Span::from_secs(1)).settle_for(Span::ZERO);
        let host = tunnel.host("shared").cores(4).cpu(per_poll, Span::ZERO);
        let host = host.scheduling(Scheduling::ProcessorSharing);
        host.run(move || program(notes.clone()));
    });
    assert_eq!(record.expect("the run can be made").verdict(), "held");
    kept.lock().expect("the run is over").clone()
}

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

#[test]
fn on_shared_cores_all_work_goes_on_at_once_and_takes_the_longer_the_more_there_is() {
    let noted = on_shared_cores(Span::ZERO, |notes| async move {
        let start = Instant::now();
        // Eight jobs on four cores go on at half the speed; the late one comes when they are half done,
        // and all nine go on at four ninths of it.
        let jobs: Vec<_> = (0..8).map(|_| job(&notes, start, "early")).collect();
        pause_for(TEN).await;
        let late = job(&notes, start, "late");
        for job in jobs.into_iter().chain([late]) {
            job.await.expect("it does not panic");
        }
    });
    // Nine of them share four cores from 10 ms on: the early ones need 5 ms more of work, 11.25 ms in
    // time; the late one has its other 5 ms alone.
    let at: Vec<_> = noted
        .iter()
        .map(|(at, name)| (*at, name.as_str()))
        .collect();
    let early = [(21, "early"); 8];
    assert_eq!(at[..8], early);
    assert_eq!(at[8..], [(26, "late")]);
}

#[test]
fn on_shared_cores_who_is_polled_at_once_is_still_charged() {
    let noted = on_shared_cores(Span::from_millis(1), |notes| async move {
        let start = Instant::now();
        // Each poll costs 1 ms, the first of `main` and of each task too.
        let jobs: Vec<_> = (0..4).map(|_| job(&notes, start, "done")).collect();
        for job in jobs {
            job.await.expect("it does not panic");
        }
    });
    let at: Vec<_> = noted.iter().map(|(at, _)| *at).collect();
    // 11 ms of work each; for the first millisecond `main` is a fifth on four cores.
    assert!(at.iter().all(|at| (11..=12).contains(at)), "{at:?}");
}

#[test]
fn on_shared_cores_work_that_nobody_waits_for_any_more_slows_the_others_to_its_end() {
    let noted = on_shared_cores(Span::ZERO, |notes| async move {
        let start = Instant::now();
        let abandoned: Vec<_> = (0..4).map(|_| job(&notes, start, "abandoned")).collect();
        let others: Vec<_> = (0..4).map(|_| job(&notes, start, "done")).collect();
        pause_for(Duration::from_millis(2)).await;
        abandoned.iter().for_each(|job| job.abort());
        for job in others {
            job.await.expect("it does not panic");
        }
    });
    let at: Vec<_> = noted
        .iter()
        .map(|(at, name)| (*at, name.as_str()))
        .collect();
    assert_eq!(at, [(20, "done"); 4]);
}

#[test]
fn a_program_is_told_the_cores_and_the_name_of_its_host() {
    let noted = on_shared_cores(Span::ZERO, |notes| async move {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let mut name = [0_u8; 64];
        // SAFETY: the array has so many bytes.
        let told = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) };
        let end = name.iter().position(|&byte| byte == 0).expect("it ends");
        let name = String::from_utf8_lossy(&name[..end]).into_owned();
        note(
            &notes,
            Instant::now(),
            format!("{told}: {name} has {cores}"),
        );
    });
    assert_eq!(noted, [(0, "0: shared has 4".to_owned())]);
}

/// Works four times within one task, by a combinator that polls only those whose own waker was called.
async fn works_four_times(notes: Notes) {
    let start = Instant::now();
    let mut all: FuturesUnordered<_> = (0..4).map(|_| work(TEN)).collect();
    while all.next().await.is_some() {
        note(&notes, start, "done");
    }
}

#[test]
fn work_wakes_whoever_awaits_it_also_inside_a_combinator() {
    let (fifo, _) = run(1, vec![], nothing, works_four_times);
    let shared = on_shared_cores(Span::ZERO, works_four_times);
    // The task works on one core at a time: what it awaits at once is charged to one poll.
    assert_eq!(fifo.len(), 4, "{fifo:?}");
    assert_eq!(shared.len(), 4, "{shared:?}");
    assert_eq!(shared.last(), fifo.last());
}
