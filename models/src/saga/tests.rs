//! Whole sagas, with refusals, lost answers, panics and crashes at every record of the log.

mod memory;
mod traces;

use super::*;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::fs;

/// What the outside world holds: the keys of effects that are in force, and every call.
#[derive(Clone, Default)]
struct World(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    in_force: BTreeSet<String>,
    calls: Vec<String>,
}

impl World {
    fn held(&self) -> Vec<String> {
        self.0
            .lock()
            .expect("nobody panics")
            .in_force
            .iter()
            .cloned()
            .collect()
    }

    fn calls(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics").calls.clone()
    }

    /// An effect that holds its step's name per saga, and how it answers.
    fn effect(&self, answer: fn(&Context) -> Outcome) -> impl Effect {
        let world = self.clone();
        move |context: Context| {
            let outcome = answer(&context);
            let mut held = world.0.lock().expect("nobody panics");
            held.calls.push(context.key.clone());
            if !matches!(outcome, Outcome::Refused(_)) {
                held.in_force
                    .insert(format!("{}/{}", context.saga, context.step));
            }
            async move { outcome }
        }
    }

    fn undo(&self) -> impl Effect {
        let world = self.clone();
        move |context: Context| {
            let mut held = world.0.lock().expect("nobody panics");
            held.calls.push(context.key.clone());
            held.in_force
                .remove(&format!("{}/{}", context.saga, context.step));
            async { Outcome::Done(Value::Null) }
        }
    }

    /// Three steps, of which `failing` answers by `answer`.
    fn definition(&self, failing: &str, answer: fn(&Context) -> Outcome) -> Definition {
        let done: fn(&Context) -> Outcome = |context| Outcome::Done(json!(context.step));
        let of = |name: &str| if name == failing { answer } else { done };
        let step = |name: &str| {
            Step::new(name, self.effect(of(name)))
                .undone_by(self.undo())
                .timeout(Duration::from_millis(100))
        };
        Definition::new("checkout")
            .step(step("reserve"))
            .step(step("charge"))
            .step(step("confirm"))
    }
}

fn quick() -> Policy {
    Policy {
        backoff: Duration::from_millis(1),
        longest_backoff: Duration::from_millis(2),
        ..Policy::default()
    }
}

async fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("windtunnel-saga-{name}"));
    let _ = fs::remove_dir_all(&path).await;
    fs::create_dir_all(&path).await.expect("it can be made");
    path.join("log")
}

async fn open(path: &Path, definition: Definition) -> Orchestrator {
    Orchestrator::open(path, [definition], quick(), Arc::new(()))
        .await
        .expect("the log is whole")
}

#[tokio::test]
async fn all_steps_happen_and_the_end_is_remembered() {
    let (path, world) = (scratch("done").await, World::default());
    let never = |_: &Context| Outcome::Refused("never".into());
    let sagas = open(&path, world.definition("", never)).await;
    assert_eq!(
        sagas
            .run("s1", "checkout", json!({"n": 1}))
            .await
            .expect("it runs"),
        End::Done
    );
    assert_eq!(world.held(), ["s1/charge", "s1/confirm", "s1/reserve"]);
    assert_eq!(
        sagas
            .run("s1", "checkout", json!({"n": 1}))
            .await
            .expect("known"),
        End::Done
    );
    assert_eq!(
        world.calls().len(),
        3,
        "a repeated request runs nothing again"
    );
    let other = sagas.run("s1", "checkout", json!({"n": 2})).await;
    assert!(matches!(other, Err(SagaError::OtherInput(_))));
}

