//! What an orchestrator remembers of ended sagas, and what forgetting must not break.

use super::*;

/// A policy that remembers this many ended sagas.
fn remembering(remembered: usize) -> Policy {
    Policy {
        remembered,
        undo_tries: 2,
        ..quick()
    }
}

async fn open_remembering(path: &Path, definition: Definition, remembered: usize) -> Orchestrator {
    let policy = remembering(remembered);
    Orchestrator::open(path, [definition], policy, Arc::new(()))
        .await
        .expect("the log can be opened")
}

fn all_done(world: &World) -> Definition {
    world.definition("", |_| Outcome::Refused("never".into()))
}

/// One step that can neither be finished nor undone: its saga is parked.
fn stuck() -> Definition {
    let no_answer = |_: Context| async { Outcome::Unknown("no answer".into()) };
    Definition::new("checkout").step(Step::new("reserve", no_answer).undone_by(no_answer))
}

async fn run(sagas: &Orchestrator, saga: &str) -> End {
    sagas
        .run(saga, "checkout", Value::Null)
        .await
        .expect("it runs")
}

#[tokio::test]
async fn a_forgotten_saga_that_is_begun_again_leaves_a_log_that_opens() {
    let (path, world) = (scratch("begun-again").await, World::default());
    let sagas = open_remembering(&path, all_done(&world), 1).await;
    for saga in ["a", "b", "a"] {
        assert_eq!(run(&sagas, saga).await, End::Done);
    }
    let sagas = open_remembering(&path, all_done(&world), 1).await;
    assert_eq!(sagas.end("a"), Some(End::Done));
}

#[tokio::test]
async fn the_last_to_end_are_remembered_over_a_restart() {
    let (path, world) = (scratch("last-ended").await, World::default());
    let sagas = open_remembering(&path, all_done(&world), 2).await;
    for saga in ["z", "y", "a"] {
        run(&sagas, saga).await;
    }
    let known = |sagas: &Orchestrator| ["z", "y", "a"].map(|saga| sagas.end(saga).is_some());
    assert_eq!(known(&sagas), [false, true, true]);
    let sagas = open_remembering(&path, all_done(&world), 2).await;
    assert_eq!(known(&sagas), [false, true, true]);
}

#[tokio::test]
async fn a_parked_saga_is_never_forgotten() {
    let path = scratch("parked-kept").await;
    let sagas = open_remembering(&path, stuck(), 1).await;
    for saga in ["a", "b", "c"] {
        assert!(matches!(run(&sagas, saga).await, End::Parked { .. }));
    }
    assert_eq!(sagas.parked().len(), 3);
    let sagas = open_remembering(&path, stuck(), 1).await;
    assert_eq!(sagas.parked().len(), 3);
}

#[tokio::test]
async fn of_requests_that_come_together_one_begins_the_saga() {
    let (path, world) = (scratch("together").await, World::default());
    let sagas = open(&path, all_done(&world)).await;
    let runs: Vec<_> = (0..20)
        .map(|_| {
            let sagas = sagas.clone();
            tokio::spawn(async move { run(&sagas, "s").await })
        })
        .collect();
    for run in runs {
        assert_eq!(run.await.expect("no panic"), End::Done);
    }
    assert_eq!(world.calls().len(), 3);
}

/// A policy under which every ended saga has the log rewritten.
fn compacting() -> Policy {
    Policy {
        compacts_above: 0,
        ..remembering(1)
    }
}

#[tokio::test]
async fn a_compacted_log_keeps_what_is_remembered_and_stays_small() {
    let (path, world) = (scratch("compacted").await, World::default());
    let opened = Orchestrator::open(&path, [all_done(&world)], compacting(), Arc::new(())).await;
    let sagas = opened.expect("a new log");
    let mut largest = 0;
    for number in 0..40 {
        run(&sagas, &format!("s{number:02}")).await;
        largest = largest.max(fs::metadata(&path).await.expect("there").len());
    }
    drop(sagas);
    // One saga takes less than 900 bytes, 40 of them would take more than 20,000.
    assert!(largest < 5_000, "the log grew to {largest} bytes");
    let opened = Orchestrator::open(&path, [all_done(&world)], compacting(), Arc::new(())).await;
    let sagas = opened.expect("the compacted log is whole");
    assert_eq!(sagas.end("s39"), Some(End::Done));
    assert_eq!(sagas.end("s00"), None);
}

#[tokio::test]
async fn compacting_at_the_start_keeps_unfinished_and_parked_sagas() {
    let path = scratch("compacted-open").await;
    let (journal, _) = crate::journal::Journal::open(&path)
        .await
        .expect("a new log");
    let events = [
        (
            "parked",
            r#""event":"begun","definition":"checkout","input":null"#,
        ),
        ("parked", r#""event":"started","step":0"#),
        (
            "parked",
            r#""event":"failed","step":0,"perhaps_done":true,"because":"late""#,
        ),
        ("parked", r#""event":"undo-started","step":0"#),
        (
            "parked",
            r#""event":"undo-failed","step":0,"because":"no answer""#,
        ),
        (
            "parked",
            r#""event":"ended","end":"parked","step":"reserve","because":"no answer""#,
        ),
        (
            "half",
            r#""event":"begun","definition":"checkout","input":null"#,
        ),
        ("half", r#""event":"started","step":0"#),
    ];
    for (saga, event) in events {
        let record = format!(r#"{{"saga":"{saga}",{event}}}"#);
        journal.append(record.as_bytes()).await.expect("written");
    }
    drop(journal);
    for _ in 0..2 {
        let opened = Orchestrator::open(&path, [stuck()], compacting(), Arc::new(())).await;
        let sagas = opened.expect("the log is whole");
        assert!(matches!(run(&sagas, "half").await, End::Parked { .. }));
        let parked = sagas.parked().into_iter().map(|(saga, _)| saga);
        assert_eq!(parked.collect::<Vec<_>>(), ["half", "parked"]);
    }
}

#[tokio::test]
async fn a_log_at_a_step_that_its_definition_lacks_is_refused() {
    let (path, world) = (scratch("lacking").await, World::default());
    let sagas = open(&path, all_done(&world)).await;
    run(&sagas, "s").await;
    drop(sagas);
    let shorter = Definition::new("checkout");
    let opened = Orchestrator::open(&path, [shorter], quick(), Arc::new(())).await;
    assert!(matches!(
        opened.err(),
        Some(SagaError::UnknownStep { step: 2, .. })
    ));
}
