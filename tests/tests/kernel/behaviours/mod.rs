//! The behaviours, by what they are about.

mod ends;
mod opening;
mod silence;
mod volume;
mod windows;

use crate::behaviour::Behaviour;

/// All behaviours.
pub fn all() -> Vec<Behaviour> {
    [
        opening::behaviours(),
        silence::behaviours(),
        windows::behaviours(),
        ends::behaviours(),
        volume::behaviours(),
    ]
    .concat()
}
