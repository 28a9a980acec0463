//! A saga goes on in the trace of the request that began it.

use super::*;
use crate::trace;

/// Two steps, of which the first tells in which trace it is tried.
fn telling(told: &Arc<Mutex<Vec<Option<u128>>>>) -> Definition {
    let told = told.clone();
    let tell = move |_: Context| {
        told.lock().expect("nobody panics").push(trace::present());
        async { Outcome::Done(Value::Null) }
    };
    let last = |_: Context| async { Outcome::Done(Value::Null) };
    Definition::new("checkout")
        .step(Step::new("reserve", tell))
        .step(Step::new("charge", last))
}

#[tokio::test]
async fn the_steps_of_a_saga_are_tried_in_the_trace_of_its_request_also_after_a_crash() {
    let (path, told) = (scratch("trace").await, Arc::default());
    let sagas = open(&path, telling(&told)).await;
    let run = sagas.run("s", "checkout", Value::Null);
    let end = trace::within(Some(7), run).await;
    assert_eq!(end.expect("it runs"), End::Done);
    let log = fs::read(&path).await.expect("the log is there");
    let (_, records) = crate::journal::Journal::open(&path)
        .await
        .expect("it is whole");
    // A crash after its first record: nobody asks when it goes on.
    let first = crate::journal::framed_length(&records[0]) as usize;
    let copy = path.with_extension("crashed");
    fs::write(&copy, &log[..first]).await.expect("written");
    let sagas = open(&copy, telling(&told)).await;
    let end = sagas.run("s", "checkout", Value::Null).await;
    assert_eq!(end.expect("it goes on"), End::Done);
    assert_eq!(*told.lock().expect("nobody panics"), [Some(7), Some(7)]);
}
