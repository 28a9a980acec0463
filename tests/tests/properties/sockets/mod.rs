//! Whatever several tasks do with connections and whatever goes wrong meanwhile: a stream loses,
//! doubles and reorders no byte, nobody waits longer than TCP lets him, and nothing is left behind.

mod dialogue;
mod notes;
mod regressions;
mod stage;

use crate::{
    faults::plans::{Hosts, plans},
    fixed,
};
use dialogue::{Dialogue, dialogues};
use proptest::prelude::*;
use stage::HOSTS;
use windtunnel_record::{FaultPlan, Span};

/// Faults are over by then.
const STORM: Span = Span::from_secs(40);

/// What is tried: conversations between hosts, and what befalls the hosts.
#[derive(Clone, Debug)]
struct Trial {
    seed: u64,
    dialogues: Vec<Dialogue>,
    faults: FaultPlan,
}

fn trials() -> impl Strategy<Value = Trial> {
    let servers = HOSTS.map(String::from).to_vec();
    let clients = Vec::new();
    let faults = plans(&Hosts { servers, clients }, STORM);
    let seeds = (0..1_000_000u64).no_shrink();
    (seeds, dialogues(), faults).prop_map(|(seed, dialogues, faults)| Trial {
        seed,
        dialogues,
        faults,
    })
}

#[test]
fn streams_keep_their_bytes_their_time_and_nothing_else_whatever_goes_wrong() {
    let outcome = fixed::runner(300, 2_000).run(&trials(), |trial| {
        stage::run(&trial).map_err(TestCaseError::fail)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
