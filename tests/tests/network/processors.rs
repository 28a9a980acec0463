//! What the cores of a host do when others take their time.

use crate::stage::{Notes, note, run};
use tokio::time::{Duration, Instant};
use windtunnel::{Fault, cpu_starve, host, millis, secs};

/// Works for a second again and again, and notes how long each took.
async fn works(notes: Notes) {
    loop {
        let start = Instant::now();
        windtunnel::work(Duration::from_secs(1)).await;
        note(&notes, start, "worked");
    }
}

async fn nothing(_: Notes) {}

fn took(faults: Vec<Fault>) -> Vec<u64> {
    let (noted, _) = run(12, faults, works, nothing);
    noted.into_iter().map(|(millis, _)| millis).collect()
}

#[test]
fn starved_cores_work_at_the_share_that_is_left_to_them_while_it_lasts() {
    assert_eq!(
        took(Vec::new()),
        [1000; 11],
        "the twelfth ends with the run"
    );
    let starve = |share| {
        cpu_starve(host("server"), share)
            .at(millis(1500))
            .lasting(secs(4))
    };
    // What began at 1 s keeps its pace; from 2 s to 6 s one takes four seconds; then all is well.
    assert_eq!(took(vec![starve(0.25)])[..4], [1000, 1000, 4000, 1000]);
    // Two together leave a half of a half.
    let both = vec![starve(0.5).named("one"), starve(0.5).named("two")];
    assert_eq!(took(both)[..4], [1000, 1000, 4000, 1000]);
}
