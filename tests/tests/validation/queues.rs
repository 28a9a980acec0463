//! Queues with Poisson arrivals.

use crate::agreement::agrees;
use windtunnel_tests::validation::queues;

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
