//! Many servers: where jobs go, and how long the slowest takes.

use crate::agreement::agrees;
use windtunnel_tests::validation::{hedging, supermarket};

#[test]
fn the_less_loaded_of_two_agrees_with_the_supermarket_model() {
    agrees(&supermarket::supermarket());
}

#[test]
fn a_second_question_cuts_the_tail_as_at_scale() {
    agrees(&hedging::hedging());
}
