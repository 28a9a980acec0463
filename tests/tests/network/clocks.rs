//! What the clocks of a host show when they are not right.

use crate::stage::{Notes, run};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::time::{Duration, sleep};
use windtunnel::record::{RunSpec, Seed};
use windtunnel::{
    Clock, Fault, Settings, ahead, behind, clock_drift, clock_jump, clock_skew, execute, host,
    millis, secs,
};

/// 2026-01-01T00:00:00Z, what a right clock shows at the start.
const EPOCH: u64 = 1_767_225_600;

/// Notes each second of its own what its two clocks show, in milliseconds; true time beside it.
async fn watch(notes: Notes) {
    let start = Instant::now();
    loop {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        let wall = wall.expect("after 1970").as_millis() as i128 - i128::from(EPOCH) * 1000;
        let monotonic = start.elapsed().as_millis();
        let line = (monotonic as u64, format!("{wall}"));
        notes.lock().expect("nobody panics").push(line);
        sleep(Duration::from_secs(1)).await;
    }
}

async fn nothing(_: Notes) {}

/// What the server's clocks showed: monotonic and wall, in milliseconds, each second.
fn shown(faults: Vec<Fault>) -> Vec<(u64, i64)> {
    let (noted, _) = run(10, faults, watch, nothing);
    let wall = |text: String| text.parse().expect("a number");
    noted
        .into_iter()
        .map(|(at, text)| (at, wall(text)))
        .collect()
}

#[test]
fn a_right_clock_shows_the_epoch_and_the_time_since() {
    for (second, (monotonic, wall)) in shown(Vec::new()).into_iter().enumerate() {
        assert_eq!(
            (monotonic, wall),
            (1000 * second as u64, 1000 * second as i64)
        );
    }
}

#[test]
fn a_skew_moves_the_wall_clock_while_it_lasts_and_nothing_else() {
    let fault = clock_skew(host("server"), ahead(secs(5)));
    let seen = shown(vec![fault.at(millis(2500)).lasting(secs(3))]);
    let walls: Vec<i64> = seen.iter().map(|(_, wall)| *wall).collect();
    assert_eq!(walls[..7], [0, 1000, 2000, 8000, 9000, 10_000, 6000]);
    assert!(
        seen.iter()
            .enumerate()
            .all(|(second, (at, _))| *at == 1000 * second as u64)
    );
}

#[test]
fn a_jump_sets_the_wall_clock_back_for_good_and_never_the_monotonic_one() {
    let fault = clock_jump(host("server"), behind(secs(3600)));
    let seen = shown(vec![fault.at(millis(1500))]);
    let walls: Vec<i64> = seen.iter().map(|(_, wall)| *wall).collect();
    assert_eq!(walls[..4], [0, 1000, 2000 - 3_600_000, 3000 - 3_600_000]);
    assert_eq!(walls[9], 9000 - 3_600_000);
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[test]
fn a_drift_makes_clocks_and_timers_fast_while_it_lasts_and_what_they_gained_stays() {
    // Twice as fast from 2.0 s to 4.0 s: six of its seconds have passed at 4.0 s.
    let fault = clock_drift(host("server"), 1e6);
    let seen = shown(vec![fault.at(secs(2)).lasting(secs(2))]);
    assert_eq!(
        seen.len(),
        12,
        "ten seconds, in two of which it counts four"
    );
    for (second, (monotonic, wall)) in seen.into_iter().enumerate() {
        assert_eq!(
            (monotonic, wall),
            (1000 * second as u64, 1000 * second as i64)
        );
    }
}

#[test]
fn a_timer_that_was_armed_before_a_drift_goes_by_the_clock_as_it_became() {
    let sleeper = |notes: Notes| async move {
        sleep(Duration::from_secs(6)).await;
        notes
            .lock()
            .expect("nobody panics")
            .push((0, "woke".into()));
        std::future::pending::<()>().await;
    };
    let woke = |secs_in_all, faults| run(secs_in_all, faults, sleeper, nothing).0.len();
    let fast = || {
        vec![
            clock_drift(host("server"), 1e6)
                .at(secs(2))
                .lasting(secs(60)),
        ]
    };
    let slow = || {
        vec![
            clock_drift(host("server"), -500_000.0)
                .at(secs(2))
                .lasting(secs(60)),
        ]
    };
    // Two seconds at the right speed, then four at twice the speed, or at half of it.
    assert_eq!((woke(3, fast()), woke(5, fast())), (0, 1));
    assert_eq!((woke(9, slow()), woke(11, slow())), (0, 1));
}

#[test]
fn a_host_may_have_wrong_clocks_from_the_start_and_others_do_not_see_that() {
    let notes = Notes::default();
    let (for_wrong, for_right) = (notes.clone(), notes.clone());
    let spec = RunSpec::new("clocks", Seed(1));
    execute(&spec, Settings::default(), move |tunnel| {
        tunnel.load_for(millis(1500)).settle_for(secs(0));
        let clock = Clock {
            offset: Some(behind(secs(10))),
            drift_ppm: 100_000.0,
        };
        let wrong = tunnel.host("wrong").clock(clock);
        wrong.run(move || watch(for_wrong.clone()));
        tunnel.host("right").run(move || watch(for_right.clone()));
    })
    .expect("the run can be made");
    let mut seen = notes.lock().expect("the run is over").clone();
    seen.sort();
    let expected = [(0, "-10000"), (0, "0"), (1000, "-9000"), (1000, "1000")];
    let seen: Vec<_> = seen.iter().map(|(at, wall)| (*at, wall.as_str())).collect();
    assert_eq!(seen, expected);
}
