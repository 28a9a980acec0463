//! A run that is made for what its hosts note down.

use std::sync::{Arc, Mutex};
use windtunnel::{Settings, Tunnel, execute};
use windtunnel_record::{RunSpec, Seed};

/// What the hosts of a run note down.
pub type Notes<T> = Arc<Mutex<T>>;

/// Carries out a run of the system that `describe` gives, and returns what it noted down.
///
/// # Panics
/// If the run cannot be made or does not hold.
pub fn observe<T: Default + Send + 'static>(
    name: &str,
    seed: u64,
    describe: impl FnOnce(&mut Tunnel, Notes<T>) + Send + 'static,
) -> T {
    let notes = Notes::<T>::default();
    let kept = notes.clone();
    let spec = RunSpec::new(name, Seed(seed));
    let run = execute(&spec, Settings::default(), move |tunnel| {
        describe(tunnel, notes);
    });
    let run = run.expect("the run can be made");
    assert_eq!(run.verdict(), "held", "{:?}, {:?}", run.limit(), run.rules);
    let mut notes = kept.lock().expect("the run is over");
    std::mem::take(&mut *notes)
}
