//! What waits when: after conflicts, for windows, behind a stall.

use crate::agreement::agrees;
use windtunnel_tests::validation::{backoff, omission, slow_start};

#[test]
fn pauses_after_conflicts_agree_with_the_table_of_aws() {
    agrees(&backoff::backoff());
}

#[test]
fn a_young_connection_doubles_its_window() {
    agrees(&slow_start::slow_start());
}

#[test]
fn an_open_loop_leaves_nobody_out_of_a_stall() {
    agrees(&omission::omission());
}
