//! Random sets, keys, refusals and ends of calls never bring consistent hashing out of its law: what a
//! balancer picks is what tables that are built from the willing endpoints alone say, and a change of the
//! set moves the keys it has to.

mod calls;
mod moves;
mod willing;

use windtunnel_models::balance::hashed::Sizes;

const SIZES: Sizes = Sizes {
    minimum: 256,
    maximum: 2048,
};

/// A hash of a small number.
fn scattered(number: u64) -> u64 {
    (number + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(31)
}
