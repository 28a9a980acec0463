//! Queues with Poisson arrivals.

use crate::agreement::agrees;
use windtunnel_tests::validation::{queues, sharing};

#[test]
fn one_server_agrees_with_mm1() {
    agrees(&queues::mm1());
}

#[test]
fn many_servers_agree_with_erlang_c() {
    agrees(&queues::mmc());
}

#[test]
fn constant_service_agrees_with_pollaczek_and_khinchine() {
    agrees(&queues::md1());
}

#[test]
fn a_shared_server_treats_all_distributions_alike() {
    agrees(&sharing::sharing());
}