#[tokio::test]
async fn a_refusal_at_each_step_undoes_the_steps_before_it_in_reverse() {
    for (failing, undone) in [("reserve", 0), ("charge", 1), ("confirm", 2)] {
        let (path, world) = (scratch(failing).await, World::default());
        let sagas = open(
            &path,
            world.definition(failing, |_| Outcome::Refused("no".into())),
        )
        .await;
        let end = sagas
            .run("s", "checkout", Value::Null)
            .await
            .expect("it runs");
        assert_eq!(
            end,
            End::Undone {
                because: "no".into()
            }
        );
        assert!(world.held().is_empty(), "{failing}: {:?}", world.held());
        let calls = world.calls();
        let undos: Vec<_> = calls.iter().filter(|key| key.ends_with("/undo")).collect();
        let expected = ["s/charge/undo", "s/reserve/undo"];
        assert_eq!(
            undos,
            expected[expected.len() - undone..]
                .iter()
                .collect::<Vec<_>>()
        );
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_tried_again_with_the_same_key_and_then_undone_too() {
    let (path, world) = (scratch("unknown").await, World::default());
    let sagas = open(
        &path,
        world.definition("charge", |_| Outcome::Unknown("late".into())),
    )
    .await;
    let end = sagas
        .run("s", "checkout", Value::Null)
        .await
        .expect("it runs");
    assert_eq!(
        end,
        End::Undone {
            because: "late".into()
        }
    );
    assert!(
        world.held().is_empty(),
        "what perhaps happened is undone: {:?}",
        world.held()
    );
    let tries = world
        .calls()
        .iter()
        .filter(|key| *key == "s/charge/do")
        .count();
    assert_eq!(tries, quick().effect_tries as usize);
}

#[tokio::test]
async fn a_panicking_step_counts_as_perhaps_done() {
    let (path, world) = (scratch("panic").await, World::default());
    let done = world.clone();
    let panics = move |context: Context| {
        let world = done.clone();
        async move {
            world
                .0
                .lock()
                .expect("nobody panics here")
                .in_force
                .insert(format!("{}/charge", context.saga));
            if context.saga == "s" {
                panic!("as planned");
            }
            Outcome::Done(Value::Null)
        }
    };
    let definition =
        Definition::new("checkout").step(Step::new("charge", panics).undone_by(world.undo()));
    let sagas = open(&path, definition).await;
    let end = sagas
        .run("s", "checkout", Value::Null)
        .await
        .expect("it runs");
    assert!(matches!(end, End::Undone { .. }));
    assert!(world.held().is_empty());
}

#[tokio::test]
async fn an_undo_that_keeps_failing_parks_the_saga() {
    let (path, world) = (scratch("parked").await, World::default());
    let stuck = |_: Context| async { Outcome::Unknown("no answer".into()) };
    let done = |_: &Context| Outcome::Done(Value::Null);
    let definition = Definition::new("checkout")
        .step(Step::new("reserve", world.effect(done)).undone_by(stuck))
        .step(Step::new(
            "charge",
            world.effect(|_| Outcome::Refused("no".into())),
        ));
    let sagas = open(&path, definition).await;
    let end = sagas
        .run("s", "checkout", Value::Null)
        .await
        .expect("it runs");
    let parked = End::Parked {
        step: "reserve".into(),
        because: "no answer".into(),
    };
    assert_eq!(end, parked);
    assert_eq!(sagas.parked(), [("s".to_string(), parked)]);
}

#[tokio::test]
async fn after_the_pivot_a_step_is_tried_until_it_succeeds() {
    let (path, world) = (scratch("pivot").await, World::default());
    let tries = Arc::new(Mutex::new(0));
    let counted = tries.clone();
    let stubborn = move |_: Context| {
        let mut tries = counted.lock().expect("nobody panics");
        *tries += 1;
        let outcome = if *tries < 20 {
            Outcome::Refused("not yet".into())
        } else {
            Outcome::Done(Value::Null)
        };
        async move { outcome }
    };
    let definition = Definition::new("checkout")
        .step(Step::new(
            "charge",
            world.effect(|_| Outcome::Done(Value::Null)),
        ))
        .pivot()
        .step(Step::new("confirm", stubborn));
    let sagas = open(&path, definition).await;
    assert_eq!(
        sagas
            .run("s", "checkout", Value::Null)
            .await
            .expect("it runs"),
        End::Done
    );
    assert_eq!(*tries.lock().expect("nobody panics"), 20);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_its_saga() {
    let (path, world) = (scratch("caller").await, World::default());
    let never = |_: &Context| Outcome::Refused("never".into());
    let sagas = open(&path, world.definition("", never)).await;
    let given_up = tokio::time::timeout(Duration::ZERO, sagas.run("s", "checkout", Value::Null));
    assert!(given_up.await.is_err());
    assert_eq!(
        sagas
            .run("s", "checkout", Value::Null)
            .await
            .expect("it runs"),
        End::Done
    );
    assert_eq!(world.calls().len(), 3);
}

/// The log cut after each record and in the middle of each: whatever a crash leaves, the saga ends
/// whole or without a trace.
#[tokio::test]
async fn a_crash_at_any_record_is_made_good_at_the_next_start() {
    for failing in ["", "charge", "confirm"] {
        let (path, world) = (scratch(&format!("crash-{failing}")).await, World::default());
        let refused: fn(&Context) -> Outcome = |_| Outcome::Refused("no".into());
        let sagas = open(&path, world.definition(failing, refused)).await;
        sagas
            .run("s", "checkout", Value::Null)
            .await
            .expect("it runs");
        let whole = fs::read(&path).await.expect("the log is there");
        assert!(whole.len() > 300);
        for cut in (0..whole.len()).step_by(7) {
            let copy = path.with_extension(format!("{cut}"));
            fs::write(&copy, &whole[..cut]).await.expect("written");
            let world = World::default();
            let sagas = open(&copy, world.definition(failing, refused)).await;
            for saga in sagas.unfinished() {
                sagas
                    .run(&saga, "checkout", Value::Null)
                    .await
                    .expect("it goes on");
            }
            match sagas.end("s") {
                Some(End::Done) => assert_eq!(failing, ""),
                Some(End::Undone { .. }) => assert!(world.held().is_empty(), "cut at {cut}"),
                other => assert!(other.is_none(), "{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_log_that_tells_the_impossible_is_refused() {
    let (path, world) = (scratch("impossible").await, World::default());
    let (journal, _) = crate::journal::Journal::open(&path)
        .await
        .expect("a new log");
    let begun = br#"{"saga":"s","event":"begun","definition":"checkout","input":null}"#;
    journal.append(begun).await.expect("written");
    let second = journal.size();
    let undone = br#"{"saga":"s","event":"undo-finished","step":0}"#;
    journal.append(undone).await.expect("written");
    let definition = world.definition("", |_| Outcome::Refused("never".into()));
    let opened = Orchestrator::open(&path, [definition], quick(), Arc::new(())).await;
    let Some(SagaError::Impossible { offset, .. }) = opened.err() else {
        panic!("the log is taken for possible");
    };
    assert_eq!(offset, second);
}
