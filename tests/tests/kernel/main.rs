//! Does the simulated network show what a real kernel shows? Each behaviour has one body for each of
//! two hosts. In the simulated world they are two simulated hosts; in the real world
//! (`cargo real-test -p windtunnel-tests --test kernel`, as root) they are processes in two network
//! namespaces that a veth pair joins. What befalls the network is planned in words that both worlds
//! carry out, and what the bodies noted is judged by the same function.
//!
//! Where namespaces are not permitted, the real world says so and its behaviours count as skipped.

mod account;
mod behaviour;
mod behaviours;
mod part;
mod plan;
#[cfg(not(madsim))]
mod real;
#[cfg(madsim)]
mod simulated;

#[cfg(not(madsim))]
use real as world;
#[cfg(madsim)]
use simulated as world;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

/// How many behaviours run at a time: in the real world they mostly wait, each on its own wire.
const AT_A_TIME: usize = 6;

fn main() -> ExitCode {
    #[cfg(not(madsim))]
    if let Some(code) = real::play_the_part_asked_for() {
        return code;
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let listing = arguments.list;
    let unavailable = (!listing).then(world::unavailable).flatten();
    if let Some(why) = &unavailable {
        eprintln!(
            "\nSKIPPED: no parity against a real kernel on this machine: {why}\n\
             It needs root, `ip`, `ss` and `tc` (iproute2), and `nft` (nftables).\n"
        );
    }
    let trials = behaviours::all().into_iter().map(|behaviour| {
        let unavailable = unavailable.clone();
        Trial::ignorable_test(behaviour.name, move || match unavailable {
            Some(why) => Ok(libtest_mimic::Completion::ignored_with(why)),
            None => {
                let account = world::perform(&behaviour)?;
                (behaviour.judge)(&account);
                Ok(libtest_mimic::Completion::Completed)
            }
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
