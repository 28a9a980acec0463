//! The simulation against theory: what is measured on its hosts, cores, timers and network, with the
//! interval around it, beside what a formula expects.

pub mod backoff;
pub mod hedging;
pub mod law;
pub mod observation;
pub mod omission;
pub mod queue;
pub mod queues;
pub mod record;
pub mod sharing;
pub mod slow_start;
pub mod station;
pub mod statistics;
pub mod supermarket;
pub mod tally;
pub mod theory;

use law::Law;

/// All laws, in the order of the page.
pub fn laws() -> Vec<Law> {
    vec![
        queues::mm1(),
        queues::mmc(),
        queues::md1(),
        sharing::sharing(),
        supermarket::supermarket(),
        backoff::backoff(),
        hedging::hedging(),
        slow_start::slow_start(),
        omission::omission(),
    ]
}
