//! The scripts, each a policy put to both proxies.

mod balancing;
mod failing;
mod limits;
mod routing;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

type Script = fn(PathBuf) -> Pin<Box<dyn Future<Output = ()>>>;

macro_rules! scripts {
    ($($module:ident :: $name:ident),* $(,)?) => {
        /// All of them by name.
        pub fn all() -> Vec<(&'static str, Script)> {
            vec![$((stringify!($name), |program| {
                Box::pin(async move { $module::$name(&program).await })
            })),*]
        }
    };
}

scripts![
    balancing::equal_endpoints_take_turns,
    balancing::weights_are_shares,
    balancing::a_split_has_its_shares,
    balancing::a_ring_moves_the_keys_of_who_left_only,
    balancing::maglev_moves_little_besides_the_keys_of_who_left,
    failing::one_of_three_fails_and_nothing_is_retried,
    failing::one_of_three_fails_and_is_retried_elsewhere,
    failing::retries_end_with_the_attempts,
    failing::a_post_is_repeated_by_envoy_only,
    failing::five_failures_in_a_row_eject,
    failing::the_next_priority_takes_over,
    failing::nobody_listens,
    limits::an_endpoint_is_silent_past_the_timeout,
    limits::a_burst_passes_and_the_rest_is_refused,
    limits::a_mirror_gets_every_request,
    routing::redirects_have_their_codes_and_places,
    routing::an_answer_needs_no_endpoint,
    routing::prefixes_are_rewritten,
    routing::paths_have_one_form,
    routing::headers_change_and_hops_end,
];
